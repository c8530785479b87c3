"""What the pending steps would do, and about what they cost."""

from collections.abc import Iterator, Sequence
from math import ceil

from billet.migrations import tables
from billet.migrations.migration import Migration, Scan
from billet.migrations.runner import Status
from billet.prices import PRICES_OF, dollars

PAGE_BYTES = 4096
"""The bytes of one read unit."""


def lines(status: Status, migrations: Sequence[Migration]) -> Iterator[str]:
    """Yield a line for each pending step of these migrations.

    Items and bytes are those of DescribeTable, which DynamoDB updates every six hours.
    """
    total = 0.0
    pending = False
    for step in ("expand", "backfill", "contract"):
        for migration in migrations:
            if step in status.steps(migration):
                continue
            pending = True
            if text := _text(migration, step):
                yield f"{migration.name}: {step}: {text}"
            for scan, times in _walks(migration, step):
                cost, line = _cost(scan, times)
                total += cost
                yield f"    {line}"
    yield from (
        f"{text}: `billet migrate expand` repairs it" for text in status.differences if not pending
    )
    if pending:
        yield f"In total at most ${total:,.2f} ({PRICES_OF}); nothing was changed"
    elif not status.differences:
        yield "Nothing is to be done"


def _text(migration: Migration, step: str) -> str:
    return {"expand": _added, "backfill": _changed, "contract": _removed}[step](migration)


def _added(migration: Migration) -> str:
    parts = [f"table {table.suffix}" for table in migration.tables]
    parts += [
        f"index {suffix}/{index.name}"
        for suffix, indexes in migration.indexes.items()
        for index in indexes
    ]
    parts += [f"TTL of {suffix} by {name}" for suffix, name in migration.expiries.items()]
    if migration.settings:
        parts.append("point-in-time recovery, deletion protection and tags of deployed stages")
    return ", ".join(parts)


def _changed(migration: Migration) -> str:
    walks = [f"walk over {one.suffix}" for one in migration.early_scans]
    return ", ".join([*(one.text for one in migration.once), *walks])


def _removed(migration: Migration) -> str:
    parts = ["repeat and verify the backfill"] if migration.early_scans else []
    parts += [f"walk over {one.suffix}" for one in migration.scans if one.late]
    parts += [f"remove items of {one.suffix}" for one in migration.removals]
    parts += [f"remove {name}" for name in migration.drops]
    return ", ".join(parts)


def _walks(migration: Migration, step: str) -> Sequence[tuple[Scan, int]]:
    """Return the walks of a step, each with the number of times that it reads the table."""
    if step == "backfill":
        return [(scan, 1) for scan in migration.early_scans]
    if step == "contract":
        return [(scan, 2) for scan in migration.scans] + [(scan, 1) for scan in migration.removals]
    return []


def _cost(scan: Scan, times: int) -> tuple[float, str]:
    """Return the highest price of a walk, and a line about it."""
    description = tables.describe(scan.suffix) or {}
    items = description.get("ItemCount", 0)
    reads = times * ceil(description.get("TableSizeBytes", 0) / PAGE_BYTES)
    price = dollars(reads, items * scan.units)
    return price, (
        f"{scan.suffix}: {items:,} items, {reads:,} read units, {scan.units} write units for each "
        f"item in the old form: ${dollars(reads, 0):,.4f} to ${price:,.4f}"
    )
