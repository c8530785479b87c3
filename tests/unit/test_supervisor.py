"""The supervisor of the database process, tested with shell commands."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from billet.emulators import supervisor

SECONDS = 240
MANY = 40


class LimitedOutput(io.StringIO):
    """An output that stops the supervisor after MANY lines."""

    def __init__(self, keeper: supervisor.Supervisor) -> None:
        super().__init__()
        self.keeper = keeper
        self.lines = 0

    def write(self, text: str) -> int:
        self.lines += 1
        if self.lines == MANY:
            self.keeper.stop()
        return len(text)


class Supervised:
    """A supervisor in a separate process, with its three pipes."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        self.stdin, self.stdout, self.stderr = process.stdin, process.stdout, process.stderr
        self.wait = process.wait


@contextmanager
def supervised(command: str) -> Iterator["Supervised"]:
    with subprocess.Popen(
        [sys.executable, supervisor.__file__, "sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield Supervised(process)
        process.kill()


def test_a_command_that_fails_at_startup_ends_it_with_its_last_lines() -> None:
    with supervised("for i in $(seq 50); do echo line $i; done; exit 7") as process:
        assert process.wait(SECONDS) == 7
        lines = process.stdout.read().splitlines()
        assert (lines[0], lines[-1]) == (b"line 31", b"line 50")


def test_a_database_without_its_port_is_ended() -> None:
    with supervised("echo Caused by: java.net.BindException; exec sleep 600") as process:
        assert process.wait(SECONDS) == 128 + 15
        assert b"BindException" in process.stdout.read()


def test_a_command_that_ends_later_is_restarted_with_growing_pauses(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with supervised(f"test -p {gate} && read _ < {gate}; kill -9 $$") as process:
        process.stdin.write(b"started\n" * 20_000)  # more than a pipe holds: it has read some
        process.stdin.flush()
        with gate.open("w"):  # waits for the command
            gate.unlink()
        lines = [process.stderr.readline().decode() for _ in range(4)]
        assert lines == [
            f"The database process was killed by signal 9; restarting it in {pause} s\n"
            for pause in ("0.1", "0.2", "0.4", "0.8")
        ]
        process.stdin.close()
        assert process.wait(SECONDS) == 0


def test_restarts_are_not_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "MIN_PAUSE", 0.0001)
    monkeypatch.setattr(supervisor, "MAX_PAUSE", 0.0001)
    keeper = supervisor.Supervisor(["sh", "-c", "exit 3"])
    output = LimitedOutput(keeper)
    monkeypatch.setattr(sys, "stderr", output)
    keeper.restart_from_now_on()
    assert keeper.run() == 0
    assert output.lines == MANY


def test_it_ends_the_command_at_the_end_of_its_input() -> None:
    with supervised("exec sleep 600") as process:
        process.stdin.write(b"started\n")
        process.stdin.close()
        assert process.wait(SECONDS) == 0
