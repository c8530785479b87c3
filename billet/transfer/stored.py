"""Make records of what the database holds."""

from collections.abc import Collection, Mapping
from typing import Any

import click
import msgspec
from pynamodb.models import Model

from billet.integrity import lookup
from billet.transfer.records import Record, TaskRecord, TokenRecord, UserRecord
from chalicelib.domain.errors import Invalid
from chalicelib.domain.user import User
from chalicelib.dynamodb.client import Item
from chalicelib.dynamodb.codec import CODECS, StoredTask
from chalicelib.dynamodb.models import TaskModel, TokenModel, UserModel

RECORDS: Mapping[type[Model], type[Record]] = {
    UserModel: UserRecord,
    TaskModel: TaskRecord,
    TokenModel: TokenRecord,
}
"""The tables of entities, in the order of the file."""


def entity(model: type[Model], item: Item) -> Any:
    """Return the user, task or token of an item.

    Raises:
        click.ClickException: the item is broken.
    """
    try:
        return CODECS[model].of_item(item)
    except msgspec.ValidationError as error:
        key = ", ".join(map(str, lookup.identity(model, item)))
        raise click.ClickException(
            f"{model.Meta.table_name} {key}: is broken; run `billet doctor --repair` first"
        ) from error


def record(entity: Any, deleting: Collection[int] = ()) -> Record:
    """Return the record of a user, task or token, as clients see it.

    Args:
        deleting: the users that are being deleted, whom no task shows.

    Raises:
        click.ClickException: an import would refuse the record.
    """
    try:
        if isinstance(entity, User):
            return UserRecord.of(entity)
        if isinstance(entity, StoredTask):
            shown = tuple(one for one in entity.assignees if one not in deleting)
            return TaskRecord.of(msgspec.structs.replace(entity, assignees=shown))
        return TokenRecord.of(entity)
    except Invalid as error:
        kind = "user" if isinstance(entity, User) else type(entity).__name__.removeprefix("Stored")
        raise click.ClickException(
            f"{kind.lower()} {entity.id}: an import would refuse it ({error}); correct it first"
        ) from error
