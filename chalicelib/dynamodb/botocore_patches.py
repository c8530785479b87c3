"""All that rests on parts of libraries which their authors may change without notice.

tests/architecture/test_private_parts.py fails when one of them has changed.
"""

import functools
import hmac
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import botocore.auth
import msgspec
from botocore.config import Config
from botocore.exceptions import IncompleteReadError, NoCredentialsError
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.serialize import JSONSerializer
from botocore.session import Session, get_session
from pynamodb.connection import Connection, TableConnection
from pynamodb.models import Model

USER_AGENT = "billet-tasks"
UNPARSED = {
    "GetItemOutput",
    "QueryOutput",
    "PutItemOutput",
    "UpdateItemOutput",
    "DeleteItemOutput",
    "TransactWriteItemsOutput",
}
"""The replies whose body `records` decodes itself, in a tenth of the time of botocore's parser."""


def _require_whole(response: Mapping[str, Any]) -> None:
    """Raises where a connection ended before the body did, which urllib3 is told not to mind."""
    told = response["headers"].get("Content-Length")
    read = len(response["body"])
    if told is not None and int(told) != read:
        raise IncompleteReadError(actual_bytes=read, expected_bytes=told)


class _WireParser(JSONParser):  # type: ignore[misc]
    def parse(self, response: dict[str, Any], shape: Any) -> Any:
        _require_whole(response)
        if response["status_code"] != 200 or shape is None or shape.name not in UNPARSED:
            return super().parse(response, shape)
        metadata = {"HTTPStatusCode": 200, "HTTPHeaders": response["headers"]}
        return {"Body": response["body"], "ResponseMetadata": metadata}


class _WireParserFactory(ResponseParserFactory):  # type: ignore[misc]
    def create_parser(self, protocol_name: str) -> Any:
        if protocol_name != "json":
            return super().create_parser(protocol_name)
        return _WireParser(**self._defaults)


class _WireSerializer(JSONSerializer):  # type: ignore[misc]
    """Writes parameters as they are: PynamoDB makes them in the form that DynamoDB takes."""

    def serialize_to_request(self, parameters: Any, operation_model: Any) -> Any:
        empty = super().serialize_to_request({}, operation_model)
        return {**empty, "body": msgspec.json.encode(parameters)}


class _LeanClient:
    """A base of the client: it knows the one address that it sends to without botocore's rules."""

    def __init__(self, **parts: Any) -> None:
        lean = {"serializer": _WireSerializer(), "endpoint_ruleset_resolver": None}
        super().__init__(**{**parts, **lean})


class _Signer(botocore.auth.SigV4Auth):  # type: ignore[misc]
    """Signs what must be signed of a request to DynamoDB, and no more.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
    """

    def add_auth(self, request: Any) -> None:
        if self.credentials is None:
            raise NoCredentialsError
        now = botocore.auth.get_current_datetime().strftime(botocore.auth.SIGV4_TIMESTAMP)
        signed = self._headers(request, now)
        scope = (now[:8], self._region_name, self._service_name, "aws4_request")
        name = "/".join(scope)
        text = "\n".join(["AWS4-HMAC-SHA256", now, name, _digest(signed, request.data)])
        key = _signing_key(self.credentials.secret_key, scope)
        signature = hmac.digest(key, text.encode(), "sha256").hex()
        request.headers["Authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key}/{name}, "
            f"SignedHeaders={';'.join(signed)}, Signature={signature}"
        )

    def _headers(self, request: Any, now: str) -> dict[str, str]:
        """The headers to sign, sorted; gives the request those that only a signed one has."""
        request.headers["X-Amz-Date"] = now
        signed = {"host": _host(request.url), "x-amz-date": now}
        if token := self.credentials.token:
            request.headers["X-Amz-Security-Token"] = token
            signed["x-amz-security-token"] = token
        return {**signed, "x-amz-target": request.headers["X-Amz-Target"]}


_host = functools.lru_cache(maxsize=2)(botocore.auth._host_from_url)


def _digest(signed: Mapping[str, str], body: bytes) -> str:
    """The hash of the canonical request."""
    lines = [f"{name}:{value}" for name, value in signed.items()]
    names, payload = ";".join(signed), sha256(body).hexdigest()
    canonical = "\n".join(["POST", "/", "", *lines, "", names, payload])
    return sha256(canonical.encode()).hexdigest()


@functools.lru_cache(maxsize=2)
def _signing_key(secret: str, scope: tuple[str, ...]) -> bytes:
    """The key of a day."""
    key = f"AWS4{secret}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return key


botocore.auth.AUTH_TYPE_MAPS[USER_AGENT] = _Signer


def _make_lean(base_classes: list[type], **_: Any) -> None:
    base_classes.insert(0, _LeanClient)


class WireConnection(Connection):
    """A PynamoDB connection whose replies in UNPARSED come as {"Body": bytes}."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._wire_session = get_session()
        self._wire_session.register_component("response_parser_factory", _WireParserFactory())
        self._wire_session.register("creating-client-class.dynamodb", _make_lean)
        self._wire_session.register("choose-signer.dynamodb", lambda **_: USER_AGENT)
        # botocore puts its own user agent together anew, twice, for each request.
        self._wire_session.set_default_client_config(Config(user_agent=USER_AGENT))

    @property
    def session(self) -> Session:
        """The session that the client is made from, the same in each thread."""
        return self._wire_session


def rename(model: type[Model], name: str, connection: Connection) -> None:
    """Points a model at another table, over a connection that it shares with the other models."""
    model.Meta.table_name = name
    model._connection = None
    table = model._get_connection()
    connection._tables[name] = table.get_meta_table()
    table.connection = connection


def table_of(model: type[Model]) -> TableConnection:
    """The low-level connection to the model's table."""
    return model._get_connection()


def schema_of(model: type[Model]) -> Mapping[str, Any]:
    """The keys and indexes with which PynamoDB creates the model's table."""
    return model._get_schema()
