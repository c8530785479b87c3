"""The models of `billet_client`, made from the schemas of the OpenAPI document."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

FILE = Path(__file__).parents[2] / "billet_client" / "models.py"
Schema = dict[str, Any]
WIDTH = 96
"""The longest line of a docstring of a field, which is indented by 4."""

BODIES = {
    "Task": "TaskBody",
    "User": "UserBody",
    "Health": "Health",
    "Problem": "Problem",
    "BatchResult": "OperationResult",
}
"""The bodies of responses, by the name of their class."""
ETAG_IN_HEADER = {"User"}
"""Those whose ETag is only in the header of the response."""
ARGUMENTS: dict[str, tuple[str, frozenset[str]]] = {
    "TaskOptions": ("NewTask", frozenset({"name"})),
    "WholeTask": ("WholeTask", frozenset()),
    "TaskChanges": ("TaskPatch", frozenset()),
}
"""The bodies of requests, without the fields that are arguments of their own."""
SCALARS = {"integer": "int", "string": "str", "boolean": "bool", "null": "None"}
FORMATS = {"date": "date", "date-time": "datetime"}

ETAG_FIELD = ("etag: str | None = None", '"""The ETag of this version; None in lists."""')
HEAD = '''\
"""The fields of tasks and users, from the schemas of the API: `billet openapi --write`."""

{sequence}from datetime import {formats}
from typing import Literal, NotRequired, TypedDict

import msgspec

Status = {status}
'''


def text(document: dict[str, Any]) -> str:
    """Return the module for an OpenAPI document."""
    schemas = document["components"]["schemas"]
    bodies = [_struct(name, schemas[schema]) for name, schema in BODIES.items()]
    bodies += [_arguments(name, schemas[one], left) for name, (one, left) in ARGUMENTS.items()]
    code = "\n\n".join(bodies)
    head = HEAD.format(
        sequence="from collections.abc import Sequence\n" if "Sequence[" in code else "",
        formats=", ".join(kind for kind in FORMATS.values() if re.search(rf": {kind}\b", code)),
        status=_literal(schemas["TaskBody"]["properties"]["status"]["enum"]),
    )
    return f"{head}\n\n{code}"


def _struct(name: str, schema: Schema) -> str:
    lines = [*_fields(schema), *(ETAG_FIELD if name in ETAG_IN_HEADER else ())]
    return _class(
        f"{name}(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True)", schema, lines
    )


def _fields(schema: Schema) -> Iterator[str]:
    for name, field in schema["properties"].items():
        if not name.isidentifier():  # violated-policies
            continue
        kind = _type(field)
        yield f"{name}: {kind}" if name in schema["required"] else f"{name}: {kind} | None = None"
        yield from _description(field)


def _arguments(name: str, schema: Schema, left_out: frozenset[str]) -> str:
    return _class(f"{name}(TypedDict)", schema, _keys(schema, left_out))


def _keys(schema: Schema, left_out: frozenset[str]) -> Iterator[str]:
    for name, field in schema["properties"].items():
        if name not in left_out and not field.get("readOnly"):
            kind = _type(field, taken=True)
            yield f"{name}: {kind if name in schema['required'] else f'NotRequired[{kind}]'}"
            yield from _description(field)


def _class(head: str, schema: Schema, lines: Iterable[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    about = textwrap.indent(f'"""{schema["description"]}"""', "    ")
    return f"class {head}:\n{about}\n\n{body}\n"


def _description(field: Schema) -> Iterator[str]:
    for one in (field, *field.get("anyOf", ())):
        if text := one.get("description"):
            yield from textwrap.wrap(f'"""{text}"""', WIDTH)


def _type(schema: Schema, *, taken: bool = False) -> str:
    """Return the annotation of a field, which is wider if the client takes it from the caller."""
    if "$ref" in schema:
        schema_name = schema["$ref"].rpartition("/")[2]
        return next(name for name, one in BODIES.items() if one == schema_name)
    if "anyOf" in schema:
        return " | ".join(_type(one, taken=taken) for one in schema["anyOf"])
    if "enum" in schema:
        return "Status" if "PENDING" in schema["enum"] else _literal(schema["enum"])
    if schema["type"] == "array":
        item = _type(schema["items"], taken=taken)
        return f"Sequence[{item}]" if taken else f"tuple[{item}, ...]"
    kind = FORMATS.get(schema.get("format", ""), SCALARS[schema["type"]])
    return f"{kind} | str" if taken and kind in FORMATS.values() else kind


def _literal(values: list[str]) -> str:
    return f"Literal{values!r}".replace("'", '"')
