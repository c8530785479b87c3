"""Restart a command whenever it ends, for as long as standard input stays open.

    python supervisor.py COMMAND [ARGUMENT …]

`billet serve` holds the other end of the pipe. However `billet serve` ends, even by kill -9, the
pipe closes and the command gets SIGTERM.

The caller writes to standard input once the command works. If the command ends before, it is not
restarted: its last lines of output go to standard output, and its exit status is the exit status
of this program. Later ends are reported on standard error, and followed by a restart after a pause
that grows each time.
"""

import os
import subprocess
import sys
import threading
import time
from collections import deque

MIN_PAUSE = 0.1
MAX_PAUSE = 30.0
STABLE_SECONDS = 60.0
"""After a command that ran for this long, the pauses start again at MIN_PAUSE."""
OUTPUT_LINES = 20
FATAL = b"java.net.BindException"
"""If its port is in use, DynamoDB Local hangs instead of ending."""


class Supervisor:
    """Runs a command until `stop`."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._stopped = threading.Event()
        self._restarting = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._output: deque[bytes] = deque(maxlen=OUTPUT_LINES)

    def run(self) -> int:
        """Run the command.

        Returns:
            0 after `stop`; the command's exit status if it ended before `restart_from_now_on`.
        """
        pause = MIN_PAUSE
        while not self._stopped.is_set():
            start = time.monotonic()
            status = self._run_once()
            if self._stopped.is_set():
                break
            if not self._restarting.is_set():
                sys.stdout.buffer.writelines(self._output)
                return status if status > 0 else 128 - status
            if time.monotonic() - start >= STABLE_SECONDS:
                pause = MIN_PAUSE
            self._report(status, pause)
            self._stopped.wait(pause)
            pause = min(2 * pause, MAX_PAUSE)
        return 0

    def restart_from_now_on(self) -> None:
        """Restart the command whenever it ends after this call."""
        self._restarting.set()

    def stop(self) -> None:
        """Send SIGTERM to the command, and do not restart it."""
        with self._lock:
            self._stopped.set()
            if self._process is not None:
                self._process.terminate()

    def _run_once(self) -> int:
        with self._lock:
            if self._stopped.is_set():
                return 0
            self._process = subprocess.Popen(  # noqa: S603
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                close_fds=False,  # it keeps the lock of its folder, even if this process is killed
            )
        with self._process as process:
            assert process.stdout  # noqa: S101  # nosec B101
            for line in process.stdout:
                self._output.append(line)
                if FATAL in line:
                    process.terminate()
        return process.returncode

    def _report(self, status: int, pause: float) -> None:
        end = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        text = f"The database process {end}; restarting it in {pause:g} s\n"
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # the terminal was closed
            self._output.append(text.encode())


def main(command: list[str]) -> int:
    """Run the command until standard input is closed."""
    supervisor = Supervisor(command)

    def watch_stdin() -> None:
        # Not sys.stdin: Python aborts at exit if a thread is blocked in it.
        while os.read(0, 4096):
            supervisor.restart_from_now_on()
        supervisor.stop()

    threading.Thread(target=watch_stdin, daemon=True).start()
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
