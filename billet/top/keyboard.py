"""Read single keys from the terminal."""

import os
import select
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ReadKey = Callable[[float], str]
"""Waits up to so many seconds for a key; returns "" if there is none."""


@contextmanager
def keys() -> Iterator[ReadKey]:
    """Yield a function that reads a key, within the block without echo and without Enter.

    The terminal is that of the process, also if its standard input is a pipe.
    """
    descriptor = os.open("/dev/tty", os.O_RDONLY)
    before = termios.tcgetattr(descriptor)

    def read_key(seconds: float) -> str:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        return os.read(descriptor, 1).decode("ascii", "replace") if ready else ""

    try:
        tty.setcbreak(descriptor)
        yield read_key
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
        os.close(descriptor)
