"""Which page a list's query parameters ask for, and the reply that holds it."""

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, get_args
from urllib.parse import urlencode

import msgspec

from chalicelib.domain.errors import Invalid
from chalicelib.http.fields import MUST
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import ListQuery
from chalicelib.http.urls import Urls
from chalicelib.services.pagination import (
    MAX_OFFSET,
    Order,
    Page,
    Paging,
    Sort,
    decode_cursor,
    encode_cursor,
)
from chalicelib.services.tasks import Status

B = TypeVar("B")

MAX_ENCODED = 6 * 1024 * 1024 - 16 * 1024
"""How many bytes a body may have when Lambda has encoded it: 6 MB, without room for headers.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
MAX_PER_BYTE = 3
"""How many bytes Lambda makes of one byte of a body at most: an emoji has 4 in UTF-8, and 12 as the
two escapes that the runtime of Python 3.11 writes."""

_ORDERS: dict[Sort, Order] = {"created_at": "desc", "expires_at": "asc"}


def respond(
    urls: Urls,
    path: str,
    query: ListQuery,
    read: Callable[[Paging], Page[Any]],
    form: Callable[[Any], B],
) -> ApiResponse[list[B]]:
    """The page of the list at `path` that the query asks for, each record in its outer form.

    If there are more results, the header Link has the URL of the next page (RFC 8288).
    """
    paging = _paging(path, query)
    page = read(paging)
    bodies = [form(record) for record in page.records]
    encoded = msgspec.json.encode(bodies)
    if len(encoded) * MAX_PER_BYTE > MAX_ENCODED:
        count = _fitting(bodies)
        page, encoded = page.first(count), msgspec.json.encode(bodies[:count])
    headers = {}
    if page.next is not None:
        cursor = encode_cursor(path, paging, page.next)
        link = urlencode({"cursor": cursor, "page_size": paging.page_size})
        headers["Link"] = f'<{urls.absolute(f"/v1/{path}")}?{link}>; rel="next"'
    return ApiResponse(msgspec.Raw(encoded), headers)


def _fitting(bodies: Sequence[Any]) -> int:
    """How many of the first bodies fit into MOST_ENCODED, at least one.

    Lambda's runtime encodes the body once more, as a JSON string. That of Python 3.11 escapes what
    is not ASCII, as `json.dumps` does; later ones need fewer bytes.
    """
    texts = (msgspec.json.encode(body).decode() for body in bodies)
    # The two quotes stand for comma and brackets.
    sizes = itertools.accumulate(len(json.dumps(text)) for text in texts)
    return max(sum(size <= MAX_ENCODED for size in sizes), 1)


def _paging(path: str, query: ListQuery) -> Paging:
    if query.offset > MAX_OFFSET:
        raise Invalid(f"offset: {MUST['offset']}")
    if query.cursor is None:
        sort: Sort = getattr(query, "sort", None) or "created_at"
        return Paging(
            page_size=query.page_size,
            offset=query.offset,
            sort=sort,
            order=query.order or _ORDERS[sort],
            status=getattr(query, "status", None),
        )
    return _behind_cursor(path, query)


def _behind_cursor(path: str, query: ListQuery) -> Paging:
    carried = decode_cursor(query.cursor or "", path)
    _require_own(carried, query)
    for name in ("sort", "order", "status"):
        given = getattr(query, name, None)
        if given is not None and given != getattr(carried, name):
            raise Invalid(f"{name}: must be {getattr(carried, name) or 'absent'}, as in the cursor")
    if query.offset:
        raise Invalid("offset: must not be sent with a cursor")
    return Paging(
        page_size=query.page_size,
        sort=carried.sort,
        order=carried.order,
        status=carried.status,
        after=carried.after,
    )


def _require_own(carried: Paging, query: ListQuery) -> None:
    """Refuses a cursor that carries what the query of its list would not accept."""
    takes = query.__struct_fields__
    sorts = get_args(Sort) if "sort" in takes else ("created_at",)
    statuses = (None, *get_args(Status)) if "status" in takes else (None,)
    if carried.sort not in sorts or carried.status not in statuses:
        raise Invalid(f"cursor: {MUST['cursor']}")
