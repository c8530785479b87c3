"""What a migration adds to the database: tables, indexes, Time to Live, settings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Description = Mapping[str, Any]
"""The response of DescribeTable, or a part of it."""


@dataclass(frozen=True)
class Index:
    """A secondary index.

    Args:
        key: the hash key and the sort key, each with its type: ("lane N", "recency S").
        include: the attributes of the projection; None for all of them.
        local: whether it is a local index, which can only be created with its table.
    """

    name: str
    key: tuple[str, ...]
    include: tuple[str, ...] | None = None
    local: bool = False

    def request(self) -> dict[str, Any]:
        """Return the index in the form of CreateTable and UpdateTable."""
        projection: dict[str, Any] = {"ProjectionType": "ALL"}
        if self.include is not None:
            projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": [*self.include]}
        return {
            "IndexName": self.name,
            "KeySchema": key_schema(self.key),
            "Projection": projection,
        }


@dataclass(frozen=True)
class Table:
    """A table with its indexes.

    Args:
        suffix: the name of the table after the prefix.
        key: the hash key and, if there is one, the sort key, each with its type.
    """

    suffix: str
    key: tuple[str, ...]
    indexes: tuple[Index, ...] = ()

    def request(self) -> dict[str, Any]:
        """Return the table in the form of CreateTable, without its name."""
        kinds = {
            "GlobalSecondaryIndexes": [one.request() for one in self.indexes if not one.local],
            "LocalSecondaryIndexes": [one.request() for one in self.indexes if one.local],
        }
        keys = [self.key, *(one.key for one in self.indexes)]
        return {
            "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": definitions(*keys),
            "KeySchema": key_schema(self.key),
            **{kind: indexes for kind, indexes in kinds.items() if indexes},
        }

    def missing(self, description: Description) -> Sequence[Index]:
        """Return the global indexes that the table lacks."""
        return [one for one in self.indexes if not one.local and one.name not in found(description)]

    def other_projections(self, description: Description) -> Sequence[Index]:
        """Return the global indexes whose projection is another one."""
        existing = found(description)
        return [
            one
            for one in self.indexes
            if not one.local
            and one.name in existing
            and _projection(existing[one.name]["Projection"])
            != _projection(one.request()["Projection"])
        ]

    def unrepairable(self, description: Description) -> Sequence[str]:
        """Return what only a new table can fix: other keys, and wrong local indexes."""
        return [*self._other_keys(description), *self._wrong_local_indexes(description)]

    def _other_keys(self, description: Description) -> Iterator[str]:
        types = description["AttributeDefinitions"]
        expected = {"the table": self.key} | {one.name: one.key for one in self.indexes}
        actual = {"the table": description["KeySchema"]} | {
            name: one["KeySchema"] for name, one in found(description).items()
        }
        for name, key in expected.items():
            if name in actual and (has := _named(actual[name], types)) != key:
                yield f"{name} has the key ({', '.join(has)}), and should have ({', '.join(key)})"

    def _wrong_local_indexes(self, description: Description) -> Iterator[str]:
        existing = found(description)
        for one in self.indexes:
            if one.local and one.name not in existing:
                yield f"it lacks the local index {one.name}"
            elif one.local:
                has = _projection(existing[one.name]["Projection"])
                should = _projection(one.request()["Projection"])
                if has != should:
                    yield f"the local index {one.name} has {has}, and should have {should}"


@dataclass(frozen=True)
class TableSettings:
    """Settings of all tables of a deployed stage."""

    point_in_time_recovery: bool = False
    deletion_protection: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    """`{stage}` in a value stands for the stage."""


@dataclass(frozen=True)
class Schema:
    """What some migrations together make."""

    tables: Mapping[str, Table]
    expiries: Mapping[str, str]
    settings: TableSettings


def with_indexes(table: Table, added: Sequence[Index]) -> Table:
    """Return the table with further indexes."""
    return replace(table, indexes=(*table.indexes, *added))


def without_index(table: Table, name: str) -> Table:
    """Return the table without an index."""
    return replace(table, indexes=tuple(one for one in table.indexes if one.name != name))


def definitions(*keys: tuple[str, ...]) -> Sequence[Description]:
    """Return the types of the attributes of some keys, in the form of CreateTable."""
    attributes = dict(one.split() for key in keys for one in key)
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in attributes.items()]


def key_schema(key: tuple[str, ...]) -> Sequence[Description]:
    """Return a key in the form of CreateTable."""
    names = [one.split()[0] for one in key]
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(names, ("HASH", "RANGE"), strict=False)
    ]


def found(description: Description) -> dict[str, Description]:
    """Return the indexes of a table by name."""
    kinds = ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
    return {one["IndexName"]: one for kind in kinds for one in description.get(kind, ())}


def projection_of(index: Index | Description) -> str:
    """Return the projection of an index in words."""
    request = index.request() if isinstance(index, Index) else index
    return _projection(request["Projection"])


def _projection(projection: Description) -> str:
    names = sorted(projection.get("NonKeyAttributes", ()))
    listed = f" {', '.join(names)}" if names else ""
    return f"the projection {projection.get('ProjectionType')}{listed}"


def _named(keys: Sequence[Description], types: Sequence[Description]) -> tuple[str, ...]:
    """Return a key of a description in the form of `Table.key`."""
    kinds = {one["AttributeName"]: one["AttributeType"] for one in types}
    hash_first = sorted(keys, key=lambda key: str(key["KeyType"]))
    return tuple(f"{key['AttributeName']} {kinds[key['AttributeName']]}" for key in hash_first)
