"""Compare a table in the database with its PynamoDB model, and add what it lacks."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.exceptions import TableDoesNotExist
from pynamodb.models import Model

from chalicelib.dynamodb import botocore_patches, client
from chalicelib.dynamodb.models import EXPIRIES

Description = Mapping[str, Any]
"""The response of DescribeTable, or a part of it."""


def describe(model: type[Model]) -> Description | None:
    """Return the table's description, or None if the table does not exist."""
    try:
        description: Description = client.send(model.describe_table, repeatable=True)
    except TableDoesNotExist:
        return None
    return description


def missing_indexes(model: type[Model], description: Description) -> Sequence[str]:
    """Return the names of the model's global indexes that the table lacks."""
    existing = {index["IndexName"] for index in description.get("GlobalSecondaryIndexes", ())}
    return [name for name in _global_indexes(model) if name not in existing]


def add_index(model: type[Model], name: str) -> None:
    """Let DynamoDB build a global index; the table can be used meanwhile.

    Raises:
        ClientError: DynamoDB refuses, for example because it is building another index.
    """
    index = _global_indexes(model)[name]
    keys = {key["AttributeName"] for key in index["KeySchema"]}
    definitions = botocore_patches.schema_of(model)["attribute_definitions"]
    botocore_patches.table_of(model).connection.client.update_table(
        TableName=model.Meta.table_name,
        AttributeDefinitions=[one for one in definitions if one["AttributeName"] in keys],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )


def expires(model: type[Model]) -> bool:
    """Return whether Time to Live is enabled for the table, or being enabled."""
    table = botocore_patches.table_of(model)
    response: Any = client.send(
        lambda: table.connection.client.describe_time_to_live(TableName=table.table_name),
        repeatable=True,
    )
    return response["TimeToLiveDescription"]["TimeToLiveStatus"] in ("ENABLED", "ENABLING")


def enable_expiry(model: type[Model]) -> None:
    """Enable Time to Live on the model's attribute in `EXPIRIES`."""
    botocore_patches.table_of(model).update_time_to_live(EXPIRIES[model])


def differences(model: type[Model], description: Description) -> Sequence[str]:
    """Return what only a new table can fix: other keys, and missing local indexes."""
    expected, actual = _keys_of_model(model), _keys_of_table(description)
    local = [
        index["index_name"]
        for index in botocore_patches.schema_of(model)["local_secondary_indexes"]
    ]
    return [
        f"{name} has the key {actual[name]}, and should have {keys}"
        for name, keys in expected.items()
        if name in actual and actual[name] != keys
    ] + [f"it lacks the local index {name}" for name in local if name not in actual]


def _global_indexes(model: type[Model]) -> dict[str, Description]:
    """Return the model's global indexes by name, in the form of CreateTable."""
    return {
        index["index_name"]: {
            "IndexName": index["index_name"],
            "KeySchema": _hash_first(index["key_schema"]),
            "Projection": index["projection"],
        }
        for index in botocore_patches.schema_of(model)["global_secondary_indexes"]
    }


def _keys_of_model(model: type[Model]) -> dict[str, str]:
    schema = botocore_patches.schema_of(model)
    types = schema["attribute_definitions"]
    indexes = [*schema["global_secondary_indexes"], *schema["local_secondary_indexes"]]
    return {"the table": _key(schema["key_schema"], types)} | {
        index["index_name"]: _key(index["key_schema"], types) for index in indexes
    }


def _keys_of_table(description: Description) -> dict[str, str]:
    types = description["AttributeDefinitions"]
    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    indexes = [index for kind in kinds for index in description.get(kind, ())]
    return {"the table": _key(description["KeySchema"], types)} | {
        index["IndexName"]: _key(index["KeySchema"], types) for index in indexes
    }


def _key(keys: Sequence[Description], definitions: Sequence[Description]) -> str:
    """Return a key as text, for example "(user_id N, created S)"."""
    types = {one["AttributeName"]: one["AttributeType"] for one in definitions}
    names = [key["AttributeName"] for key in _hash_first(keys)]
    return "(" + ", ".join(f"{name} {types[name]}" for name in names) + ")"


def _hash_first(keys: Sequence[Description]) -> Sequence[Description]:
    return sorted(keys, key=lambda key: str(key["KeyType"]))
