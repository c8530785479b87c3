"""Keep a command running for as long as standard input stays open.

`billet serve` holds the other end of the pipe. However it ends, even by kill -9, the pipe closes
and the command gets SIGTERM.

    python supervise.py COMMAND [ARGUMENT …]

A command that ends before anything comes on standard input ends this program too: its last
lines of output go to standard output, and its exit status is this program's. After that a
command that ends is started again however often it ends, with growing pauses and a line on standard
error for each.
"""

import os
import subprocess
import sys
import threading
import time
from collections import deque

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
SETTLED_SECONDS = 60.0
"""A command that ran for so long was well: the pauses begin at the first again."""
LINES = 20
FATAL = b"java.net.BindException"
"""DynamoDB Local stays alive, and never answers, if its port is taken."""


class Supervisor:
    """Run a command until told to stop."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._stopped = threading.Event()
        self._kept = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._output: deque[bytes] = deque(maxlen=LINES)

    def run(self) -> int:
        """Return 0 if told to stop, else the exit status of a command that never got going."""
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            start = time.monotonic()
            status = self._run_once()
            if self._stopped.is_set():
                break
            if not self._kept.is_set():
                sys.stdout.buffer.writelines(self._output)
                return status if status > 0 else 128 - status
            if time.monotonic() - start >= SETTLED_SECONDS:
                pause = FIRST_PAUSE
            self._report(status, pause)
            self._stopped.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return 0

    def keep(self) -> None:
        """Start the command again from now on if it ends."""
        self._kept.set()

    def stop(self) -> None:
        """End the command with SIGTERM, and do not start it again."""
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
            )
        with self._process as process:
            assert process.stdout  # noqa: S101  # nosec B101
            for line in process.stdout:
                self._output.append(line)
                if FATAL in line:
                    process.terminate()
        return process.returncode

    def _report(self, status: int, pause: float) -> None:
        how = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
        # Not print: standard error may be gone, as when the terminal was closed.
        text = f"The database process {how}; starting it again in {pause:g} s\n"
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            self._output.append(text.encode())


def main(command: list[str]) -> int:
    """Run the command until standard input ends."""
    supervisor = Supervisor(command)

    def watch() -> None:
        # Not sys.stdin: at the end Python aborts if a thread waits inside it.
        while os.read(0, 4096):
            supervisor.keep()
        supervisor.stop()

    threading.Thread(target=watch, daemon=True).start()
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
