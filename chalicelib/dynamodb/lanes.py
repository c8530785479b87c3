"""How many lanes there are.

The layout is the largest number of lanes that was ever in use. The database remembers it, and it
only grows. Readers read all lanes of the layout; writers choose among the LANES of their own
setting. So LANES can be raised and lowered at any time, and servers may differ in it.

A writer whose LANES are above the layout raises it (`announce`), but goes on in the old lanes until
every reader has learnt of the new ones: WAIT_SECONDS, which must be far above shared.FRESH_SECONDS.
Then it lays the id counters out for the new layout (`ids`), which begins the use of the new lanes.
"""

import contextlib
import time
from collections import Counter
from typing import Any

from pynamodb.constants import UPDATE_ITEM

from chalicelib.dynamodb import botocore_patches, client, shared_state
from chalicelib.dynamodb.models import CounterModel
from chalicelib.settings import MAX_LANES

KINDS = ("users", "tasks")
"""What has ids and is listed in lanes."""
WAIT_SECONDS = 60.0

monotonic = time.monotonic  # stands still in a frozen process, which only makes the wait longer


def layout() -> int:
    """The layout as last written (strongly consistent read). Records it where it is missing."""
    return shared_state.read().lanes or _record()


def readable() -> int:
    """How many lanes a reader must read; at most shared.FRESH_SECONDS old."""
    return shared_state.recent().lanes or _record()


def announce(number: int) -> int:
    """Raises the layout to `number` where it is lower; gives the layout."""
    found = layout()
    if found >= number:
        return found
    _set(number)
    return layout()


def announced_long_ago(number: int) -> bool:
    """Whether this process has seen this layout WAIT_SECONDS ago, so that all readers know it."""
    memory = client.memory()
    seen, since = memory.get("announced", (0, 0.0))
    if seen != number:
        since = monotonic()
        memory["announced"] = (number, since)
    return bool(monotonic() - since >= WAIT_SECONDS)


def stride(kind: str) -> int:
    """For how many lanes the counters of `kind` are laid out, as far as this process knows."""
    known: int = client.memory().get(f"stride {kind}", 0)
    return known or client.lanes()


def learn_stride(kind: str, number: int) -> None:
    """Remembers for how many lanes the counters of `kind` are laid out; it never gets less."""
    memory, name = client.memory(), f"stride {kind}"
    memory[name] = max(number, memory.get(name, 0))


def home(kind: str, ident: int) -> int:
    """The lane of a user or task that has just been given its id; for an older one, a guess."""
    return ident % stride(kind)


def counters_of(kind: str) -> list[CounterModel]:
    """All counters of a kind. No snapshot: each is as last written, but at a moment of its own."""
    table = botocore_patches.table_of(CounterModel)
    keys: list[Any] = [{"name": name} for name in counter_names(kind)]
    # Not CounterModel.batch_get, which asks for what was left out without end.
    found = client.send(
        lambda: client.whole(table.batch_get_item(keys, consistent_read=True)), repeatable=True
    )
    return [CounterModel.from_raw_data(item) for item in found["Responses"][table.table_name]]


def counter_names(kind: str) -> list[str]:
    """The names of all counters that a kind may have, by lane."""
    return [f"{kind}#{lane}" for lane in range(MAX_LANES)]


def lanes_of(counters: list[CounterModel]) -> int:
    """Return the number of lanes that these counters of one kind agree on; 0 for none.

    More than half of the counters of that many lanes must have the number, so that one broken
    counter does not raise it.
    """
    told = Counter(
        int(counter.lanes or 0)
        for counter in counters
        if int(counter.name.partition("#")[2]) < int(counter.lanes or 0)
    )
    return max((number for number, times in told.items() if 2 * times > number), default=0)


def _record() -> int:
    """Records the layout of a database that has none: new, or made before layouts were recorded."""
    counted = max(lanes_of(counters_of(kind)) for kind in KINDS)
    _set(counted or client.lanes())
    return shared_state.read().lanes


def _set(number: int) -> None:
    lower: Any = CounterModel.lanes.does_not_exist() | (CounterModel.lanes < number)
    arguments = botocore_patches.table_of(CounterModel).get_operation_kwargs(
        shared_state.NAME, actions=[CounterModel.lanes.set(number)], condition=lower
    )
    with contextlib.suppress(client.ConditionFailed):  # another process has raised it as far
        client.dispatch(UPDATE_ITEM, arguments, repeatable=True)
    shared_state.forget()
