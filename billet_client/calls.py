"""Calls that are written once and run by both clients.

A call is a generator of steps: it yields a request to send and gets the response, or it yields a
number of seconds to wait. `Client` runs the steps as they are, `AsyncClient` awaits each of them.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from functools import wraps
from typing import (
    Any,
    Concatenate,
    Generic,
    NamedTuple,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    overload,
)

import httpx

P = ParamSpec("P")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Steps = Generator[httpx.Request | float, Any, T_co]
"""Requests to send, and seconds to wait. What is sent back is the response, or None."""


class Blocking:
    """Marks the parts of `Client`."""


class Awaited:
    """Marks the parts of `AsyncClient`."""


M = TypeVar("M", Blocking, Awaited)


class Page(NamedTuple, Generic[T]):
    """The items of a page, and the call for the next page, if there is one."""

    items: list[T]
    next: "Steps[Page[T]] | None"


class Resource(Generic[M]):
    """Something with calls: a client, or its tasks or users."""

    def _run(self, steps: Steps[Any]) -> Any:
        """Return the result of the steps, or an awaitable of it."""
        raise NotImplementedError

    def _iterate(self, first: Steps[Page[Any]]) -> Any:
        """Return an iterator or asynchronous iterator over the items of a page and all after it."""
        raise NotImplementedError


class Call(Protocol[P, T_co]):
    """A method of `Client`, and a coroutine of `AsyncClient`."""

    @overload
    def __get__(self, resource: Resource[Blocking], owner: type, /) -> Callable[P, T_co]: ...
    @overload
    def __get__(
        self, resource: Resource[Awaited], owner: type, /
    ) -> Callable[P, Coroutine[Any, Any, T_co]]: ...


class Listing(Protocol[P, T_co]):
    """A method that returns an iterator, which is asynchronous with `AsyncClient`."""

    @overload
    def __get__(
        self, resource: Resource[Blocking], owner: type, /
    ) -> Callable[P, Iterator[T_co]]: ...
    @overload
    def __get__(
        self, resource: Resource[Awaited], owner: type, /
    ) -> Callable[P, AsyncIterator[T_co]]: ...


def call(steps: Callable[Concatenate[Any, P], Steps[T]]) -> Call[P, T]:
    """Make a call of a generator function."""

    @wraps(steps)
    def method(resource: Resource[Any], *args: P.args, **kwargs: P.kwargs) -> Any:
        return resource._run(steps(resource, *args, **kwargs))

    return cast("Call[P, T]", method)


def listing(first: Callable[Concatenate[Any, P], Steps[Page[T]]]) -> Listing[P, T]:
    """Make an iterator over all pages of a generator function that gets the first one."""

    @wraps(first)
    def method(resource: Resource[Any], *args: P.args, **kwargs: P.kwargs) -> Any:
        return resource._iterate(first(resource, *args, **kwargs))

    return cast("Listing[P, T]", method)
