"""Requests that change something: on the conditions of If-Match, and once with Idempotency-Key.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
"""

import hashlib
import re
from collections.abc import Callable, Collection
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec
from chalice.app import Request

from chalicelib.domain.errors import Invalid, KeyReused, UnderWay
from chalicelib.dynamodb import idempotency_store
from chalicelib.dynamodb.codec import Reply
from chalicelib.http import conditional, parsing
from chalicelib.http.problems import HttpProblem
from chalicelib.http.responses import ApiResponse
from chalicelib.services.write_context import Receipt, WriteContext

B = TypeVar("B")
R = TypeVar("R")

KIND = "https://www.ietf.org/archive/id/draft-ietf-httpapi-idempotency-key-header-07.html"
RETRY_SECONDS = 1

_QUOTED = re.compile(r'"((?:[ !\x23-\x5b\x5d-\x7e]|\\["\\]){1,255})"')
_BARE = re.compile(r"[A-Za-z0-9._~:+/=-]{1,255}")


class Key(msgspec.Struct, frozen=True):
    """An idempotency key with its scope, and what the request that has it looks like."""

    digest: str
    fingerprint: str


class Write(msgspec.Struct, frozen=True):
    """How a request that changes something is to be carried out."""

    match: Collection[int] | None
    key: Key | None
    status: int

    @classmethod
    def of(
        cls, request: Request, route: str, status: int, owner: str, *, if_match_required: bool
    ) -> "Write":
        """Reads the headers of a request to the route, which is answered with `status`.

        Args:
            owner: whose idempotency keys they are.

        Raises:
            Invalid: If-Match or Idempotency-Key can't be read.
            Refused: 428, see `preconditions.if_match`.
        """
        return cls(
            conditional.if_match(request, required=if_match_required),
            _key(request, route, owner),
            status,
        )

    def __call__(
        self, act: Callable[[WriteContext], R], render: Callable[[R], ApiResponse[B]]
    ) -> ApiResponse[B]:
        """Acts on the request's terms, and renders what came of it; or answers as the first time.

        What is refused is not remembered: it changed nothing, and is decided anew next time.

        Raises:
            Refused: the key belongs to another request (422), or to one that is under way (409).
        """
        if self.key is None:
            return render(act(WriteContext(self.match)))
        try:
            return self._once(self.key, act, render)
        except UnderWay as error:
            after = {"Retry-After": str(RETRY_SECONDS)}
            raise HttpProblem(409, str(error), kind=KIND, headers=after) from error
        except KeyReused as error:
            raise HttpProblem(422, str(error), kind=KIND) from error

    def _once(
        self, key: Key, act: Callable[[WriteContext], R], render: Callable[[R], ApiResponse[B]]
    ) -> ApiResponse[B]:
        claim = idempotency_store.claim(key.digest, key.fingerprint)
        if isinstance(claim, Reply):
            return _again(claim)
        receipt = Receipt(claim, lambda result: self._reply(render(result)))
        try:
            return render(act(WriteContext(self.match, receipt)))
        except Exception:
            idempotency_store.release(claim)
            raise

    def _reply(self, answer: ApiResponse[Any]) -> Reply:
        body = msgspec.json.encode(answer.body).decode()
        return Reply(self.status, answer.headers, body)


def _again(reply: Reply) -> ApiResponse[Any]:
    headers = {**reply.headers, "Idempotency-Replayed": "true"}
    return ApiResponse(msgspec.Raw(reply.body.encode()), headers, reply.status)


def _key(request: Request, route: str, owner: str) -> Key | None:
    header = request.headers.get("idempotency-key")
    if header is None:
        return None
    scope = [owner, request.method, route]
    ids = request.uri_params and {key: unquote(text) for key, text in request.uri_params.items()}
    payload = [ids, request.headers.get("if-match"), parsing.raw_body(request)]
    return Key(_digest([*scope, _word(header.strip(" \t"))]), _digest(payload))


def _word(header: str) -> str:
    """The key itself: a String (RFC 9651, section 3.3.3), or one without quotes, as Stripe's."""
    if _BARE.fullmatch(header):
        return header
    if quoted := _QUOTED.fullmatch(header):
        return re.sub(r"\\(.)", r"\1", quoted[1])
    raise Invalid("idempotency-key: must have 1 to 255 printable characters in double quotes")


def _digest(parts: list[Any]) -> str:
    return hashlib.sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()
