"""Which database `billet serve` works on."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import click

from billet import dynamodb_local, memory
from billet.serve import asgi

CHOICES = ("auto", "local", "memory")
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"
MEMORY_AT_ONCE = 2
"""moto answers one at a time, and those who wait inside it may run out of time there."""


class Database(NamedTuple):
    """Which database it is, and what becomes of the data; and how many requests it is good for."""

    says: str
    at_once: int = asgi.AT_WORK


@contextmanager
def opened(choice: str, data: Path) -> Iterator[Database]:
    """Starts the database where it is ours to start, and points AWS's variables at it.

    Raises:
        click.ClickException: the one that was asked for can't be had.
    """
    given = os.environ.get(ENDPOINT)
    if choice == "auto" and given:
        yield Database(f"Database: {given}, as {ENDPOINT} says")
        return
    with ExitStack() as stack:
        url, database = _started(choice, data, stack)
        variables = {
            ENDPOINT: url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        os.environ.update(variables)
        os.environ.pop("AWS_SESSION_TOKEN", None)
        words = " ".join(f"{name}={value}" for name, value in variables.items())
        more = f"In another terminal, python -m billet works on it after:\n  export {words}"
        yield database._replace(says=f"{database.says}\n{more}")


def _started(choice: str, data: Path, stack: ExitStack) -> tuple[str, Database]:
    reason = ""
    if choice != "memory":
        try:
            url = stack.enter_context(dynamodb_local.running(data))
            says = f"Database: DynamoDB Local, with its data in {data.resolve()}"
            return url, Database(says)
        except dynamodb_local.Unusable as error:
            if choice == "local":
                raise click.ClickException(f"no DynamoDB Local: {error}") from error
            reason = f" (no DynamoDB Local: {error})"
    url = stack.enter_context(memory.running())
    says = f"Database: in memory; the data go when it stops{reason}"
    return url, Database(says, MEMORY_AT_ONCE)
