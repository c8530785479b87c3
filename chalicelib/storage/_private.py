"""All that rests on parts of libraries which their authors may change without notice.

tests/architecture/test_private_parts.py fails when one of them has changed.
"""

from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import IncompleteReadError
from botocore.parsers import JSONParser, ResponseParserFactory
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


class WireConnection(Connection):
    """A PynamoDB connection whose replies in UNPARSED come as {"Body": bytes}."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._wire_session = get_session()
        self._wire_session.register_component("response_parser_factory", _WireParserFactory())
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
