"""One endpoint as an OpenAPI operation."""

from http import HTTPStatus
from typing import Any

import msgspec

from billet.openapi import common, links
from billet.openapi.schemas import Schemas, of_query
from chalicelib.api.endpoint import Endpoint
from chalicelib.api.fields import Id
from chalicelib.api.requests import MERGE_PATCH


def operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    """The operation of an endpoint."""
    name = endpoint.view.__name__
    found = {
        "operationId": name,
        "summary": endpoint.view.__doc__ or name.replace("_", " ").capitalize(),
        "tags": [endpoint.view.__module__.rpartition(".")[2]],
        "security": [{name: [endpoint.role]} for name in common.SECURITY_SCHEMES if endpoint.role],
        "parameters": [*_ids(endpoint), *_query(endpoint), *_headers(endpoint)],
        "responses": {
            str(endpoint.status): _success(endpoint, schemas),
            **({"304": _unchanged()} if common.is_conditional(endpoint) else {}),
            **_problems(endpoint),
        },
    }
    if common.takes_body(endpoint):
        content = _json(schemas.of[endpoint.takes["body"]])
        if endpoint.method == "PATCH":
            content |= {MERGE_PATCH: content["application/json"]}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _ids(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = msgspec.json.schema(Id)
    names = [name for name, kind in endpoint.takes.items() if kind is int]
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    if "query" not in endpoint.takes:
        return []
    found = []
    for name, schema in of_query(endpoint.takes["query"]).items():
        description = schema.pop("description")
        found.append({"name": name, "in": "query", "description": description, "schema": schema})
    return found


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [parameter for parameter, rule in common.TAKEN if rule(endpoint)]


def _success(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    said = HTTPStatus(endpoint.status).phrase
    response: dict[str, Any] = {
        "description": f"{said}; null where there is none" if common.gives_null(endpoint) else said,
        "headers": {name: name for name, rule in common.GIVEN.items() if rule(endpoint)},
        "content": _json(schemas.of[endpoint.gives]),
    }
    if found := links.after(endpoint):
        response["links"] = found
    return response


def _unchanged() -> dict[str, Any]:
    headers = {name: name for name in ("ETag", *common.EVERYWHERE)}
    return {"description": "If-None-Match names the version that there is.", "headers": headers}


def _problems(endpoint: Endpoint) -> dict[str, str]:
    return {str(each.status): each.name for each in common.PROBLEMS if each.rule(endpoint)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
