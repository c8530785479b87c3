"""Capacity units for each request, and what a million of it costs."""

from collections.abc import Callable, Iterator

from billet.benchmark import prices
from billet.benchmark.fixtures import CONNECTION, World
from billet.benchmark.report import Table
from billet.benchmark.scenarios import requests
from billet.metering import metered

COLUMNS = ("request", "calls", "read units", "write units", "transacted", "$ a million")


def measure(world: World, progress: Callable[[], object]) -> Iterator[Table]:
    """What each request costs, as the database itself counts it."""
    world.enter()
    rows = []
    for name, request in requests(world.tasks, world.tasks // 2).items():
        prepared = request.prepare()
        with metered(CONNECTION) as bill:
            request.run(prepared)
        dollars = prices.per_million(bill.read_units, bill.write_units, bill.transacted)
        rows.append(
            (
                name,
                len(bill.calls),
                bill.read_units,
                bill.write_units,
                bill.transacted,
                dollars,
            )
        )
        progress()
    note = "transacted: operations in transactions, taken as writes of 1 KB at two units each"
    yield Table("cost: capacity units, and US dollars on demand", COLUMNS, rows, note)
    yield Table("cost: the prices", ("a million", "$"), list(prices.PRICES.items()))
