"""Endpoints as plain data: each module of `routes` declares its own with a Router."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, get_args

from chalice.app import Request

from chalicelib.domain.token import Role
from chalicelib.http.authentication import Principal
from chalicelib.http.responses import ApiResponse

View = Callable[..., ApiResponse[Any]]
V = TypeVar("V", bound=View)
Identify = Callable[[Request, Principal], Principal]


class Throttle(NamedTuple):
    """The token bucket by which API Gateway limits a route, over all clients together."""

    rate: float
    """Requests per second in the long run."""
    burst: int
    """Requests at once."""


DEFAULT_THROTTLE = Throttle(rate=100, burst=200)
LIST_THROTTLE = Throttle(rate=50, burst=100)
"""A page can read up to a megabyte."""


class Endpoint(NamedTuple):
    """A method of a path, and the view that responds to it."""

    method: str
    path: str
    role: Role | None
    """The lowest role that may call it; None: everybody may, without a token."""
    view: View
    status: int
    """The status of a successful response."""
    parameters: Mapping[str, Any]
    """The type of each parameter of the view, by name."""
    returns: Any
    """The type of the body of a successful response."""
    throttle: Throttle
    identify: Identify | None
    """Returns the sender of a request that has a credential of its own. Its second argument is the
    sender of a request without it."""
    versioned: bool
    """Whether it changes something that has a version. Only then it takes If-Match."""


class Router:
    """Collects the endpoints of a module."""

    def __init__(self) -> None:
        self.endpoints: list[Endpoint] = []

    def endpoint(
        self,
        method: str,
        path: str,
        *,
        role: Role | None,
        status: int = 200,
        throttle: Throttle = DEFAULT_THROTTLE,
        identify: Identify | None = None,
        versioned: bool = True,
    ) -> Callable[[V], V]:
        """Declare the decorated view as the endpoint of a method and a path.

        The annotation of each parameter of the view says what the pipeline passes to it: an int is
        an id in the path; a `Query` is the query; any other struct is the JSON body;
        `WriteRequest`, `Urls`, `Principal` and Chalice's `Request` are those of the request.

        Args:
            role: the lowest role that may call it; None: everybody may, without a token.
            status: the status of a successful response.
            throttle: API Gateway's limit for this route.
            identify: see `Endpoint.identify`.
            versioned: whether it changes something that has a version; a POST never does.
        """

        def declare(view: V) -> V:
            signature = inspect.signature(view)
            parameters = {
                name: parameter.annotation for name, parameter in signature.parameters.items()
            }
            [returns] = get_args(signature.return_annotation)
            self.endpoints.append(
                Endpoint(
                    method,
                    path,
                    role,
                    view,
                    status,
                    parameters,
                    returns,
                    throttle,
                    identify,
                    versioned=versioned and method not in ("GET", "POST"),
                )
            )
            return view

        return declare
