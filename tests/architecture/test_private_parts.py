"""What chalicelib/storage/_private.py takes for granted about botocore and PynamoDB."""

import json
from typing import Any

import pytest
from botocore.session import get_session

from chalicelib.storage import _private, client, reads
from chalicelib.storage.tables import SUFFIXES, TaskModel, UserModel
from tests.conftest import Bind


def test_each_unparsed_reply_is_the_reply_of_an_operation_of_dynamodb() -> None:
    service = get_session().get_service_model("dynamodb")
    replies = [service.operation_model(name).output_shape for name in service.operation_names]
    assert {shape.name for shape in replies if shape} >= _private.UNPARSED


@pytest.mark.usefixtures("database")
def test_replies_come_unparsed_and_errors_and_other_replies_as_botocore_parses_them() -> None:
    table = _private.table_of(TaskModel)
    unparsed = table.connection.dispatch("GetItem", table.get_operation_kwargs("1"))
    assert "Item" not in json.loads(unparsed["Body"])
    assert client.send(TaskModel.describe_table, repeatable=True)["TableStatus"] == "ACTIVE"
    missing = TaskModel.id.exists()
    with pytest.raises(client.ConditionFailed):
        client.send(lambda: TaskModel(1).delete(condition=missing), repeatable=False)


@pytest.mark.usefixtures("database")
def test_the_user_agent_is_sent_as_it_is() -> None:
    table = _private.table_of(TaskModel)
    sent: list[bytes] = []

    def note(request: Any, **_: Any) -> None:
        sent.append(request.headers["User-Agent"])

    events = table.connection.client.meta.events
    events.register("before-send.dynamodb", note)
    reads.ping()
    events.unregister("before-send.dynamodb", note)
    assert sent == [_private.USER_AGENT.encode()]


def test_models_share_one_connection_and_go_where_they_were_last_bound(bind: Bind) -> None:
    for lanes in (1, 2):
        prefix = bind(lanes).prefix
        tables = {model: _private.table_of(model) for model in SUFFIXES}
        assert len({id(table.connection) for table in tables.values()}) == 1
        assert {table.table_name for table in tables.values()} == {
            f"{prefix}-{suffix}" for suffix in SUFFIXES.values()
        }


def test_a_models_schema_names_its_keys_and_indexes() -> None:
    schema = _private.schema_of(UserModel)
    assert [key["AttributeName"] for key in schema["key_schema"]] == ["id"]
    assert [index["index_name"] for index in schema["global_secondary_indexes"]] == ["newest"]
