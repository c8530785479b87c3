"""The right to run migrations: the item `lease` of the table PREFIX-migrations.

The owner writes a new token at least every RENEW_SECONDS. Another run watches the token: only if
it stays the same for LEASE_SECONDS of the other run's own monotonic clock has the owner stopped,
and the other run takes the lease over. So no clock of another machine is trusted.
"""

import getpass
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from billet.migrations import database, state, tables
from billet.migrations.database import Item
from chalicelib.dynamodb import client

LEASE_SECONDS = 60.0
"""The time without a new token after which a lease is taken over."""
RENEW_SECONDS = LEASE_SECONDS / 3
POLL_SECONDS = 1.0
NAMES = {f"#{name}": name for name in ("owner", "token", "machine", "process", "renewed")}

monotonic = time.monotonic
pause = time.sleep


class Lease:
    """The right to run migrations. `keep` must be called more often than LEASE_SECONDS."""

    def __init__(self) -> None:
        self.owner = f"{_user()}@{socket.gethostname()}, process {os.getpid()}"
        self._lock = threading.Lock()
        self._token = ""
        self._renewed = 0.0

    def acquire(self, patience: float = 0.0) -> None:
        """Take the lease, from an owner that has stopped too.

        Args:
            patience: the seconds to wait for an owner that works.

        Raises:
            click.ClickException: another run has it.
        """
        give_up = monotonic() + patience
        seen: Item | None = None
        since = 0.0
        # Ends: the token stays the same for LEASE_SECONDS, or it changes and patience ends.
        while not self._write("attribute_not_exists(#owner)"):
            found = database.get(state.SUFFIX, state.LEASE_KEY)
            now = monotonic()
            if found is None:
                continue
            if seen is None and not _is_dead(found):
                _say_waiting(found)
            if found != seen:
                if seen is not None and now >= give_up:
                    raise click.ClickException(
                        f"{_owner(found)} is running migrations; run the command again when it "
                        "has ended (`billet migrate status` shows it)"
                    )
                seen, since = found, now
            if (_is_dead(found) or now - since >= LEASE_SECONDS) and self._take_over(found):
                return
            pause(POLL_SECONDS)

    def keep(self) -> None:
        """Renew the lease in time.

        Raises:
            click.ClickException: another run has taken it over.
        """
        with self._lock:
            due = monotonic() - self._renewed >= RENEW_SECONDS
            if due and not self._write("#token = :old", {":old": {"S": self._token}}):
                raise click.ClickException(
                    "another run has taken over the migrations; `billet migrate status` shows them"
                )

    def wait(self, seconds: float) -> None:
        """Wait, and keep the lease."""
        end = monotonic() + seconds
        while (left := end - monotonic()) > 0:
            self.keep()
            pause(min(left, RENEW_SECONDS / 2))

    def release(self) -> None:
        """Give the lease back."""
        arguments = {
            "Key": state.LEASE_KEY,
            "ConditionExpression": "#token = :token",
            "ExpressionAttributeNames": {"#token": "token"},
            "ExpressionAttributeValues": {":token": {"S": self._token}},
        }
        with suppress(client.ConditionFailed):  # another run has taken it over
            database.commit(database.Write("Delete", state.SUFFIX, arguments))

    def _take_over(self, found: Item) -> bool:
        """Take the lease unless its owner has renewed it since it was read."""
        if "token" not in found:
            return self._write("attribute_not_exists(#token)")
        return self._write("#token = :old", {":old": found["token"]})

    def _write(self, condition: str, values: Item | None = None) -> bool:
        now, token = monotonic(), uuid.uuid4().hex
        written = {
            "owner": {"S": self.owner},
            "token": {"S": token},
            "machine": {"S": _machine()},
            "process": {"N": str(os.getpid())},
            "renewed": {"S": state.time_of(state.clock())},
        }
        try:
            state.update(
                state.LEASE_KEY["name"]["S"],
                f"SET {', '.join(f'#{name} = :{name}' for name in written)}",
                {**{f":{name}": value for name, value in written.items()}, **(values or {})},
                NAMES,
                condition,
            )
        except client.ConditionFailed:
            # A write whose response was lost has taken effect, and its repetition fails.
            found = database.get(state.SUFFIX, state.LEASE_KEY) or {}
            if found.get("token") != written["token"]:
                return False
        self._token, self._renewed = token, now
        return True


@contextmanager
def held(patience: float = 0.0) -> Iterator[Lease]:
    """Hold the lease within the block. Creates the table if necessary."""
    state.create()
    lease = Lease()
    lease.acquire(patience)
    try:
        yield lease
    finally:
        lease.release()


def holder() -> str:
    """Return who has the lease, and since when by its own clock; "" if nobody has."""
    item = database.get(state.SUFFIX, state.LEASE_KEY) if tables.describe(state.SUFFIX) else None
    if item is None:
        return ""
    renewed = item.get("renewed", {}).get("S")
    return f"{_owner(item)}{f', which renewed its lease at {renewed}' if renewed else ''}"


def _say_waiting(found: Item) -> None:
    click.echo(
        f"{_owner(found)} has the lease; waiting for a sign of life, at most {LEASE_SECONDS:g} s",
        err=True,
    )


def _owner(item: Item) -> str:
    return str(item.get("owner", {}).get("S", "an unknown process"))


def _is_dead(holder: Item) -> bool:
    """Return whether the holder ran on this machine and has ended: an earlier run in this process,
    or a process that does not exist.
    """
    machine, process = (
        next(iter(holder.get(name, {"": ""}).values())) for name in ("machine", "process")
    )
    if not machine or machine != _machine() or not str(process).isdecimal() or int(process) == 0:
        return False
    if int(process) == os.getpid():
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _machine() -> str:
    """Return where process ids mean the same: the boot and the PID namespace; "" if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux
        return ""


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return str(os.getuid())
