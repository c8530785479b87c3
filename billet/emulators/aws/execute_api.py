"""API Gateway's execute-api: requests to the functions of a deployed API."""

import base64
import fnmatch
import json
import re
import time
import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from moto.apigateway.models import apigateway_backends
from moto.awslambda.models import lambda_backends
from moto.core.models import DEFAULT_ACCOUNT_ID

from billet.emulators.aws import resources
from billet.emulators.aws.functions import FunctionError, Functions, FunctionTimeout
from billet.serve.route_table import Match, RouteTable
from chalicelib.http.problems import HttpProblem

HOST = re.compile(r"([a-z0-9]+)\.execute-api\.([a-z0-9-]+)\.")
_FUNCTION = re.compile(r":lambda:path/2015-03-31/functions/(.+)/invocations")
_AUTHORIZER = "x-amazon-apigateway-authorizer"


class Request(NamedTuple):
    """A request. The path and the query are as sent."""

    method: str
    host: str
    path: str
    query: str
    headers: Mapping[str, str]
    client: str
    body: bytes


class Response(NamedTuple):
    """A response with its header lines."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class _GatewayResponse(Exception):
    """API Gateway responds itself, with the response of this type."""

    def __init__(self, kind: str, status: int) -> None:
        super().__init__(kind)
        self.kind, self.status = kind, status


def respond(request: Request, functions: Functions) -> Response:
    """Return the API's response to a request."""
    found = HOST.match(request.host)
    api, region = found.groups() if found else ("", "")
    document = resources.bodies.get(api)
    request_id = str(uuid.uuid4())
    _, stage, path = f"{request.path}/".split("/", 2)
    if (
        document is None
        or stage not in apigateway_backends[DEFAULT_ACCOUNT_ID][region].apis[api].stages
    ):
        return Response(403, [("Content-Type", "application/json")], b'{"message":"Forbidden"}')
    call = _Call(request, api, region, stage, "/" + path.removesuffix("/"), request_id, document)
    try:
        return _invoke(call, functions)
    except _GatewayResponse as error:
        return _own_response(call, error)


class _Call(NamedTuple):
    request: Request
    api: str
    region: str
    stage: str
    path: str
    id: str
    document: Mapping[str, Any]

    @property
    def arn(self) -> str:
        where = f"{self.region}:{DEFAULT_ACCOUNT_ID}:{self.api}"
        return f"arn:aws:execute-api:{where}/{self.stage}/{self.request.method}{self.path}"


def _invoke(call: _Call, functions: Functions) -> Response:
    match, operation = _operation(call)
    event = _event(call, match)
    authorizer = _authorizer(call.document, operation)
    if authorizer:
        event["requestContext"]["authorizer"] = _authorize(call, authorizer, functions)
    uri = operation["x-amazon-apigateway-integration"]["uri"]
    try:
        result = functions.invoke(_function(uri, call.region), event)
    except FunctionTimeout as error:
        raise _GatewayResponse("INTEGRATION_TIMEOUT", 504) from error
    except FunctionError as error:
        raise _GatewayResponse("INTEGRATION_FAILURE", 502) from error
    return _response(result, call)


def _operation(call: _Call) -> tuple[Match, Mapping[str, Any]]:
    paths: Mapping[str, Any] = call.document["paths"]
    routes = {path: [method.upper() for method in paths[path]] for path in paths}
    try:
        match = RouteTable(routes).match(call.path)
        return match, paths[match.route][call.request.method.lower()]
    except (HttpProblem, KeyError) as error:
        raise _GatewayResponse("MISSING_AUTHENTICATION_TOKEN", 403) from error


def _authorizer(document: Mapping[str, Any], operation: Mapping[str, Any]) -> Any:
    """Return the operation's authorizer, or None."""
    schemes = {
        **document.get("securityDefinitions", {}),
        **document.get("components", {}).get("securitySchemes", {}),
    }
    used = [name for rule in operation.get("security", ()) for name in rule]
    return next((schemes[name][_AUTHORIZER] for name in used if name in schemes), None)


def _authorize(call: _Call, authorizer: Any, functions: Functions) -> dict[str, Any]:
    token = call.request.headers.get("Authorization", "")
    pattern = authorizer.get("identityValidationExpression", ".+")
    if not re.fullmatch(pattern.removeprefix("^").removesuffix("$"), token):
        raise _GatewayResponse("UNAUTHORIZED", 401)
    event = {"type": "TOKEN", "authorizationToken": token, "methodArn": call.arn}
    try:
        result = functions.invoke(_function(authorizer["authorizerUri"], call.region), event)
    except (FunctionError, FunctionTimeout) as error:
        raise _GatewayResponse("AUTHORIZER_FAILURE", 500) from error
    if not _allows(result["policyDocument"], call.arn):
        raise _GatewayResponse("ACCESS_DENIED", 403)
    return {"principalId": result["principalId"], **result.get("context", {})}


def _allows(policy: Mapping[str, Any], arn: str) -> bool:
    return any(
        fnmatch.fnmatchcase(arn, resource)
        for statement in policy["Statement"]
        if statement["Effect"] == "Allow"
        for resource in _listed(statement["Resource"])
    )


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _function(uri: str, region: str) -> Any:
    found = _FUNCTION.search(uri)
    if found is None:
        raise _GatewayResponse("API_CONFIGURATION_ERROR", 500)
    try:
        return lambda_backends[DEFAULT_ACCOUNT_ID][region].get_function(found[1])
    except Exception as error:
        raise _GatewayResponse("API_CONFIGURATION_ERROR", 500) from error


def _event(call: _Call, match: Match) -> dict[str, Any]:
    """Return the proxy event of a REST API:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    request = call.request
    query = parse_qs(request.query, keep_blank_values=True)
    return {
        "resource": match.route,
        "path": call.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": {name: [value] for name, value in request.headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": match.parameters or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": DEFAULT_ACCOUNT_ID,
            "apiId": call.api,
            "domainName": request.host,
            "httpMethod": request.method,
            "identity": {"sourceIp": request.client},
            "path": f"/{call.stage}{call.path}",
            "protocol": "HTTP/1.1",
            "requestId": call.id,
            "requestTimeEpoch": int(time.time() * 1000),
            "resourcePath": match.route,
            "stage": call.stage,
        },
        "body": request.body.decode() or None,
        "isBase64Encoded": False,
    }


def _response(result: Any, call: _Call) -> Response:
    try:
        lines = [(name, str(value)) for name, value in (result.get("headers") or {}).items()]
        for name, values in (result.get("multiValueHeaders") or {}).items():
            lines += [(name, str(value)) for value in values]
        text = result.get("body") or ""
        body = base64.b64decode(text) if result.get("isBase64Encoded") else text.encode()
        return Response(int(result["statusCode"]), [*lines, ("x-amzn-RequestId", call.id)], body)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _GatewayResponse("INTEGRATION_FAILURE", 502) from error


def _own_response(call: _Call, error: _GatewayResponse) -> Response:
    """Return one of API Gateway's own responses, as the API's document defines it."""
    defined = call.document.get("x-amazon-apigateway-gateway-responses", {})
    general = "DEFAULT_4XX" if error.status < 500 else "DEFAULT_5XX"
    chosen = defined.get(error.kind) or defined.get(general) or {}
    status = int(chosen.get("statusCode", error.status))
    prefix = "gatewayresponse.header."
    headers = [
        (name.removeprefix(prefix), _filled(str(value), call))
        for name, value in chosen.get("responseParameters", {}).items()
    ]
    template = chosen.get("responseTemplates", {}).get(
        "application/json", json.dumps({"message": error.kind})
    )
    return Response(status, headers, _filled(template, call).encode())


def _filled(value: str, call: _Call) -> str:
    value = value.replace("$context.requestId", call.id).replace("context.requestId", call.id)
    return value[1:-1] if value.startswith("'") else value
