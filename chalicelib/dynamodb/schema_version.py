"""Whether this release can work with the tables and items of the database.

`billet migrate` stores two numbers in the item of `shared_state`: the last migration whose expand
and backfill are done, and the last one whose contract has begun. A release needs the former to be
at least NEEDED, and can't work with a contracted migration above KNOWN, which it does not know.

The check costs no call: it uses the copy of the item that the process has read last.
"""

import logging
from typing import NamedTuple

from botocore.exceptions import ClientError

from chalicelib import time_budget
from chalicelib.domain.errors import SchemaMismatch
from chalicelib.dynamodb import client, shared_state

log = logging.getLogger(__name__)

NEEDED = 8
"""The first schema with which this release works."""
KNOWN = 8
"""The last migration of this release."""
START_SECONDS = 5.0
"""The time budget of the check when a process starts."""


class Stored(NamedTuple):
    """The versions in the database; 0 if it has none."""

    schema: int
    contracted: int

    @property
    def mismatch(self) -> str:
        """Why this release can't work with it; "" if it can."""
        if self.schema < NEEDED:
            has = f"schema {self.schema}" if self.schema else "no schema version"
            return (
                f"the database has {has}, and this release needs {NEEDED}; `billet migrate up` "
                "migrates it"
            )
        if self.contracted > KNOWN:
            return (
                f"the database has been migrated to schema {self.contracted}, and this release "
                f"knows no more than {KNOWN}; use a newer release"
            )
        return ""


def read() -> Stored:
    """Return the versions in the database (strongly consistent read)."""
    try:
        shared_state.read()
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        return Stored(0, 0)
    return Stored(*client.database.memory.schema)


def read_usable() -> int:
    """Return the schema of the database (strongly consistent read).

    Raises:
        SchemaMismatch: this release can't work with it.
        Unavailable: the database is overloaded or does not respond.
    """
    stored = read()
    if stored.mismatch:
        raise SchemaMismatch(stored.mismatch)
    return stored.schema


def require() -> None:
    """Do nothing if this release can work with the database.

    Raises:
        SchemaMismatch: it can't. The first time, this is logged as CRITICAL.
        Unavailable: the database is overloaded or does not respond.
    """
    memory = client.database.memory
    seen = Stored(*memory.schema)
    if not seen.mismatch:
        return
    if reason := read().mismatch:
        if reason != memory.schema_mismatch:
            memory.schema_mismatch = reason
            log.critical("%s", reason)
        raise SchemaMismatch(reason)


def check_at_start() -> None:
    """Check when a process starts, which also connects to the database.

    If the database does not respond, the first request checks.
    """
    try:
        with time_budget.within(START_SECONDS):
            require()
    except Exception as error:  # noqa: BLE001, it must not end the process
        log.warning("the schema version is not checked yet: %s", error)
