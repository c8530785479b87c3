"""How `billet serve` is to serve."""

from pathlib import Path
from typing import NamedTuple


class Options(NamedTuple):
    """What its options say."""

    host: str
    workers: int
    at_work: int
    """How many requests work at once, in all workers."""
    tls_cert: Path | None
    tls_key: Path | None
    metrics_port: int | None
