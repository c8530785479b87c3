"""One endpoint as an OpenAPI operation."""

import inspect
from typing import Any

import msgspec

from billet.openapi import common, links
from billet.openapi.schemas import Schemas, of_query
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.fields import Id
from chalicelib.http.parsing import MERGE_PATCH


def operation(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    """Return the operation of an endpoint."""
    described: dict[str, Any] = {
        "operationId": links.operation_id(endpoint),
        **_texts(endpoint),
        "tags": [endpoint.view.__module__.rpartition(".")[2]],
        "security": _security(endpoint),
        "parameters": [*_ids(endpoint), *_query(endpoint), *_headers(endpoint)],
        "responses": {
            str(endpoint.status): _success(endpoint, schemas),
            **({"304": _unchanged()} if common.is_conditional(endpoint) else {}),
            **_problems(endpoint),
        },
    }
    if common.takes_body(endpoint):
        content = _json(schemas.of[endpoint.parameters["body"]])
        if endpoint.method == "PATCH":
            content |= {MERGE_PATCH: content["application/json"]}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _texts(endpoint: Endpoint) -> dict[str, str]:
    """Return summary and description: the first line of the view's docstring, and the rest."""
    summary, _, rest = inspect.getdoc(endpoint.view).partition("\n\n")  # type: ignore[union-attr]
    paragraphs = [" ".join(lines.split("\n")) for lines in rest.split("\n\n")]
    if endpoint.role:
        paragraphs.append(f"Required role: {endpoint.role}.")
    return {"summary": summary.rstrip("."), "description": "\n\n".join(paragraphs)}


def _security(endpoint: Endpoint) -> list[dict[str, Any]]:
    """Require a token or none (`{}`), because requests need none if AUTH is off."""
    if endpoint.role is None:
        return []
    return [*({name: [endpoint.role]} for name in common.SECURITY_SCHEMES), {}]


def _ids(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = msgspec.json.schema(Id)
    names = [name for name, kind in endpoint.parameters.items() if kind is int]
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"The id of the {name.removesuffix('_id')}.",
            "schema": schema,
        }
        for name in names
    ]


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    if "query" not in endpoint.parameters:
        return []
    parameters = []
    for name, schema in of_query(endpoint.parameters["query"]).items():
        description = schema.pop("description")
        form = {"style": "form", "explode": False} if schema["type"] == "array" else {}
        parameters.append(
            {"name": name, "in": "query", "description": description, **form, "schema": schema}
        )
    return parameters


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    return [parameter for parameter, rule in common.REQUEST_HEADERS if rule(endpoint)]


def _success(endpoint: Endpoint, schemas: Schemas) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": _outcome(endpoint),
        "headers": {name: name for name, rule in common.RESPONSE_HEADERS.items() if rule(endpoint)},
        "content": _calendar()
        if common.is_calendar(endpoint)
        else _json(schemas.of[endpoint.returns]),
    }
    if found := links.after(endpoint):
        response["links"] = found
    return response


def _outcome(endpoint: Endpoint) -> str:
    if common.returns_null(endpoint):
        return "Success. The body is `null` if it does not exist."
    if common.lists(endpoint):
        return "Success. The body is one page of the list."
    if common.creates(endpoint):
        return "Created."
    return "Success."


def _unchanged() -> dict[str, Any]:
    headers = {name: name for name in ("ETag", *common.COMMON_HEADERS)}
    return {"description": "Not modified: If-None-Match has the current ETag.", "headers": headers}


def _problems(endpoint: Endpoint) -> dict[str, str]:
    return {str(each.status): each.name for each in common.ERRORS if each.rule(endpoint)}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _calendar() -> dict[str, Any]:
    return {"text/calendar": {"schema": {"type": "string"}}}
