"""The one connection to DynamoDB, and what becomes of its errors.

Retries are ours, not botocore's: a write that is no transaction must not be sent again when its
reply was lost, because the first may have been carried out and others may have followed.
"""

import logging
import math
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NotConnected
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException

from chalicelib import time_budget
from chalicelib.domain.errors import LostRace, Unavailable
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
"""How many seconds a call may take, at most. With fewer left none is begun."""
ATTEMPTS = 5
MAX_SILENCES = 2
"""How often a request waits for an answer in vain; then its client is told, and soon."""

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
"""Why a transaction is cancelled by a mistake of ours. Any other reason that is unknown here is
the database's own."""


class ConditionFailed(Exception):
    """Nothing was written, because a condition did not hold.

    Args:
        found: for each operation whose condition failed, by its position: the item that it met, or
            None where there was none.
    """

    def __init__(self, found: dict[int, Item | None]) -> None:
        super().__init__(f"the conditions at {sorted(found)} did not hold")
        self.found = found


class _Refused(Unavailable):
    """The database did not do it: it said so, or was not reached."""


class _Unanswered(Unavailable):
    """The database may or may not have done it."""

    def __init__(self) -> None:
        super().__init__(
            "the database did not respond; check whether a change was made before you repeat it"
        )


class _Database:
    """What `bind` sets: the settings in force and the connection."""

    settings: Settings
    connection: Connection
    memory: dict[str, Any]


_database = _Database()


def connect() -> Connection:
    """A connection to where AWS's own variables point; the first use makes the client."""
    return botocore_patches.WireConnection(
        # Lambda always sets the region; elsewhere only the emulators do without one.
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        connect_timeout_seconds=CONNECT_TIMEOUT,
        read_timeout_seconds=READ_TIMEOUT,
        max_pool_connections=64,
        retry_configuration={"total_max_attempts": 1, "mode": "standard"},
    )


def bind(settings: Settings, connection: Connection | None = None) -> None:
    """Points all models at the tables of these settings, over one shared connection."""
    _database.settings = settings
    _database.memory = {}
    _database.connection = connection or connect()
    for model, suffix in SUFFIXES.items():
        botocore_patches.rename(model, f"{settings.prefix}-{suffix}", _database.connection)


def warm_up() -> None:
    """Make the client, which takes long, so that no request has to wait for it."""
    _ = _database.connection.client


def lanes() -> int:
    """Over how many lanes this process spreads new items; `lanes.readable` is what readers read."""
    return _database.settings.lanes


def memory() -> dict[str, Any]:
    """What this process remembers of the database; `bind` empties it."""
    return _database.memory


def dispatch(
    operation: str, arguments: dict[str, Any], *, repeatable: bool, attempts: int = ATTEMPTS
) -> bytes:
    """Sends an operation of `_private.UNPARSED` and gives the reply's JSON; raises as `send`."""
    reply = send(
        lambda: _database.connection.dispatch(operation, arguments),
        repeatable=repeatable,
        attempts=attempts,
    )
    body: bytes = reply["Body"]
    return body


def whole(reply: dict[str, Any]) -> dict[str, Any]:
    """The reply to a batch; raises Unavailable where DynamoDB, for load, left something out."""
    if reply["UnprocessedKeys"]:
        raise _Refused
    return reply


def send(call: Callable[[], T], *, repeatable: bool, attempts: int = ATTEMPTS) -> T:
    """Calls DynamoDB, again where it was refused for load or contention.

    Args:
        repeatable: whether doing it twice is as good as once, so that it may be sent again
            when no answer came.
        attempts: how often it is sent, at most.

    Raises:
        ConditionFailed: a condition did not hold.
        LostRace: other transactions were in the way each time.
        Unavailable: the database refused for load, or did not answer, or no time is left.
    """
    silences: list[_Unanswered] = []
    # An operator's command has no deadline, and waits for a database that is only starting.
    patience = ATTEMPTS if time_budget.left() == math.inf else MAX_SILENCES
    for _ in backoff.attempts(attempts):
        if time_budget.left() < LONGEST_CALL:
            refusal: Unavailable | LostRace = _Refused()
            break
        try:
            return _translated(call)
        except (_Refused, LostRace) as error:
            refusal = error
            log.info("DynamoDB refused: %s", error.__cause__)
        except _Unanswered as error:
            silences.append(error)
            log.info("DynamoDB did not answer: %s", error.__cause__)
            if not repeatable or len(silences) == patience:
                break
    # After a silence nobody knows whether it was done, whatever was answered later.
    raise silences[0] if silences else refusal


def _translated(call: Callable[[], T]) -> T:
    try:
        return call()
    except PynamoDBException as error:
        cause = error.cause or error
    except (ClientError, BotoCoreError) as error:
        cause = error
    raise _translation(cause) from cause


def _translation(error: BaseException) -> BaseException:
    # TLS may break after the request was sent, though botocore takes that for no connection.
    if isinstance(error, HTTPClientError | IncompleteReadError | SSLError):
        return _Unanswered()
    if isinstance(error, NotConnected):
        return _Refused()  # it was never sent
    if not isinstance(error, ClientError):
        return error
    code = error.response["Error"]["Code"]
    if code == "ConditionalCheckFailedException":
        return ConditionFailed({0: _met(error)})
    if code == "TransactionCanceledException":
        return _cancellation(error)
    # The names of a server's errors are open-ended, and none says that nothing was done.
    if _response(error)["ResponseMetadata"]["HTTPStatusCode"] >= 500:
        return _Unanswered()
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
    return _by_code(codes, _Unanswered() if codes - known else error)


def _by_code(codes: set[str], otherwise: BaseException) -> BaseException:
    if codes & _CONTENDED:
        return LostRace()
    if codes & _THROTTLED:
        return _Refused()
    return otherwise


def _met(error: ClientError) -> Item | None:
    """What a single write met."""
    item: Item | None = _response(error).get("Item")
    return item


def _response(error: ClientError) -> Mapping[str, Any]:
    """The whole response. PynamoDB drops much of it, but keeps botocore's error as the cause."""
    original = error.__cause__ if isinstance(error.__cause__, ClientError) else error
    response: Mapping[str, Any] = original.response
    return response
