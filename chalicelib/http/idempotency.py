"""Requests that write: the precondition of If-Match, and Idempotency-Key.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar
from urllib.parse import unquote

import msgspec
from chalice.app import Request

from chalicelib.domain.errors import Invalid, KeyReused, RequestInProgress
from chalicelib.dynamodb import idempotency_store
from chalicelib.dynamodb.idempotency_store import StoredResponse
from chalicelib.http import conditional, parsing, request_log
from chalicelib.http.authentication import Principal
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.problems import HttpProblem
from chalicelib.http.responses import ApiResponse
from chalicelib.services.write_context import IdempotencyRecord, WriteContext

B = TypeVar("B")
R = TypeVar("R")

KIND = "https://www.ietf.org/archive/id/draft-ietf-httpapi-idempotency-key-header-07.html"
RETRY_SECONDS = 1

_QUOTED = re.compile(r'"((?:[ !\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
_BARE = re.compile(r"[A-Za-z0-9._~:+/=-]{1,255}")


class IdempotencyKey(msgspec.Struct, frozen=True):
    """An idempotency key."""

    digest: str
    """The digest of the key and its scope: the principal, the method and the route."""
    fingerprint: str
    """The digest of the request, which a repeated request must have too."""


class WriteRequest(msgspec.Struct, frozen=True):
    """A request that writes."""

    if_match: Collection[int] | None
    """The versions in If-Match; None accepts all."""
    key: IdempotencyKey | None
    status: int
    """The status of a successful response."""
    if_match_required: bool = False
    """Whether an operation on what exists is refused without a condition."""

    @classmethod
    def of(
        cls,
        request: Request,
        endpoint: Endpoint,
        principal: Principal,
        *,
        if_match_required: bool,
    ) -> "WriteRequest":
        """Read the headers of a request.

        Args:
            principal: the sender of the request.
            if_match_required: whether a request without If-Match is refused.

        Raises:
            Invalid: If-Match or Idempotency-Key is malformed.
            HttpProblem: 428, see `conditional.if_match`.
        """
        return cls(
            conditional.if_match(request, versioned=endpoint.versioned, required=if_match_required),
            _key(request, endpoint.path, principal),
            endpoint.status,
            if_match_required,
        )

    @contextmanager
    def by_operation(self) -> Iterator["OperationWrites"]:
        """Hold the idempotency key, if there is one, while the operations of this request run by
        themselves, each with a key of its own.

        Raises:
            HttpProblem: see `run`.
        """
        if self.key is None:
            yield OperationWrites(None, 0)
            return
        with _key_problems():
            claim = idempotency_store.claim(self.key.digest, self.key.fingerprint)
        try:
            yield OperationWrites(self.key, claim.expires)
        finally:
            idempotency_store.end_claim(claim)

    def run(
        self,
        change: Callable[[WriteContext], R],
        render: Callable[[R], ApiResponse[B]],
        *,
        secret: bool = False,
    ) -> ApiResponse[B]:
        """Call `change` and return the response that `render` makes of its result.

        With an idempotency key whose response is stored, return that response and write nothing.
        Failed requests are not stored; a repeated one runs again.

        Args:
            secret: whether the response has a secret. It is then not stored, and a repeated request
                runs again.

        Raises:
            HttpProblem: another request used the key (422), or the same one is running (409).
        """
        if self.key is None:
            return render(change(WriteContext(if_match=self.if_match)))
        with _key_problems():
            return self._once(self.key, change, render, secret)

    def _once(
        self,
        key: IdempotencyKey,
        change: Callable[[WriteContext], R],
        render: Callable[[R], ApiResponse[B]],
        secret: bool,
    ) -> ApiResponse[B]:
        acquired = idempotency_store.acquire(key.digest, key.fingerprint)
        if isinstance(acquired, StoredResponse):
            if secret:
                return render(change(WriteContext(if_match=self.if_match)))
            request_log.current().replay = True
            return _replayed(acquired)
        recorder = _Recorder(self.status, render, secret)
        record = IdempotencyRecord(lock=acquired, render=recorder)
        try:
            change(WriteContext(if_match=self.if_match, record=record))
        except Exception:
            idempotency_store.release(acquired)
            raise
        return recorder.response


class OperationWrites(msgspec.Struct, frozen=True):
    """The operations of a request, each of which writes by itself."""

    key: IdempotencyKey | None
    expires: int
    """When the key is free again, in seconds since 1970."""

    def write(self, number: int, if_match: Collection[int] | None, status: int) -> WriteRequest:
        """Return the write of an operation. Its key depends on when that of the request expires, so
        that the operations of a later request with the same key have other keys."""
        key = self.key and IdempotencyKey(
            _digest([self.key.digest, self.expires, number]), self.key.fingerprint
        )
        return WriteRequest(if_match, key, status)


class KeyInUse(HttpProblem):
    """A request with the same idempotency key is in progress."""

    def __init__(self, error: RequestInProgress) -> None:
        after = {"Retry-After": str(RETRY_SECONDS)}
        super().__init__(409, str(error), kind=KIND, headers=after)


@contextmanager
def _key_problems() -> Iterator[None]:
    try:
        yield
    except RequestInProgress as error:
        raise KeyInUse(error) from error
    except KeyReused as error:
        raise HttpProblem(422, str(error), kind=KIND) from error


class _Recorder(Generic[R, B]):
    """Renders the response for the idempotency record, and keeps it for the client."""

    response: ApiResponse[B]

    def __init__(
        self, status: int, render: Callable[[R], ApiResponse[B]], secret: bool = False
    ) -> None:
        self._status = status
        self._render = render
        self._secret = secret

    def __call__(self, result: R) -> StoredResponse:
        self.response = self._render(result)
        if self._secret:
            return StoredResponse(self._status, {}, "")
        body = msgspec.json.encode(self.response.body).decode()
        return StoredResponse(self._status, self.response.headers, body)


def _replayed(stored: StoredResponse) -> ApiResponse[Any]:
    headers = {**stored.headers, "Idempotency-Replayed": "true"}
    return ApiResponse(msgspec.Raw(stored.body.encode()), headers, stored.status)


def _key(request: Request, route: str, principal: Principal) -> IdempotencyKey | None:
    header = request.headers.get("idempotency-key")
    if header is None:
        return None
    scope = [principal.key_owner, request.method, route]
    ids = request.uri_params and {key: unquote(text) for key, text in request.uri_params.items()}
    payload = [ids, request.headers.get("if-match"), parsing.raw_body(request)]
    if request.query_params:
        payload.append(sorted(request.query_params.items()))
    return IdempotencyKey(_digest([*scope, _parse_key(header.strip(" \t"))]), _digest(payload))


def _parse_key(header: str) -> str:
    """Return the key: a String (RFC 9651, section 3.3.3), or a bare word as Stripe's."""
    if _BARE.fullmatch(header):
        return header
    if quoted := _QUOTED.fullmatch(header):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    raise Invalid("idempotency-key: must have 1 to 255 printable characters in double quotes")


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
