"""The database stores the number of lanes that readers read.

It is the number for which the id counters are set up. Only a new database, which has no counters,
takes LANES of whoever runs the migration, and gets its counters.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from billet.migrations.database import Item, check, commit, every, get, put, update
from billet.migrations.migration import Migration, Once
from chalicelib.dynamodb import client

KEY = {"name": {"S": "lanes"}}
KINDS = ("users", "tasks")
MAX_LANES = 64


def missing() -> str | None:
    """Return what is to be done."""
    item = get("counters", KEY)
    return None if item and "lanes" in item else "store the number of lanes"


def store() -> None:
    """Store the number of lanes; create the id counters of a new database."""
    counters = [one for one in every("counters") if "#" in one["name"]["S"]]
    lanes = lanes_of(counters) or client.database.settings.lanes
    if not counters:
        for kind in KINDS:
            create_counters(kind, lanes)
    value = {":lanes": {"N": str(lanes)}}
    absent = "attribute_not_exists(lanes)"
    with suppress(client.ConditionFailed):  # a server has stored it in the meantime
        commit(update("counters", KEY, "SET lanes = :lanes", absent, value))


def lanes_of(counters: Sequence[Item]) -> int:
    """Return the number of lanes that more than half of its counters have; 0 if there is none."""
    found = Counter(
        (one["name"]["S"].partition("#")[0], int(one["lanes"]["N"]))
        for one in counters
        if int(one["name"]["S"].partition("#")[2]) < int(one["lanes"]["N"])
    )
    return max((lanes for (_, lanes), times in found.items() if 2 * times > lanes), default=0)


def create_counters(kind: str, lanes: int) -> None:
    """Create the id counters, unless somebody else has created one. The first id is 1."""
    absent = "attribute_not_exists(lanes)"
    names = [{"name": {"S": f"{kind}#{lane}"}} for lane in range(MAX_LANES)]
    puts = (
        put("counters", {**name, **counter(lane, lanes)}, absent)
        for lane, name in enumerate(names[:lanes])
    )
    checks = (check("counters", name, absent) for name in names[lanes:])
    with suppress(client.ConditionFailed):  # a server has created them in the meantime
        commit(*puts, *checks)


def counter(lane: int, lanes: int) -> Item:
    """Return the counter of a lane, which has allocated no id."""
    return {"last": {"N": str(lane - lanes if lane else 0)}, "lanes": {"N": str(lanes)}}


MIGRATION = Migration(
    file=__file__,
    title="store the number of lanes",
    once=(Once("store the number of lanes", missing, store),),
)
