"""Reading whole tables, and many items by their keys, as they were last written."""

import operator
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from pynamodb.models import Model

from chalicelib.storage import _private, client

M = TypeVar("M", bound=Model)
PAGE = 500


def scan(model: type[M]) -> Iterator[Sequence[M]]:
    """The whole table, in pages."""
    table, start = _private.table_of(model), None
    while True:
        reply = _page(table, start)
        yield [model.from_raw_data(item) for item in reply["Items"]]
        start = reply.get("LastEvaluatedKey")
        if start is None:
            return


def fetch(
    model: type[M], keys: Iterable[Any], attributes: Sequence[str] | None = None
) -> dict[Any, M]:
    """The items that there are for these keys, by key; whole, or just these attributes."""
    wanted = set(keys)
    items = client.send(
        lambda: list(model.batch_get(wanted, consistent_read=True, attributes_to_get=attributes)),
        repeatable=True,
    )
    key = operator.attrgetter(*_key_names(model))
    return {key(item): item for item in items}


def get(model: type[M], key: Any) -> M | None:
    """The item with this key, or None."""
    return fetch(model, [key]).get(key)


def _page(table: Any, start: Any) -> Any:
    return client.send(
        lambda: table.scan(exclusive_start_key=start, limit=PAGE, consistent_read=True),
        repeatable=True,
    )


def _key_names(model: type[Model]) -> Sequence[str]:
    attributes = model.get_attributes()
    hashes = [name for name, attribute in attributes.items() if attribute.is_hash_key]
    return hashes + [name for name, attribute in attributes.items() if attribute.is_range_key]
