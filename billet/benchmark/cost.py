"""Section "cost": capacity units of each endpoint, and the price of a million requests."""

from collections.abc import Callable, Iterator

from billet.benchmark.datasets import CONNECTION, Dataset
from billet.benchmark.report import ResultTable
from billet.benchmark.scenarios import endpoint_workloads
from billet.metering import record_usage
from billet.prices import PRICES, dollars

UNITS_PER_TRANSACTED_WRITE = 2
COLUMNS = ("request", "calls", "read units", "write units", "transacted", "$ per million")


def measure(dataset: Dataset, on_step: Callable[[], object]) -> Iterator[ResultTable]:
    """Yield the units of each endpoint as the database reports them, and the prices."""
    dataset.bind()
    rows = []
    workloads = endpoint_workloads(dataset.task_count, dataset.task_count // 2)
    for name, workload in workloads.items():
        argument = workload.setup()
        with record_usage(CONNECTION) as usage:
            workload.run(argument)
        units = (usage.read_units, usage.write_units, usage.transacted)
        rows.append((name, len(usage.calls), *units, dollars_per_million(*units)))
        on_step()
    note = "transacted: writes in transactions, each counted as 1 KB at two units"
    yield ResultTable("cost: capacity units, and US dollars on demand", COLUMNS, rows, note)
    yield ResultTable("cost: prices", ("per million", "$"), list(PRICES.items()))


def dollars_per_million(read_units: float, write_units: float, transacted: int) -> float:
    """Return the price in US dollars of a million requests.

    Args:
        read_units: per request.
        write_units: per request, outside transactions.
        transacted: writes in transactions per request. Their index writes are not counted,
            because DynamoDB does not report them separately.
    """
    writes = write_units + transacted * UNITS_PER_TRANSACTED_WRITE
    return dollars(read_units, writes) * 1_000_000
