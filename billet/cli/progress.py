"""Progress bars on standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click


@contextmanager
def bar(length: int, label: str, *, hidden: bool = False) -> Iterator[Any]:
    """Yield a progress bar. It ends at 100% if the block does, also with nothing to do."""
    with click.progressbar(length=length, label=label, hidden=hidden, file=sys.stderr) as shown:
        yield shown
        shown.finish()
        shown.render_progress()
