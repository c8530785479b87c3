"""Keeps a command running for as long as standard input stays open.

`billet serve` holds the other end of the pipe. However it ends, even by kill -9, the pipe closes
and the command gets SIGTERM. A command that ends by itself, or is killed, is started again.

    python supervise.py COMMAND [ARGUMENT …]
"""

import subprocess
import sys
import threading

MOST_STARTS = 20


class Supervisor:
    """Runs a command until told to stop."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._stopped = False
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Gives the command's last exit status, 0 where it was told to stop."""
        status = 0
        for _ in range(MOST_STARTS):
            with self._lock:
                if self._stopped:
                    break
                self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)  # noqa: S603
            status = self._process.wait()
        return 0 if self._stopped else status

    def stop(self) -> None:
        """Ends the command, by SIGTERM, and starts it no more."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.terminate()


def main(command: list[str]) -> int:
    """Runs the command until standard input ends."""
    supervisor = Supervisor(command)

    def watch() -> None:
        sys.stdin.buffer.read()
        supervisor.stop()

    threading.Thread(target=watch, daemon=True).start()
    return supervisor.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
