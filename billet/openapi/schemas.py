"""The JSON Schemas of bodies and query parameters."""

import inspect
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from chalicelib.http.endpoints import Endpoint
from chalicelib.http.schemas import Problem

COMPONENT = "#/components/schemas/{name}"


class Schemas(NamedTuple):
    """The schema of each type, usually a reference, and the components that these refer to."""

    of: dict[Any, dict[str, Any]]
    components: dict[str, dict[str, Any]]


def collect(endpoints: Iterable[Endpoint]) -> Schemas:
    """Return the schemas of all bodies."""
    endpoints = list(endpoints)
    taken = [each.parameters["body"] for each in endpoints if "body" in each.parameters]
    given = [*(each.returns for each in endpoints), Problem]
    of_taken, components = msgspec.json.schema_components(taken, ref_template=COMPONENT)
    of_given, given_components = msgspec.json.schema_components(given, ref_template=COMPONENT)
    components |= {name: _whole(schema) for name, schema in given_components.items()}
    components = {name: _portable(schema) for name, schema in components.items()}
    return Schemas(dict(zip([*taken, *given], [*of_taken, *of_given], strict=True)), components)


def of_query(query: type[msgspec.Struct]) -> dict[str, dict[str, Any]]:
    """Return the schema of each query parameter."""
    components = msgspec.json.schema_components([query], ref_template=COMPONENT)[1]
    properties = components[query.__name__]["properties"]
    return {name: _portable(_without_null(schema)) for name, schema in properties.items()}


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema without null, which a query string can't contain."""
    return schema["anyOf"][0] if "anyOf" in schema else schema


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a response body, in which fields with a default are required, too."""
    fields = schema["properties"]
    always = [name for name in fields if name in schema["required"] or "default" in fields[name]]
    properties = {name: {**field} for name, field in fields.items()}
    for field in properties.values():
        field.pop("default", None)
    return {**schema, "properties": properties, "required": always}


def _portable(node: Any) -> Any:
    """Add a type to each enum, which client generators need, and write a default as JSON has it.

    Python 3.13 removes the indentation of a docstring; do it for all versions.
    """
    if isinstance(node, list | tuple):
        return [_portable(each) for each in node]
    if not isinstance(node, dict):
        return node
    portable = {key: _portable(value) for key, value in node.items()}
    if isinstance(portable.get("description"), str):
        portable["description"] = inspect.cleandoc(portable["description"])
    if "enum" in portable:
        portable["type"] = "string" if isinstance(portable["enum"][0], str) else "boolean"
    return portable
