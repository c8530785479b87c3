"""Which release of the code runs."""

import json
from pathlib import Path
from typing import NamedTuple

__version__ = "0.1.0"


class Release(NamedTuple):
    """What a package was made from."""

    version: str
    commit: str
    """The commit of the packaged code; "" if the code is not packaged."""

    def __str__(self) -> str:
        return f"{self.version} (commit {self.commit})" if self.commit else self.version


FILE = Path(__file__).with_name("release.json")
"""`billet package` writes it into the zip."""


def current() -> Release:
    """Return the release of this process."""
    try:
        return Release(**json.loads(FILE.read_bytes()))
    except FileNotFoundError:
        return Release(__version__, "")
