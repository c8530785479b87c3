"""A process that runs `billet` commands in forks, without starting Python each time.

It reads one JSON line per command: its environment, its arguments, and how it is stopped: a signal,
and the number of the write to DynamoDB before which it sends that signal to itself. Each page of a
walk has PAGE items only. Answers are JSON lines: the process id; the exit status, negative for a
signal, or null if the process was suspended; and the output. `{"resume": PID}` goes on with a
suspended process.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSPreparedRequest

from billet.cli import main as billet
from billet.cli import migrate  # so that a fork need not import it  # noqa: F401
from billet.migrations import lease, runner, scanning
from chalicelib.dynamodb import client
from tests.support.injection import operation

PAGE = 5
READS = ("BatchGet", "Describe", "Get", "List", "Query", "Scan")


def signal_before_write(number: int, name: str, events: Any) -> None:
    """Send this process a signal before its nth write."""
    left = number

    def count(request: AWSPreparedRequest, **_: Any) -> None:
        nonlocal left
        left -= not operation(request).startswith(READS)
        if left == 0:
            left -= 1
            os.kill(os.getpid(), signal.Signals[name])

    events.register("before-send.dynamodb", count)


def run(command: dict[str, Any], connection: Any, output: str) -> int:
    """Run a command in this process and return its exit status."""
    with open(output, "w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.environ.update(command["environ"])
    client.connect = lambda: connection
    if command["signal"]:
        signal_before_write(command["at"], command["signal"], connection.client.meta.events)
    try:
        billet(command["arguments"])
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def wait(child: int) -> int | None:
    """Wait until a process ends or is suspended; return its exit status, or None."""
    status = os.waitpid(child, os.WUNTRACED)[1]
    return None if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)


def main() -> None:
    scanning.PAGE = PAGE  # type: ignore[attr-defined]
    runner.NOTICE_SECONDS = 0.0  # no server uses the database
    lease.LEASE_SECONDS = 2.0
    connection = client.connect()
    assert connection.client.meta  # creates the client; a fork only has to connect
    with tempfile.TemporaryDirectory() as folder:
        for line in sys.stdin:
            command = json.loads(line)
            child = command.get("resume")
            if child:
                os.kill(child, signal.SIGCONT)
            else:
                child = os.fork()
                if child == 0:
                    os._exit(run(command, connection, f"{folder}/{os.getpid()}"))
            status = wait(child)
            output = Path(folder, str(child)).read_text()
            print(json.dumps([child, status, output]), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
