"""Both clients, in front of the app on moto, with a transport that can fail."""

import asyncio
import inspect
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from typing import Any, cast

import pytest

from billet_client import AsyncClient, Client
from chalicelib.app_factory import BilletApp
from tests.support.in_process import ADDRESS, Faulty

ClientFactory = Callable[..., Client]
BLOCKING_ONLY = pytest.mark.parametrize("asynchronous", [False])
"""For what is the same code with both clients."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test that makes clients with both of them, unless it is BLOCKING_ONLY."""
    if (
        "asynchronous" in metafunc.fixturenames
        and BLOCKING_ONLY.mark not in metafunc.definition.own_markers
    ):
        metafunc.parametrize("asynchronous", [False, True], ids=["Client", "AsyncClient"])


class Awaiting:
    """An AsyncClient, or a part of one, whose coroutines run at once: `Client` for the tests."""

    def __init__(self, part: Any, runner: asyncio.Runner) -> None:
        self._part = part
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._part, name)
        if not callable(member):
            return Awaiting(member, self._runner)

        @wraps(member)
        def call(*arguments: Any, **named: Any) -> Any:
            result = member(*arguments, **named)
            if inspect.isasyncgen(result):
                return iter(lambda: self._runner.run(anext(result, END)), END)
            return self._runner.run(result)

        return call


END: Any = object()
yield_to_others = asyncio.sleep


class Clock:
    """Time that passes only while a client waits."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return sum(self.waits)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def asleep(self, seconds: float) -> None:
        await yield_to_others(0)  # which anyio also asks for
        if seconds:
            self.sleep(seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("billet_client.client.sleep", clock.sleep)
    monkeypatch.setattr("asyncio.sleep", clock.asleep)
    monkeypatch.setattr("billet_client.retries.monotonic", clock.monotonic)
    return clock


@pytest.fixture
def transport(application: BilletApp) -> Faulty:
    """The way to the app, which can fail."""
    return Faulty(application)


@pytest.fixture
def connect(asynchronous: bool, transport: Faulty) -> Iterator[ClientFactory]:
    """Return a function that makes a client, `connect(retries=1)`."""
    with ExitStack() as stack:

        def make(url: str = ADDRESS, token: str | None = None, **options: Any) -> Client:
            options = {"transport": transport} | options
            if not asynchronous:
                return stack.enter_context(Client(url, token, **options))
            runner = stack.enter_context(asyncio.Runner())
            client = AsyncClient(url, token, **options)
            stack.callback(lambda: runner.run(client.close()))
            return cast(Client, Awaiting(client, runner))

        yield make


@pytest.fixture
def billet(connect: ClientFactory) -> Client:
    return connect()
