"""A table as it is in the database, held against its model."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.exceptions import TableDoesNotExist
from pynamodb.models import Model

from chalicelib.dynamodb import botocore_patches, client
from chalicelib.dynamodb.models import EXPIRIES

Described = Mapping[str, Any]
"""What DescribeTable says of a table or an index, or what the model says in the same words."""


def describe(model: type[Model]) -> Described | None:
    """The table as DynamoDB describes it; None where there is none."""
    try:
        described: Described = client.send(model.describe_table, repeatable=True)
    except TableDoesNotExist:
        return None
    return described


def global_indexes(model: type[Model]) -> dict[str, Described]:
    """The model's global indexes by name, each as CreateTable and UpdateTable take it."""
    return {
        index["index_name"]: {
            "IndexName": index["index_name"],
            "KeySchema": _hash_first(index["key_schema"]),
            "Projection": index["projection"],
        }
        for index in botocore_patches.schema_of(model)["global_secondary_indexes"]
    }


def missing_indexes(model: type[Model], table: Described) -> Sequence[str]:
    """The names of the model's global indexes that the table lacks."""
    there = {index["IndexName"] for index in table.get("GlobalSecondaryIndexes", ())}
    return [name for name in global_indexes(model) if name not in there]


def add_index(model: type[Model], name: str) -> None:
    """Has DynamoDB build a global index, from the items that are there, while the table is used.

    Raises:
        ClientError: DynamoDB refuses, as when it is building another one.
    """
    index = global_indexes(model)[name]
    keys = {key["AttributeName"] for key in index["KeySchema"]}
    definitions = botocore_patches.schema_of(model)["attribute_definitions"]
    botocore_patches.table_of(model).connection.client.update_table(
        TableName=model.Meta.table_name,
        AttributeDefinitions=[one for one in definitions if one["AttributeName"] in keys],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )


def expires(model: type[Model]) -> bool:
    """Whether DynamoDB removes items of the table in time, or is about to."""
    table = botocore_patches.table_of(model)
    described: Any = client.send(
        lambda: table.connection.client.describe_time_to_live(TableName=table.table_name),
        repeatable=True,
    )
    return described["TimeToLiveDescription"]["TimeToLiveStatus"] in ("ENABLED", "ENABLING")


def enable_expiry(model: type[Model]) -> None:
    """Has DynamoDB remove items of the table in time, those of which `EXPIRIES` says so."""
    botocore_patches.table_of(model).update_time_to_live(EXPIRIES[model])


def differences(model: type[Model], table: Described) -> Sequence[str]:
    """What no change can mend: other keys than the model's, and missing local indexes."""
    wanted, there = _keys_of_model(model), _keys_of_table(table)
    local = [
        index["index_name"]
        for index in botocore_patches.schema_of(model)["local_secondary_indexes"]
    ]
    return [
        f"{name} has the key {there[name]}, and should have {keys}"
        for name, keys in wanted.items()
        if name in there and there[name] != keys
    ] + [f"it lacks the local index {name}" for name in local if name not in there]


def _keys_of_model(model: type[Model]) -> dict[str, str]:
    schema = botocore_patches.schema_of(model)
    types = schema["attribute_definitions"]
    indexes = [*schema["global_secondary_indexes"], *schema["local_secondary_indexes"]]
    return {"the table": _key(schema["key_schema"], types)} | {
        index["index_name"]: _key(index["key_schema"], types) for index in indexes
    }


def _keys_of_table(table: Described) -> dict[str, str]:
    types = table["AttributeDefinitions"]
    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    indexes = [index for kind in kinds for index in table.get(kind, ())]
    return {"the table": _key(table["KeySchema"], types)} | {
        index["IndexName"]: _key(index["KeySchema"], types) for index in indexes
    }


def _key(keys: Sequence[Described], definitions: Sequence[Described]) -> str:
    types = {one["AttributeName"]: one["AttributeType"] for one in definitions}
    names = [key["AttributeName"] for key in _hash_first(keys)]
    return "(" + ", ".join(f"{name} {types[name]}" for name in names) + ")"


def _hash_first(keys: Sequence[Described]) -> Sequence[Described]:
    return sorted(keys, key=lambda key: str(key["KeyType"]))
