"""The order and the filters of lists: which combinations an index answers, and their parameters."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from chalicelib.domain.errors import Invalid
from chalicelib.domain.task import STATUSES
from chalicelib.http.schemas import ListQuery
from chalicelib.services.pagination import Order, Paging, Sort

_FILTERS: Mapping[Sort, tuple[str, ...]] = {
    "expires_at": ("due_after", "due_before", "unassigned"),
    "created_at": ("created_after", "created_before"),
}
"""The filters of a list in each order. The first two are a range of what it is sorted by."""
_ORDERS: Mapping[Sort, Order] = {"created_at": "desc", "expires_at": "asc"}


def of_query(query: ListQuery) -> Paging:
    """Return the page that a query without a cursor asks for.

    Raises:
        Invalid: no index answers the combination, or the range has no day.
    """
    sort = _sort(query)
    after, before = _FILTERS[sort][:2]
    first_day, last_day = getattr(query, after, None), getattr(query, before, None)
    if _is_reversed(first_day, last_day):
        raise Invalid(f"{before}: must not be before {after}, which is {first_day}")
    return Paging(
        page_size=query.page_size,
        offset=query.offset,
        sort=sort,
        order=query.order or _ORDERS[sort],
        statuses=_in_order(getattr(query, "status", None) or ()),
        first_day=first_day,
        last_day=last_day,
        unassigned=getattr(query, "unassigned", None) is not None,
    )


def require_same(query: ListQuery, paging: Paging) -> None:
    """Refuse a query that contradicts the cursor that it comes with.

    Raises:
        Invalid: a parameter has another value than in the cursor, or is not in it.
    """
    held = _parameters(paging)
    for name in ("sort", "order", "status", *(one for names in _FILTERS.values() for one in names)):
        value = getattr(query, name, None)
        if value is not None and _text(value) != held.get(name):
            raise Invalid(f"{name}: must be {held.get(name) or 'absent'}, as in the cursor")


def are_valid(paging: Paging, query: ListQuery) -> bool:
    """Return whether the list that the query is for has this order and these filters."""
    possible = {*query.__struct_fields__, "order"}
    if paging.by_due_date and "sort" not in possible:
        return False
    if paging.unassigned and not paging.by_due_date:
        return False
    if _is_reversed(paging.first_day, paging.last_day):
        return False
    needed = {name for name, value in _parameters(paging).items() if value} - {"sort"}
    return needed <= possible and paging.statuses == _in_order(paging.statuses)


def _is_reversed(first_day: date | None, last_day: date | None) -> bool:
    return bool(first_day and last_day and first_day > last_day)


def _sort(query: ListQuery) -> Sort:
    """Return the order that the query asks for or that its filters need."""
    given = [
        (name, sort)
        for sort, names in _FILTERS.items()
        for name in names
        if getattr(query, name, None) is not None
    ]
    asked: Sort | None = getattr(query, "sort", None)
    for name, sort in given:
        if asked and asked != sort:
            raise Invalid(f"sort: must be {sort}, or absent, with {name}; {_possible(query)}")
        if sort != given[0][1]:
            raise Invalid(f"{name}: must not be sent with {given[0][0]}; {_possible(query)}")
    return asked or (given[0][1] if given else "created_at")


def _possible(query: ListQuery) -> str:
    """Return which filters the list takes in each order."""
    fields = query.__struct_fields__
    return "; ".join(
        f"sort={sort} can be combined with {', '.join(one for one in names if one in fields)}"
        " and status"
        for sort, names in _FILTERS.items()
    )


def _parameters(paging: Paging) -> Mapping[str, str | None]:
    """Return the query parameters that ask for the order and the filters of a page."""
    after, before = _FILTERS[paging.sort][:2]
    return {
        "sort": paging.sort,
        "order": paging.order,
        "status": _text(paging.statuses) or None,
        after: _text(paging.first_day) if paging.first_day else None,
        before: _text(paging.last_day) if paging.last_day else None,
        "unassigned": "true" if paging.unassigned else None,
    }


def _in_order(statuses: tuple[str, ...]) -> tuple[str, ...]:
    """Return these statuses in the one order that all cursors have."""
    return tuple(status for status in STATUSES if status in statuses)


def _text(value: Any) -> str:
    return ",".join(_in_order(value)) if isinstance(value, tuple) else str(value)
