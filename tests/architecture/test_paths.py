"""The number of calls between source files of the API during a request."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import CO_GENERATOR
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from tests.conftest import Api

SOURCE = str(Path(__file__).parents[2] / "chalicelib")
LOG = ("json_log", "metrics", "request_ids", "request_log", "request_stats", "trace_context")
"""The modules that observe requests and decide nothing about them."""
PLAIN, KEYED = 39, 52
"""The maximum number of calls for a POST of a task, without and with an idempotency key. Calls of
LOG do not count."""


@contextmanager
def calls_between_files() -> Iterator[list[str]]:
    """List the calls between files in this thread. A resumed generator is not a call."""
    found: list[str] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        caller = frame.f_back
        if event != "call" or caller is None:
            return
        if frame.f_code.co_flags & CO_GENERATOR and frame.f_lasti > 4:
            return
        one, other = caller.f_code.co_filename, frame.f_code.co_filename
        if any(Path(name).stem in LOG for name in (one, other)):
            return
        if one != other and one.startswith(SOURCE) and other.startswith(SOURCE):
            found.append(f"{one.removeprefix(SOURCE)} → {other.removeprefix(SOURCE)}")

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


@pytest.mark.backend("moto")
@pytest.mark.parametrize(("headers", "most"), [({}, PLAIN), ({"Idempotency_Key": "b"}, KEYED)])
@pytest.mark.usefixtures("database")
def test_a_request_makes_few_calls_between_files(
    api: Api, headers: dict[str, str], most: int
) -> None:
    assert api("POST", "/v1/tasks", {"name": "plan"}).status_code == 201
    with calls_between_files() as found:
        assert api("POST", "/v1/tasks", {"name": "plan"}, **headers).status_code == 201
    assert len(found) <= most, "\n".join(found)
