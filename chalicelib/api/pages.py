"""Which page a list's query parameters ask for, and the reply that holds it."""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlencode

from chalicelib.api.answers import Answer
from chalicelib.api.schemas import ListQuery
from chalicelib.errors import Invalid
from chalicelib.listing import MOST_OFFSET, Order, Page, Paging, Sort, decode_cursor, encode_cursor

B = TypeVar("B")

_ORDERS: dict[Sort, Order] = {"created_at": "desc", "expires_at": "asc"}


def respond(
    path: str, query: ListQuery, read: Callable[[Paging], Page[Any]], form: Callable[[Any], B]
) -> Answer[list[B]]:
    """The page of the list at `path` that the query asks for, each record in its outer form.

    More is told by a link with a query only, which holds behind any stage (RFC 8288).
    """
    paging = _paging(path, query)
    page = read(paging)
    headers = {}
    if page.next is not None:
        cursor = encode_cursor(path, paging, page.next)
        link = urlencode({"cursor": cursor, "page_size": paging.page_size})
        headers["Link"] = f'<?{link}>; rel="next"'
    return Answer([form(record) for record in page.records], headers)


def _paging(path: str, query: ListQuery) -> Paging:
    if query.offset > MOST_OFFSET:
        raise Invalid(
            f"offset: at most {MOST_OFFSET}; follow the cursor of the Link header instead"
        )
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
    for name in ("sort", "order", "status"):
        given = getattr(query, name, None)
        if given is not None and given != getattr(carried, name):
            raise Invalid(f"cursor: made for another {name}")
    if query.offset:
        raise Invalid("offset: not together with a cursor")
    return Paging(
        page_size=query.page_size,
        sort=carried.sort,
        order=carried.order,
        status=carried.status,
        after=carried.after,
    )
