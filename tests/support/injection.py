"""Fault injection between the API and DynamoDB, through botocore's `before-send` event."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from pynamodb.connection import Connection

from billet.metering import event_handler

FaultHandler = Callable[[AWSPreparedRequest], AWSResponse | None]


@dataclass
class Fault:
    """A fault of a call to DynamoDB."""

    name: str
    handler: FaultHandler
    done: bool = False
    """Whether the call takes effect in spite of the fault."""
    unsure: bool = False
    """Whether the outcome is unknown, so that a write must not be retried."""
    lasts: bool = False
    """Whether the fault is also tested as a lasting one."""
    refusal: int = 503
    """The status for the client if the fault lasts."""


class _Raw:
    """A complete body with the interface of urllib3."""

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


def _done_and_replaced(request: AWSPreparedRequest) -> AWSResponse:
    send(request)
    return AWSResponse(request.url, 200, {}, _Raw(b"<html>a page of a proxy</html>"))


def nothing_there(request: AWSPreparedRequest) -> AWSResponse:
    """Not a fault: return the response to a GetItem of a missing item."""
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
    Fault("done, and replaced", _done_and_replaced, done=True, unsure=True),
)


@contextmanager
def inject_fault(
    connection: Connection,
    handler: FaultHandler | None = None,
    *,
    at: int = 0,
    lasting: bool = False,
) -> Iterator[list[str]]:
    """List the operations that are sent, and inject the fault into the one at this position.

    Args:
        handler: handles the call in place of DynamoDB; None injects no fault.
        lasting: whether to inject the fault into all later calls too.
    """
    sent: list[str] = []

    def meet(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        position = len(sent)
        sent.append(operation(request))
        hit = position == at or (lasting and position > at)
        return handler(request) if handler and hit else None

    with event_handler(connection.client, "before-send.dynamodb", meet):
        yield sent
