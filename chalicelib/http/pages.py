"""The page that a list's query parameters ask for, and its response."""

import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from chalicelib.domain.errors import Invalid
from chalicelib.http import filters, request_log
from chalicelib.http.conditional import content_etag_header
from chalicelib.http.fields import MUST_BE_OFFSET
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import ListQuery
from chalicelib.http.urls import Urls
from chalicelib.services import cursor
from chalicelib.services.pagination import MAX_OFFSET, Page, Paging

B = TypeVar("B")

MAX_ENCODED = 6 * 1024 * 1024 - 16 * 1024
"""The maximum size of a body in bytes after Lambda has encoded it: 6 MB, less room for headers.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
MAX_PER_BYTE = 3
"""How many times larger Lambda's encoding makes a body, at most: an emoji has 4 bytes in UTF-8, and
12 as the two escapes that the Python 3.11 runtime writes."""


def respond(
    urls: Urls,
    path: str,
    query: ListQuery,
    read: Callable[[Paging], Page[Any]],
    body_of: Callable[[Any], B],
) -> ApiResponse[list[B]]:
    """Return the page of the list at `path` that the query asks for.

    If there are more results, the `Link` header has the URL of the next page (RFC 8288). The ETag
    is a digest of body and link.

    Args:
        read: reads the page.
        body_of: makes the body of one item.
    """
    paging = _paging(path, query)
    record = request_log.current()
    record.page_size, record.offset = paging.page_size, paging.offset
    page = read(paging)
    bodies = [body_of(item) for item in page.items]
    encoded = msgspec.json.encode(bodies)
    if len(encoded) * MAX_PER_BYTE > MAX_ENCODED:
        count = fitting(msgspec.json.encode(body).decode() for body in bodies)
        page, encoded = page.first(count), msgspec.json.encode(bodies[:count])
    record.items_returned = len(page.items)
    headers: dict[str, str] = {}
    if page.next is not None:
        after = cursor.encode(path, paging, page.next)
        link = urlencode({"cursor": after, "page_size": paging.page_size})
        headers["Link"] = f'<{urls.absolute(f"/v1/{path}")}?{link}>; rel="next"'
    headers |= content_etag_header(encoded + headers.get("Link", "").encode())
    return ApiResponse(msgspec.Raw(encoded), headers)


def fitting(texts: Iterable[str]) -> int:
    """Return how many of the first texts fit into MAX_ENCODED, at least one.

    Lambda's runtime encodes a body once more, as a JSON string. The Python 3.11 runtime escapes
    all but ASCII, as `json.dumps` does; later ones need fewer bytes.
    """
    # The two quotes stand for comma and brackets.
    sizes = itertools.accumulate(len(json.dumps(text)) for text in texts)
    return max(sum(size <= MAX_ENCODED for size in sizes), 1)


def _paging(path: str, query: ListQuery) -> Paging:
    if query.offset > MAX_OFFSET:
        raise Invalid(f"offset: {MUST_BE_OFFSET}")
    if query.cursor is None:
        return filters.of_query(query)
    return _paging_of_cursor(path, query, query.cursor)


def _paging_of_cursor(path: str, query: ListQuery, text: str) -> Paging:
    paging = cursor.decode(text, path)
    if not filters.are_valid(paging, query):
        raise Invalid(f"cursor: {cursor.MUST_BE}")
    filters.require_same(query, paging)
    if query.offset:
        raise Invalid("offset: must not be sent with a cursor")
    return msgspec.structs.replace(paging, page_size=query.page_size)
