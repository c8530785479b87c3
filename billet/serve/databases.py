"""Which database `billet serve` works on."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from billet import dynamodb_local, memory

CHOICES = ("auto", "local", "memory")
ENDPOINT = "AWS_ENDPOINT_URL_DYNAMODB"


@contextmanager
def opened(choice: str, data: Path) -> Iterator[str]:
    """Starts the database where it is ours to start, and points AWS's variables at it.

    Gives lines that say which it is, what becomes of the data, and how other commands work on it.

    Raises:
        click.ClickException: the one that was asked for can't be had.
    """
    given = os.environ.get(ENDPOINT)
    if choice == "auto" and given:
        yield f"Database: {given}, as {ENDPOINT} says"
        return
    with ExitStack() as stack:
        url, line = _started(choice, data, stack)
        variables = {
            ENDPOINT: url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        os.environ.update(variables)
        os.environ.pop("AWS_SESSION_TOKEN", None)
        words = " ".join(f"{name}={value}" for name, value in variables.items())
        yield f"{line}\nIn another terminal, python -m billet works on it after:\n  export {words}"


def _started(choice: str, data: Path, stack: ExitStack) -> tuple[str, str]:
    reason = ""
    if choice != "memory":
        try:
            url = stack.enter_context(dynamodb_local.running(data))
            return url, f"Database: DynamoDB Local, with its data in {data.resolve()}"
        except dynamodb_local.Unusable as error:
            if choice == "local":
                raise click.ClickException(f"no DynamoDB Local: {error}") from error
            reason = f" (no DynamoDB Local: {error})"
    url = stack.enter_context(memory.running())
    return url, f"Database: in memory; the data go when it stops{reason}"
