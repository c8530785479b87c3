"""Faults between the API and DynamoDB, put in through botocore's own event before it sends."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from pynamodb.connection import Connection

FaultHandler = Callable[[AWSPreparedRequest], AWSResponse | None]


@dataclass
class Fault:
    """Something that goes wrong with a call."""

    name: str
    handler: FaultHandler
    done: bool = False
    """Whether DynamoDB has done it nevertheless."""
    unsure: bool = False
    """Whether nobody can know, so that a write must not be sent again."""
    lasts: bool = False
    """Whether it is tried for good too."""
    refusal: int = 503
    """The status for the client where it lasts."""


class _Raw:
    """A body that is there already, read as urllib3's are."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


def operation(request: AWSPreparedRequest) -> str:
    target = request.headers["X-Amz-Target"]
    text = target.decode() if isinstance(target, bytes) else target
    return text.rpartition(".")[2]


def reply(request: AWSPreparedRequest, status: int, body: Any) -> AWSResponse:
    return AWSResponse(request.url, status, {}, _Raw(json.dumps(body).encode()))


def _error(request: AWSPreparedRequest, status: int, code: str, **more: Any) -> AWSResponse:
    return reply(request, status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"} | more)


def throttled(request: AWSPreparedRequest) -> AWSResponse:
    return _error(request, 400, "ProvisionedThroughputExceededException")


def _limited(request: AWSPreparedRequest) -> AWSResponse:
    return _error(request, 400, "ThrottlingException")


def contended(request: AWSPreparedRequest) -> AWSResponse:
    if operation(request) != "TransactWriteItems":
        return _error(request, 400, "TransactionConflictException")
    reasons = [{"Code": "TransactionConflict"}, {"Code": "None"}]
    return _error(request, 400, "TransactionCanceledException", CancellationReasons=reasons)


def unreachable(request: AWSPreparedRequest) -> AWSResponse:
    raise EndpointConnectionError(endpoint_url=request.url)


def silent(request: AWSPreparedRequest) -> AWSResponse:
    raise ReadTimeoutError(endpoint_url=request.url)


def done_and_silent(request: AWSPreparedRequest) -> AWSResponse:
    send(request)
    return silent(request)


def _done_and_broken(request: AWSPreparedRequest) -> AWSResponse:
    send(request)
    return _error(request, 500, "InternalFailure")


def nothing_there(request: AWSPreparedRequest) -> AWSResponse:
    """No fault: the answer to a GetItem of what is not there, without asking for it."""
    return AWSResponse(request.url, 200, {}, _Raw(b"{}"))


_session = URLLib3Session()


def send(request: AWSPreparedRequest) -> None:
    _session.send(request)


FAULTS = (
    Fault("throttled", throttled, lasts=True),
    Fault("limited", _limited),
    Fault("contended", contended, lasts=True, refusal=409),
    Fault("unreachable", unreachable),
    Fault("silent", silent, lasts=True, unsure=True),
    Fault("done, and silent", done_and_silent, done=True, unsure=True),
    Fault("done, and broken", _done_and_broken, done=True, unsure=True),
)


@contextmanager
def inject_fault(
    connection: Connection,
    handler: FaultHandler | None = None,
    *,
    at: int = 0,
    lasting: bool = False,
) -> Iterator[list[str]]:
    """Lists the operations that are sent; the one at this position meets the fault.

    Args:
        strike: what happens to it; None: nothing.
        lasting: whether all those after it do too.
    """
    sent: list[str] = []

    def meet(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        position = len(sent)
        sent.append(operation(request))
        hit = position == at or (lasting and position > at)
        return handler(request) if handler and hit else None

    events = connection.client.meta.events
    events.register("before-send.dynamodb", meet)
    try:
        yield sent
    finally:
        events.unregister("before-send.dynamodb", meet)
