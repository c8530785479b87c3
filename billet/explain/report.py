"""What `billet explain` prints."""

import json
from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from billet.explain.calls import Call
from billet.explain.dry_run import Explained
from billet.prices import PRICES_OF, dollars
from chalicelib.dynamodb.client import ATTEMPTS, LONGEST_CALL
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.fields import MAX_PAGE
from chalicelib.http.routes import ENDPOINTS
from chalicelib.http.schemas import ListQuery
from chalicelib.services.pagination import MAX_OFFSET, MAX_QUERIES_PER_PART

MAX_ROWS = 40
"""Further calls are only in the sum."""
COLUMNS = ("#", "operation", "table, index and key", "items", "read units", "write units", "ms")


def render(explained: Explained) -> RenderableType:
    """Return the response, the calls, their price, and the limits that apply."""
    return Group(
        *map(Text, _head(explained)),
        _table(explained.calls),
        *map(Text, _sums(explained)),
        *map(Text, _limits(explained)),
    )


def _head(explained: Explained) -> Iterator[str]:
    response = explained.response
    yield f"{explained.line.route}: {response.status}{_detail(explained)}"
    if explained.on_copy:
        yield (
            "The calls went to a copy in memory of the items that the request uses; "
            "nothing was written to the database."
        )


def _detail(explained: Explained) -> str:
    if explained.response.status >= 400:
        return f", {json.loads(explained.response.body)['detail']}"
    returned = explained.line.items_returned
    if returned is None:
        return ""
    return ", 1 item" if returned == 1 else f", {returned:,} items"


def _table(calls: list[Call]) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in COLUMNS:
        right = column not in {"operation", "table, index and key"}
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for number, call in enumerate(calls[:MAX_ROWS], 1):
        table.add_row(
            str(number),
            f"{call.operation} {call.error}".strip(),
            "\n".join(call.parts),
            str(call.items or ""),
            f"{call.rcu:g}" if call.rcu else "",
            f"{call.wcu:g}" if call.wcu else "",
            f"{call.ms:.1f}",
        )
    return table


def _sums(explained: Explained) -> Iterator[str]:
    calls = explained.calls
    if len(calls) > MAX_ROWS:
        yield f"… and {len(calls) - MAX_ROWS} more calls"
    read, write = sum(one.rcu for one in calls), sum(one.wcu for one in calls)
    price = dollars(1_000_000 * read, 1_000_000 * write)
    yield (
        f"Sum: {len(calls)} call{'s' if len(calls) != 1 else ''}, {read:g} read units, "
        f"{write:g} write units, {sum(one.items for one in calls):,} items read; "
        f"${price:,.2f} for a million such requests ({PRICES_OF})"
    )


def _limits(explained: Explained) -> Iterator[str]:
    settings = explained.settings
    endpoint = _endpoint(explained.line.route)
    if endpoint is None:
        return
    yield "Limits:"
    role = endpoint.role or "none, everybody may"
    yield f"  role: {role}{'' if settings.authenticated else ' (AUTH is off)'}"
    yield (
        f"  quota: {settings.quota:,} requests in {settings.rate_window_seconds} s and "
        f"{settings.rate_burst} in one second for each principal (RATE_QUOTA, RATE_BURST)"
        if settings.quota
        else "  quota: none (RATE_QUOTA)"
    )
    throttle = endpoint.throttle
    yield (
        f"  API Gateway: {throttle.rate:g} requests a second over all clients, "
        f"{throttle.burst} at once"
    )
    yield (
        f"  time: {settings.request_seconds} s (REQUEST_SECONDS); no call starts with less than "
        f"{LONGEST_CALL:g} s left; {ATTEMPTS} attempts of a call that is refused"
    )
    if any(_is_list_query(kind) for kind in endpoint.parameters.values()):
        yield (
            f"  page: at most {MAX_PAGE:,} items, an offset of at most {MAX_OFFSET:,}, "
            f"at most {MAX_QUERIES_PER_PART} queries of each lane; "
            "a cursor (Link) costs the same on each page"
        )


def _is_list_query(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, ListQuery)


def _endpoint(route: str) -> Endpoint | None:
    return next((one for one in ENDPOINTS if f"{one.method} {one.path}" == route), None)
