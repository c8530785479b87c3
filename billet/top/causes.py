"""The rules that name the likely cause of slow or failing requests.

Each rule looks at the requests of the window, and returns a cause or None. It says its threshold
and where that comes from. `RULES` has them in the order in which their causes are shown: a rule
whose cause explains another one's comes first.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

import msgspec

from billet.top.histogram import Histogram
from billet.top.window import MemoryStep, Observed, Totals

MIN_REQUESTS = 20
"""The number of requests from which on a cause is named."""
MIN_EVENTS = 3
"""How many requests, calls or attempts must show a cause. One or two are chance."""
MAX_CAUSES = 3
RUNBOOK = "docs/runbook.md"

THROTTLED_SHARE = 0.01
"""The share of calls that are throttled. On-demand tables refuse none until a partition or the
table is at its limit.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html"""
ONE_ROUTE = 0.8
"""The share of the refused calls that one route has. If the load on a whole table is too high, each
route that uses the table has refused calls."""
CONFLICT_SHARE = 0.05
"""The lost attempts for each request of a route. Clients that do not meet on one item lose none."""
FAR_SHARE = 0.5
"""The share that pages with an offset have of the time of their route, or of all read units. A page
by cursor costs the same at each place (docs/performance.md, growth)."""
MEMORY_STEPS = 12
"""The number of steps of memory that are needed: a minute."""
MEMORY_MB = 16.0
"""The growth after the warm-up that is a leak. `make soak` shows less in half an hour."""
WARM_UP_STEPS, CLEAR_STEPS, CLEAR_MB = 2, 7, 1.0
"""A growth of more than CLEAR_MB in each step after the warm-up is a leak after CLEAR_STEPS."""
STEADY_SHARE = 0.6
"""The share of the growth for each request of the first half that the second half must have. The
growth of a warm-up becomes less."""
RISING_SHARE = 0.75
"""The share of the steps in which memory grows. Memory that is freed at times is no leak."""
COLD_SHARE = 0.01
"""The share of the requests that are cold starts. "Cold starts typically occur in under 1 % of
invocations".
https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html"""
MIN_COLD_STARTS = 5
CPU_MS = 20.0
"""The CPU time of a request. The API itself needs 1 to 5 ms (docs/performance.md, baseline)."""
CPU_SHARE = 0.5
"""The share of the time of a route, without its wait, that is CPU time."""
CPU_CORES, OUTSIDE_SHARE = 0.3, 0.25
"""The cores in use, and the share of the time outside the database, from which on requests wait for
a core."""
SLOW_CALL_MS = 30.0
"""The median time of slow calls. DynamoDB takes single-digit milliseconds, below 10 at p99 for an
item.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Introduction.html"""
MIN_SLOW = 10
"""The number of requests of a route with slow calls."""
DB_SHARE = 0.6
"""The share of the time of a route, without its wait, that is the database."""
MOST_CALLS = 0.6
"""The share of all calls that are slow. If most of them are, it is the database, not one query."""
QUERY_SHARE = 0.3
"""The share that a query has of the time of all requests. One with less is not the cause."""
TIMES_SLOWER = 3
"""How much slower a query is than a call of the other routes. Large items or pages make it up to
twice as slow."""
WAIT_SHARE = 0.2
"""The share of the time of all requests that is wait. A server with free threads has less than a
hundredth."""
CLEAR_WAIT_SHARE = 0.5
"""That share with few data. Requests also wait while a new server opens its connections."""
BUSY_CORES = 0.6
"""The cores that a process uses. A Python process uses one at most."""
ERROR_SHARE = 0.01
"""The share of the responses that are 5xx, as in the alarm ServerErrors."""
LIMITED_SHARE = 0.05
"""The share of the responses that are 429. Clients that keep to their quota get none."""

CONSEQUENCES = {
    "throttling": {"conflicts", "slow-database", "slow-query", "full-server", "errors"},
    "conflicts": {"cpu", "slow-database", "slow-query", "full-server"},
    "far-offset": {"cpu", "slow-database", "slow-query", "full-server"},
    "cold-starts": {"cpu", "slow-database", "slow-query"},
    "cpu": {"slow-database", "slow-query", "full-server"},
    "slow-database": {"full-server", "errors"},
    "slow-query": {"full-server"},
    "full-server": {"errors"},
}
"""The causes that each cause can bring with it. The others count as causes of their own."""


class Cause(msgspec.Struct):
    """A likely cause."""

    kind: str
    """The name of the rule, with hyphens."""
    route: str | None
    """The route that shows it most, if it is not a matter of all."""
    text: str
    """What is seen, in plain words."""
    runbook: str
    """The section that says what to do."""
    follows: bool = False
    """Whether it is probably a consequence of the first cause."""


class _Worst(NamedTuple):
    route: str
    totals: Totals


Rule = Callable[[Observed], Cause | None]


def likely_causes(observed: Observed) -> list[Cause]:
    """Return the causes that the requests show, the likeliest first."""
    if observed.total.requests < MIN_REQUESTS:
        return []
    causes = list(filter(None, (rule(observed) for rule in RULES)))
    for cause in causes[1:]:
        cause.follows = cause.kind in CONSEQUENCES.get(causes[0].kind, ())
    return sorted(causes, key=lambda cause: cause.follows)[:MAX_CAUSES]


def throttling(observed: Observed) -> Cause | None:
    """DynamoDB refuses calls: a hot key, or a table at its limit."""
    total = observed.total
    if total.throttles < MIN_EVENTS or total.throttles < THROTTLED_SHARE * max(1, total.calls):
        return None
    worst = _worst(observed, lambda one: one.throttles)
    one = worst.totals
    return _cause(
        "throttling",
        worst.route,
        f"DynamoDB refused {_percent(one.throttles, one.calls)} of its calls because of load; "
        f"{_where_refused(observed, one)}; its requests wait "
        f"{_ms(one.backoff_ms / one.requests)} before they repeat calls"
        f"{_mostly(one.throttled, 'refusals are of')}",
    )


def _where_refused(observed: Observed, worst: Totals) -> str:
    """Tell a hot key, which few routes write, from a table at its limit, which all of them meet."""
    every = observed.total.throttles
    if worst.throttles >= ONE_ROUTE * every:
        share = _percent(worst.throttles, every)
        return f"{share} of all refusals are on this route: a hot key"
    refused = sum(one.throttles > 0 for one in observed.routes.values())
    return f"{refused} routes are refused: a table or index at its limit, or one item that all use"


def conflicts(observed: Observed) -> Cause | None:
    """Many requests write to the same items at the same time."""
    worst = _worst(observed, lambda one: one.conflicts)
    one = worst.totals
    if one.conflicts < MIN_EVENTS or one.conflicts < CONFLICT_SHARE * one.requests:
        return None
    return _cause(
        "conflicts",
        worst.route,
        f"{one.conflicts:,} attempts of {one.requests:,} requests lost a race with another write "
        f"to the same task or user; its p95 is {_ms(one.durations.percentile(95))}"
        f"{_mostly_by(one)}",
    )


def far_offset(observed: Observed) -> Cause | None:
    """A client reads pages far behind the start, and DynamoDB reads all items before them."""
    worst = _worst(observed, lambda one: one.far_ms)
    one = worst.totals
    slow = one.far_ms >= FAR_SHARE * one.ms or _reads_far(observed)
    if one.far_offsets < MIN_EVENTS or not slow:
        return None
    return _cause(
        "far-offset",
        worst.route,
        f"{_percent(one.far_ms, one.ms)} of its time and "
        f"{_percent(one.far_rcu, observed.total.rcu)} of all read units are for offset "
        f"{one.far_sum // one.far_offsets:,}: "
        f"{one.far_rcu / one.far_offsets:,.0f} read units a request; it reads {one.items_read:,} "
        f"items to return {one.items_returned:,}"
        f"{_mostly(one.far_readers, 'read units are of')}",
    )


def memory_growth(observed: Observed) -> Cause | None:
    """The processes grow, after their warm-up, and free nothing."""
    grown = _slow_growth(observed.memory) or _clear_growth(observed.memory)
    if not grown:
        return None
    before, now = grown
    return _cause(
        "memory-growth",
        None,
        f"the memory of a process grew from {before.mb:,.0f} MB to {now.mb:,.0f} MB in the last "
        f"{now.seconds - before.seconds:.0f} s and does not go back: a leak",
    )


def _slow_growth(memory: list[MemoryStep]) -> tuple[MemoryStep, MemoryStep] | None:
    """Return the first and last step of a growth that goes on for a minute or more."""
    steady = memory[len(memory) // 4 :]
    if len(steady) < MEMORY_STEPS or steady[-1].mb - steady[0].mb < MEMORY_MB:
        return None
    rising = sum(later.mb >= earlier.mb for earlier, later in pairwise(steady))
    if rising < RISING_SHARE * (len(steady) - 1):
        return None
    return steady[0], steady[-1]


def _clear_growth(memory: list[MemoryStep]) -> tuple[MemoryStep, MemoryStep] | None:
    """Return the first and last step of a growth that is the same for each request."""
    recent = memory[WARM_UP_STEPS:][-CLEAR_STEPS:]
    if len(recent) < CLEAR_STEPS or recent[-1].mb - recent[0].mb < MEMORY_MB:
        return None
    if any(later.mb < earlier.mb + CLEAR_MB for earlier, later in pairwise(recent)):
        return None
    first, second = _per_request(recent[:4]), _per_request(recent[3:])
    return (recent[0], recent[-1]) if second >= STEADY_SHARE * first else None


def _per_request(steps: list[MemoryStep]) -> float:
    return (steps[-1].mb - steps[0].mb) / sum(one.requests for one in steps[1:])


def cold_starts(observed: Observed) -> Cause | None:
    """Many requests are the first of their process."""
    total = observed.total
    if total.cold_starts < MIN_COLD_STARTS or total.cold_starts < COLD_SHARE * total.requests:
        return None
    return _cause(
        "cold-starts",
        None,
        f"{total.cold_starts:,} of {total.requests:,} requests are the first of their process; "
        "each waited for the start of the process, which is not in these times, and then took "
        f"{_ms(total.cold_ms / total.cold_starts)}",
    )


def cpu(observed: Observed) -> Cause | None:
    """The API computes for long."""
    worst = _worst(observed, lambda one: one.cpu_ms)
    one = worst.totals
    if not _is_cpu_bound(one, observed):
        return None
    return _cause(
        "cpu",
        worst.route,
        f"each request uses {_ms(one.cpu_ms / one.requests)} of CPU, the API itself needs 1 to 5; "
        f"all requests use {_cores(observed):.1f} cores",
    )


def slow_database(observed: Observed) -> Cause | None:
    """Most calls to DynamoDB are slow, whatever they read."""
    slow = dict(_slow_routes(observed))
    total = observed.total
    if sum(one.calls for one in slow.values()) < MOST_CALLS * max(1, total.calls):
        return None
    return _cause(
        "slow-database",
        None,
        f"half of the calls to DynamoDB take {_ms(_call_ms(total))} or more, they should take less "
        "than 10; "
        f"{_percent(total.db_ms, total.ms)} of the time of all requests is the database",
    )


def slow_query(observed: Observed) -> Cause | None:
    """The calls of one route are slow, and those of others are not."""
    slow = dict(_slow_routes(observed))
    total = observed.total
    calls = sum(one.calls for one in slow.values())
    if not slow or calls >= MOST_CALLS * total.calls:
        return None
    route = max(slow, key=lambda name: slow[name].db_ms)
    one = slow[route]
    others = Histogram()
    for name in observed.routes.keys() - slow.keys():
        others.merge(observed.routes[name].call_times)
    call_ms, fast_ms = _call_ms(one), others.percentile(50)
    if one.db_ms < QUERY_SHARE * total.ms or call_ms < TIMES_SLOWER * fast_ms:
        return None
    return _cause(
        "slow-query",
        route,
        f"its calls to DynamoDB take {_ms(call_ms)} each, "
        f"{one.calls / one.requests:.1f} calls and {one.rcu / one.requests:.1f} read units a "
        f"request; a call of other routes takes {_ms(fast_ms)}",
    )


def full_server(observed: Observed) -> Cause | None:
    """The threads of `billet serve` are busy, so requests wait for one."""
    total = observed.total
    if total.wait_ms < (CLEAR_WAIT_SHARE if observed.few else WAIT_SHARE) * total.ms:
        return None
    count = total.requests
    held = total.ms - total.wait_ms
    return _cause(
        "full-server",
        None,
        f"{_percent(total.wait_ms, total.ms)} of the time is the wait for a thread of the server: "
        f"{_ms(total.wait_ms / count)} a request; then a request takes {_ms(held / count)}, "
        f"{_ms(total.db_ms / count)} of it in the database and {_ms(total.cpu_ms / count)} of CPU; "
        f"all requests use {_cores(observed):.1f} cores",
    )


def errors(observed: Observed) -> Cause | None:
    """The API responds with 500 or more."""
    total = observed.total
    if total.errors < MIN_EVENTS or total.errors < ERROR_SHARE * total.requests:
        return None
    worst = _worst(observed, lambda one: one.errors)
    one = worst.totals
    return _cause(
        "errors",
        worst.route,
        f"{_percent(one.errors, one.requests)} of its responses have a status of 500 or more; "
        f"{total.errors:,} of all {total.requests:,}",
    )


def limited_clients(observed: Observed) -> Cause | None:
    """Clients send more than their quota."""
    total = observed.total
    if total.limited < MIN_EVENTS or total.limited < LIMITED_SHARE * total.requests:
        return None
    worst = _worst(observed, lambda one: one.limited)
    one = worst.totals
    return _cause(
        "limited-clients",
        worst.route,
        f"{_percent(one.limited, one.requests)} of its responses are 429: the client sends more "
        f"than its quota{_mostly_by(one)}",
    )


RULES: tuple[Rule, ...] = (
    throttling,
    conflicts,
    far_offset,
    memory_growth,
    cold_starts,
    cpu,
    slow_database,
    slow_query,
    full_server,
    errors,
    limited_clients,
)


def _slow_routes(observed: Observed) -> Iterator[tuple[str, Totals]]:
    """Yield the routes whose calls are slow, unless they are slow because the CPU is busy.

    A median, not a mean: a new connection takes long, and the first requests have new ones. With
    few data they may be half, so three quarters of the requests must have slow calls.
    """
    busy = _cores(observed) >= BUSY_CORES
    if observed.few and _reads_far(observed):
        return
    if _is_cpu_bound(observed.total, observed) or (busy and full_server(observed)):
        return
    for route, one in observed.routes.items():
        if one.requests < MIN_SLOW:
            continue
        call_ms = one.call_times.percentile(25 if observed.few else 50)
        if call_ms >= SLOW_CALL_MS and one.db_ms >= DB_SHARE * (one.ms - one.wait_ms):
            yield route, one


def _reads_far(observed: Observed) -> bool:
    """Return whether most read units are those of far offsets."""
    return observed.total.far_rcu > FAR_SHARE * observed.total.rcu


def _call_ms(one: Totals) -> float:
    return one.call_times.percentile(50)


def _is_cpu_bound(one: Totals, observed: Observed) -> bool:
    """Return whether requests compute for long, and that is why they take long.

    Either they compute for most of their time, or they wait for each other to compute.
    """
    typical = one.cpu_times.percentile(25) if observed.few else one.cpu_ms / one.requests
    held = one.ms - one.wait_ms
    computes = one.cpu_ms >= CPU_SHARE * held
    outside = held - one.db_ms - one.backoff_ms >= OUTSIDE_SHARE * one.ms
    return typical >= CPU_MS and (computes or (outside and _cores(observed) >= CPU_CORES))


def _cores(observed: Observed) -> float:
    return observed.total.cpu_ms / 1000 / observed.seconds


def _worst(observed: Observed, amount: Callable[[Totals], float]) -> _Worst:
    return _Worst(*max(observed.routes.items(), key=lambda pair: amount(pair[1])))


def _cause(kind: str, route: str | None, text: str) -> Cause:
    return Cause(kind, route, f"{route}: {text}" if route else text, f"{RUNBOOK}#{kind}")


def _mostly_by(one: Totals) -> str:
    """Return the principal with most of the time, if there are several."""
    return _mostly(one.principals, "time is") if len(one.principals) > 1 else ""


def _mostly(amounts: dict[str, float], of_what: str) -> str:
    """Return the principal with most of something."""
    if not amounts:
        return ""
    name = max(amounts, key=amounts.__getitem__)
    return f"; {_percent(amounts[name], sum(amounts.values()))} of the {of_what} principal {name}"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "0 %"


def _ms(ms: float) -> str:
    return f"{ms:,.0f} ms" if ms >= 10 else f"{ms:.1f} ms"
