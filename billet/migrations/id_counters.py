"""Whether the id counters are lost or broken. A migration does not create them for existing data.

The database of the first release has them, so only a new database has none.
"""

from billet.migrations import database, tables
from billet.migrations.database import Item

KINDS = ("users", "tasks")


def fault() -> str:
    """Return what is wrong with the id counters, and what to do; "" if they are right."""
    counters = database.every("counters") if tables.describe("counters") else ()
    for counter in counters:
        if "#" in counter["name"]["S"] and not _is_readable(counter):
            return f"counters {counter['name']['S']}: is broken; run `billet doctor --repair` first"
    for kind in KINDS:
        lost = not any(one["name"]["S"].startswith(f"{kind}#") for one in counters)
        if lost and tables.describe(kind) and database.scan(kind, limit=1).items:
            return (
                f"counters: {kind} has items, but the id counters of {kind} are lost; `billet "
                "doctor --repair` creates them, then run the command again"
            )
    return ""


def _is_readable(counter: Item) -> bool:
    kind, _, lane = counter["name"]["S"].partition("#")
    lanes = str(counter.get("lanes", {}).get("N", ""))
    numbers = lane.isdecimal() and lanes.isdecimal() and int(lanes) > 0
    return kind in KINDS and numbers and "N" in counter.get("last", {})
