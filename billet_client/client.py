"""The two clients, which differ only in how they send requests and wait."""

from collections.abc import AsyncIterator, Iterator
from time import sleep
from types import TracebackType
from typing import Self

import httpx

from billet_client.calls import Awaited, Blocking, M, Page, Resource, Steps, T, call
from billet_client.models import Health
from billet_client.session import Session
from billet_client.tasks import Tasks
from billet_client.users import Users


class _Client(Resource[M]):
    """The calls of both clients."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.tasks: Tasks[M] = Tasks(self, session)
        self.users: Users[M] = Users(self, session)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self._session.url)!r})"

    @call
    def health(self) -> Steps[Health]:
        """Return the release of the API and the schema of its database."""
        return self._session.get("/v1/health", Health)


class Client(_Client[Blocking]):
    """A client of the API. It may be used by several threads.

    Args:
        url: where the API is, with the stage if there is one.
        token: the token that `billet token create` printed, if the API requires one.
        timeout: the seconds to wait for a connection and for a response, for each try.
        retries: how often a request is sent again if it fails for a reason that may pass.
        total_timeout: the seconds for a call with all its tries.
        transport: what sends the requests, in place of a connection pool of httpx.

    Raises:
        ValueError: the URL or token is not valid.
    """

    def __init__(
        self,
        url: str = "http://localhost:3000",
        token: str | None = None,
        *,
        timeout: float = 10.0,
        retries: int = 5,
        total_timeout: float = 60.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        super().__init__(Session(url, token, timeout, retries, total_timeout))
        self._http = httpx.Client(transport=transport, verify=self._session.uses_tls)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    response = self._do(step)
                except httpx.RequestError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(response)
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, step: httpx.Request | float) -> httpx.Response | None:
        if isinstance(step, httpx.Request):
            return self._http.send(step)
        sleep(step)
        return None

    def _iterate(self, first: Steps[Page[T]]) -> Iterator[T]:
        following: Steps[Page[T]] | None = first
        while following:
            items, following = self._run(following)
            yield from items


class AsyncClient(_Client[Awaited]):
    """A client of the API for asyncio. Its arguments are those of `Client`."""

    def __init__(
        self,
        url: str = "http://localhost:3000",
        token: str | None = None,
        *,
        timeout: float = 10.0,
        retries: int = 5,
        total_timeout: float = 60.0,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(Session(url, token, timeout, retries, total_timeout))
        self._http = httpx.AsyncClient(transport=transport, verify=self._session.uses_tls)

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, steps: Steps[T]) -> T:
        try:
            step = next(steps)
            while True:
                try:
                    response = await self._do(step)
                except httpx.RequestError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(response)
        except StopIteration as end:
            result: T = end.value
            return result

    async def _do(self, step: httpx.Request | float) -> httpx.Response | None:
        if isinstance(step, httpx.Request):
            return await self._http.send(step)
        import asyncio  # here, as programs that don't use it start faster

        await asyncio.sleep(step)
        return None

    async def _iterate(self, first: Steps[Page[T]]) -> AsyncIterator[T]:
        following: Steps[Page[T]] | None = first
        while following:
            items, following = await self._run(following)
            for item in items:
                yield item
