"""The internals of botocore and PynamoDB that botocore_patches.py depends on."""

import json
from typing import Any

import pytest
from botocore.session import get_session

from billet.metering import event_handler
from chalicelib.dynamodb import botocore_patches, client
from chalicelib.dynamodb.models import SUFFIXES, TaskModel, UserModel
from tests.conftest import Bind


def test_each_unparsed_response_belongs_to_a_dynamodb_operation() -> None:
    service = get_session().get_service_model("dynamodb")
    replies = [service.operation_model(name).output_shape for name in service.operation_names]
    assert {shape.name for shape in replies if shape} >= botocore_patches.UNPARSED


@pytest.mark.usefixtures("database")
def test_only_successful_responses_of_patched_operations_are_unparsed() -> None:
    table = botocore_patches.table_of(TaskModel)
    unparsed = table.connection.dispatch("GetItem", table.get_operation_kwargs("1"))
    assert "Item" not in json.loads(unparsed["Body"])
    assert (
        client.call_with_retries(TaskModel.describe_table, repeatable=True)["TableStatus"]
        == "ACTIVE"
    )
    missing = TaskModel.id.exists()
    with pytest.raises(client.ConditionFailed):
        client.call_with_retries(lambda: TaskModel(1).delete(condition=missing), repeatable=False)


@pytest.mark.usefixtures("database")
def test_a_request_is_sent_in_the_patched_form() -> None:
    table = botocore_patches.table_of(TaskModel)
    sent: list[Any] = []

    def note(request: Any, **_: Any) -> None:
        sent.append(request)

    arguments = table.get_operation_kwargs("1", consistent_read=True)
    with event_handler(table.connection.client, "before-send.dynamodb", note):
        table.connection.dispatch("GetItem", arguments)
    [request] = sent
    assert json.loads(request.body) == arguments


def test_without_endpoint_rules_the_client_finds_its_regional_endpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    connection = botocore_patches.WireConnection(region="eu-central-1")
    assert connection.client.meta.endpoint_url == "https://dynamodb.eu-central-1.amazonaws.com"


def test_models_share_the_connection_they_were_last_bound_to(bind: Bind) -> None:
    for lanes in (1, 2):
        prefix = bind(lanes).prefix
        tables = {model: botocore_patches.table_of(model) for model in SUFFIXES}
        assert len({id(table.connection) for table in tables.values()}) == 1
        assert {table.table_name for table in tables.values()} == {
            f"{prefix}-{suffix}" for suffix in SUFFIXES.values()
        }


def test_a_models_schema_has_its_keys_and_indexes() -> None:
    schema = botocore_patches.schema_of(UserModel)
    assert [key["AttributeName"] for key in schema["key_schema"]] == ["id"]
    assert [index["index_name"] for index in schema["global_secondary_indexes"]] == ["newest"]
