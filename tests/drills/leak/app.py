"""The API with a memory leak: it keeps 100 KB for each request."""

import os

from tests.drills.original import app, before_each_request

__all__ = ["app"]
KEPT_BYTES = 100_000
_kept: list[bytes] = []

before_each_request(lambda: _kept.append(os.urandom(KEPT_BYTES)))
