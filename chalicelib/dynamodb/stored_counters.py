"""The items of the id counters: their names, how to read them, and what they agree on.

`counters` allocates ids from them and sets them up. `lanes` takes the first lane count from them.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from chalicelib.dynamodb import botocore_patches, client
from chalicelib.dynamodb.models import CounterModel
from chalicelib.settings import MAX_LANES


def names(kind: str) -> list[str]:
    """Return the names of all counters that `kind` can have, by lane."""
    return [f"{kind}#{lane}" for lane in range(MAX_LANES)]


def read(kind: str) -> list[CounterModel]:
    """Return the id counters of `kind`, by strongly consistent reads. They are no snapshot."""
    table = botocore_patches.table_of(CounterModel)
    keys: list[Any] = [{"name": name} for name in names(kind)]
    # CounterModel.batch_get would ask for unprocessed keys without end.
    reply = client.call_with_retries(
        lambda: client.require_all_processed(table.batch_get_item(keys, consistent_read=True)),
        repeatable=True,
    )
    return [CounterModel.from_raw_data(item) for item in reply["Responses"][table.table_name]]


def agreed_lanes(counters: Iterable[CounterModel]) -> int:
    """Return the number of lanes that these counters of one kind agree on; 0 for none.

    More than half of the counters of that many lanes must have the number, so that one broken
    counter does not raise it.
    """
    votes = Counter(
        int(counter.lanes or 0)
        for counter in counters
        if int(counter.name.partition("#")[2]) < int(counter.lanes or 0)
    )
    return max((number for number, count in votes.items() if 2 * count > number), default=0)


def are_set_up(kind: str, counters: Iterable[CounterModel], stride: int) -> bool:
    """Return whether these are the counters of `stride` lanes, each with ids of its own lane."""
    if not stride:
        return False
    actual = {(counter.name, counter.lanes, counter.last % stride) for counter in counters}
    return actual == {(f"{kind}#{lane}", stride, lane) for lane in range(stride)}
