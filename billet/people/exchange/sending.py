"""Create the tasks of a plan, in batches."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from billet.people.exchange import identity
from billet.people.exchange.checking import shown
from billet.people.exchange.identity import ReadyRow
from billet.people.exchange.ledger import Ledger
from billet.people.exchange.plan import Plan

if TYPE_CHECKING:
    from billet_client import Client

_OPERATION = re.compile(r"operations\[(\d{1,2})\]")
_MAYBE_DONE = (408, 409, 425, 429)
"""The statuses of refusals after which the same batch can still succeed."""


def send(
    billet: "Client", plan: Plan, ledger: Ledger, unit: str, progress: Callable[[int], object]
) -> None:
    """Create the tasks. If it is stopped, it says how many there are.

    Args:
        unit: what the numbers of rows count.
        progress: is called with the number of tasks of each batch that is done.
    """
    done = 0
    try:
        for chunk, key in _batches(plan, ledger):
            with _named(chunk, unit):
                _send_one(billet, chunk, key, ledger)
            done += len(chunk)
            progress(len(chunk))
    except BaseException:
        click.echo(
            f"\n{done} of {len(plan.rows)} tasks are in. To go on, run the same command again;"
            " no task is created twice",
            err=True,
        )
        raise


def _batches(plan: Plan, ledger: Ledger) -> Iterator[tuple[list[ReadyRow], str]]:
    """Yield the batches with their keys. A key is stored before its batch is sent."""
    if plan.key:
        yield plan.rows[: plan.repeated], plan.key
    for chunk in identity.chunks(plan.rows[plan.repeated :]):
        yield chunk, ledger.send(_digests(chunk), identity.body_digest(chunk))


@contextmanager
def _named(chunk: list[ReadyRow], unit: str) -> Iterator[None]:
    """Say which row of the file an error of the API within the block is about."""
    from billet_client import ApiError

    try:
        yield
    except ApiError as error:
        found = _OPERATION.match(error.detail)
        if found and int(found[1]) < len(chunk):
            row = chunk[int(found[1])].row
            click.echo(f"\nThe API refuses {unit} {row.line}, {shown(row.name)}", err=True)
        raise


def _send_one(billet: "Client", chunk: list[ReadyRow], key: str, ledger: Ledger) -> None:
    from billet_client import ApiError, Create

    operations = [Create(**row.body) for row in chunk]
    try:
        results = billet.tasks.batch(operations, idempotency_key=key)
    except ApiError as error:
        if 400 <= error.status < 500 and error.status not in _MAYBE_DONE:
            ledger.refused()
        raise
    ledger.done(_digests(chunk), [result.id for result in results if result.id is not None])


def _digests(chunk: list[ReadyRow]) -> list[bytes]:
    return [identity.digest_of(row.row) for row in chunk]
