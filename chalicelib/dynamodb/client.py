"""The connection to DynamoDB, its errors, and retries.

botocore's own retries are off, because they would repeat a single write whose reply was lost. That
write may have taken effect, and other writes may have followed it.
"""

import logging
import math
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NotConnected
from botocore.parsers import ResponseParserError
from botocore.session import get_session
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException

from chalicelib import request_stats, time_budget
from chalicelib.domain.errors import LostRace, OutcomeUnknown, Unavailable
from chalicelib.dynamodb import backoff, botocore_patches
from chalicelib.dynamodb.models import SUFFIXES
from chalicelib.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")
Item = Mapping[str, Mapping[str, Any]]
"""An item as DynamoDB sends it: {"id": {"N": "7"}, …}."""

CONNECT_TIMEOUT = 1.0
READ_TIMEOUT = 3.0
LONGEST_CALL = CONNECT_TIMEOUT + READ_TIMEOUT
"""The maximum duration of a call in seconds. No call starts with less time left."""
ATTEMPTS = 5
EMULATED_REGION = "us-east-1"
MAX_UNANSWERED = 2
"""The number of calls without a response after which a request fails."""

_THROTTLED = {
    "LimitExceededException",
    "ProvisionedThroughputExceeded",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingError",
    "ThrottlingException",
}
_CONTENDED = {
    "TransactionConflict",
    "TransactionConflictException",
    "TransactionInProgressException",
}
_OURS = {"AccessDenied", "DuplicateItem", "ItemCollectionSizeLimitExceeded", "ValidationError"}
"""Reasons for which a transaction is cancelled because of a bug here. All unknown reasons count as
the database's."""


class ConditionFailed(Exception):
    """Nothing was written, because a condition failed.

    Args:
        found: for each operation whose condition failed, by position: the item that it found, or
            None if there was none.
    """

    def __init__(self, found: dict[int, Item | None]) -> None:
        super().__init__(f"the conditions at {sorted(found)} failed")
        self.found = found


class _NotDone(Unavailable):
    """The database did not carry out the call: it said so, or was not reached."""


ENDPOINTS = ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL")
"""The variables with the URL of an emulator; the first comes first."""


class SeenLaneCount(NamedTuple):
    """A lane count that this process has seen. One tuple, so that a thread replaces it at once."""

    lanes: int = 0
    """0 if the process has seen none."""
    since: float = 0.0
    """The monotonic clock when it was first seen."""


class Memory(msgspec.Struct):
    """What this process remembers of the database."""

    shared_state: Any = None
    """The copy of `shared_state.SharedState`; None if there is none."""
    lane_count: SeenLaneCount = SeenLaneCount()
    strides: dict[str, int] = {}
    """The strides of the id counters, by kind."""
    schema: tuple[int, int] = (0, 0)
    """The `schema_version.Stored` that this process read last."""
    schema_mismatch: str = ""
    """The mismatch that was logged last."""


class _Database:
    """What `bind` sets."""

    settings: Settings
    connection: Connection
    memory: Memory


database = _Database()


def region() -> str | None:
    """Return the region: AWS_REGION, or what botocore finds, which includes that of the profile.

    It is EMULATED_REGION for an emulator without a region, and None if there is neither.
    """
    # Lambda sets both variables, and a cold start does not pay for a session of botocore.
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        if os.environ.get(name):
            return os.environ[name]
    found: str | None = get_session().get_config_variable("region")
    return found or (EMULATED_REGION if endpoint() else None)


def endpoint() -> str | None:
    """Return the URL of the emulator that takes the place of DynamoDB, or None for AWS itself."""
    configured = get_session().get_scoped_config().get("endpoint_url")
    url = next(filter(None, map(os.environ.get, ENDPOINTS)), configured)
    return None if url and ".amazonaws.com" in url else url


def connect() -> Connection:
    """Return a connection to where the AWS variables point. Its first use makes the client."""
    return botocore_patches.WireConnection(
        region=region(),
        connect_timeout_seconds=CONNECT_TIMEOUT,
        read_timeout_seconds=READ_TIMEOUT,
        max_pool_connections=64,
        retry_configuration={"total_max_attempts": 1, "mode": "standard"},
    )


def bind(settings: Settings, connection: Connection | None = None) -> None:
    """Bind all models to the tables of these settings, over one shared connection."""
    database.settings = settings
    database.memory = Memory()
    database.connection = connection or connect()
    for model, suffix in SUFFIXES.items():
        botocore_patches.bind_model(model, f"{settings.prefix}-{suffix}", database.connection)


def warm_up() -> None:
    """Make the client, which takes long, so that no request has to wait for it."""
    _ = database.connection.client


def dispatch(
    operation: str, arguments: dict[str, Any], *, repeatable: bool, attempts: int = ATTEMPTS
) -> bytes:
    """Send an operation of `botocore_patches.UNPARSED` and return the JSON of its reply.

    Args and Raises: see `call_with_retries`.
    """
    reply = call_with_retries(
        lambda: database.connection.dispatch(operation, arguments),
        repeatable=repeatable,
        attempts=attempts,
    )
    body: bytes = reply["Body"]
    return body


def require_all_processed(reply: dict[str, Any]) -> dict[str, Any]:
    """Return the reply to a batch; raise Unavailable if DynamoDB did not process all of it."""
    if reply["UnprocessedKeys"]:
        raise _NotDone
    return reply


def call_with_retries(call: Callable[[], T], *, repeatable: bool, attempts: int = ATTEMPTS) -> T:
    """Call DynamoDB, and repeat the call if it was refused because of load or contention.

    Args:
        repeatable: whether two calls have the same effect as one, so that the call may be repeated
            if there was no response.
        attempts: the maximum number of calls.

    Raises:
        ConditionFailed: a condition failed.
        LostRace: other transactions interfered at every attempt.
        Unavailable: the database is overloaded or did not respond, or no time is left.
    """
    unanswered: list[OutcomeUnknown] = []
    for attempt in range(1, attempts + 1):
        if attempt > 1:
            request_stats.current().add(retries=1)
            backoff.wait(attempt)
        if time_budget.left() < LONGEST_CALL:
            refusal: Unavailable | LostRace = _NotDone()
            break
        try:
            return _translated(call)
        except (_NotDone, LostRace) as error:
            refusal = error
            # Losing a race to another request is usual, throttling and server errors are not.
            level = logging.WARNING if isinstance(error, _NotDone) else logging.INFO
            log.log(level, "DynamoDB refused: %s", error.__cause__)
        except OutcomeUnknown as error:
            unanswered.append(error)
            log.warning("DynamoDB did not respond: %s", error.__cause__)
            if not repeatable or len(unanswered) == _max_unanswered():
                break
    # After a call without a response, nobody knows whether it took effect, whatever came later.
    raise unanswered[0] if unanswered else refusal


def _max_unanswered() -> int:
    # An operator's command has no time limit, and waits for a database that is still starting.
    return ATTEMPTS if time_budget.left() == math.inf else MAX_UNANSWERED


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except PynamoDBException as error:
        cause = error.cause or error
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        cause = error
    raise _translation(cause) from cause


def _translation(error: BaseException) -> BaseException:
    # TLS may fail after the request was sent, although botocore reports a connection error.
    # What is no reply of DynamoDB comes from something between, such as a proxy.
    if isinstance(error, HTTPClientError | IncompleteReadError | ResponseParserError | SSLError):
        return OutcomeUnknown()
    if isinstance(error, NotConnected):
        return _NotDone()  # it was never sent
    if not isinstance(error, ClientError):
        return error
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return ConditionFailed({0: _found(error)})
    if code == "TransactionCanceledException":
        return _cancellation(error)
    # The codes of server errors are open-ended, and none of them means that nothing was done. An
    # error that is not DynamoDB's has its status as code.
    if _response(error)["ResponseMetadata"]["HTTPStatusCode"] >= 500 or code.isdecimal():
        return OutcomeUnknown()
    return _by_code({code}, error)


def _cancellation(error: Any) -> BaseException:
    reasons = dict(enumerate(error.cancellation_reasons))
    found = {
        position: reason.raw_item
        for position, reason in reasons.items()
        if reason and reason.code == "ConditionalCheckFailed"
    }
    if found:
        return ConditionFailed(found)
    codes = {reason.code for reason in reasons.values() if reason}
    known = _CONTENDED | _THROTTLED | _OURS
    return _by_code(codes, OutcomeUnknown() if codes - known else error)


def _by_code(codes: set[str], otherwise: BaseException) -> BaseException:
    if codes & _CONTENDED:
        request_stats.current().add(conflicts=1)
        return LostRace()
    if codes & _THROTTLED:
        request_stats.current().add(throttles=1)
        return _NotDone()
    return otherwise


def _found(error: ClientError) -> Item | None:
    """Return the item that the condition of a single write found."""
    item: Item | None = _response(error).get("Item")
    return item


def _response(error: ClientError) -> Mapping[str, Any]:
    """Return the whole response, which PynamoDB drops. Its cause is botocore's error."""
    original = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    response: Mapping[str, Any] = original.response
    return response
