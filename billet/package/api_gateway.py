"""API Gateway: the routes, the limit of each, and its own responses in the API's form of errors."""

from collections.abc import Iterable, Mapping
from typing import Any

from chalice.deploy.swagger import CFNSwaggerGenerator

from chalicelib.app_factory import BilletApp
from chalicelib.http import authentication, request_ids, response_headers
from chalicelib.http.endpoints import DEFAULT_THROTTLE, Endpoint, Throttle
from chalicelib.http.problems import CONTENT_TYPE, HttpProblem
from chalicelib.settings import Settings

ALIAS = "live"
"""The alias of each function, which API Gateway calls; CodeDeploy moves it to a new version."""
FAILED = (500, "request $context.requestId failed")
BUSY = (503, "the service is busy; try again")
MISSING_TOKEN, INVALID_TOKEN = authentication.missing_token(), authentication.invalid_token()

RESPONSES: dict[str, tuple[int, str]] = {
    "ACCESS_DENIED": (INVALID_TOKEN.status, str(INVALID_TOKEN)),
    "API_CONFIGURATION_ERROR": FAILED,
    "AUTHORIZER_CONFIGURATION_ERROR": BUSY,
    "AUTHORIZER_FAILURE": BUSY,
    "BAD_REQUEST_BODY": (400, "body: is not valid"),
    "BAD_REQUEST_PARAMETERS": (400, "query: is not valid"),
    "DEFAULT_4XX": (400, "the request is not valid"),
    "DEFAULT_5XX": FAILED,
    "EXPIRED_TOKEN": (403, "the token has expired"),
    "INTEGRATION_FAILURE": (
        503,
        "the service is busy; check whether a change was made before you repeat it",
    ),
    "INTEGRATION_TIMEOUT": (
        504,
        "the service did not respond in time; check whether a change was made before you repeat it",
    ),
    "INVALID_API_KEY": (403, "the API key is not valid"),
    "INVALID_SIGNATURE": (403, "the signature is not valid"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "path: does not exist, or does not have this method"),
    "QUOTA_EXCEEDED": (429, "the quota is used up"),
    "REQUEST_TOO_LARGE": (413, "the request is too large"),
    "RESOURCE_NOT_FOUND": (404, "path: does not exist"),
    "THROTTLED": (429, "too many requests; try again"),
    "UNAUTHORIZED": (MISSING_TOKEN.status, str(MISSING_TOKEN)),
    "UNSUPPORTED_MEDIA_TYPE": (415, "content-type: must be application/json"),
    "WAF_FILTERED": (403, "not allowed"),
}
"""By https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
the status and detail of each response. API Gateway does not tell an unknown path from a wrong
method. The authorizer denies access to invalid tokens only. Without a token it is not asked."""

BEARER = r"^[Bb][Ee][Aa][Rr][Ee][Rr] +\S.*$"
"""The values of Authorization that API Gateway asks the authorizer about. For others, its response
is UNAUTHORIZED, as without the header:
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html"""

COMMON_HEADERS = {
    **response_headers.SECURITY,
    **response_headers.HTTPS_ONLY,
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": response_headers.EXPOSED,
    "Cache-Control": "no-store",
    "Content-Type": CONTENT_TYPE,
}
"""The headers of all of them. Any page may read them: they contain nothing of a user, and API
Gateway can't compare the page's origin with a list."""
RETRY_AFTER = {"Retry-After": "1"}
HEADERS: dict[str, Mapping[str, str]] = {
    "ACCESS_DENIED": INVALID_TOKEN.headers,
    "AUTHORIZER_CONFIGURATION_ERROR": RETRY_AFTER,
    "AUTHORIZER_FAILURE": RETRY_AFTER,
    "INTEGRATION_FAILURE": RETRY_AFTER,
    "THROTTLED": RETRY_AFTER,
    "UNAUTHORIZED": MISSING_TOKEN.headers,
}
"""Further headers of some of them."""


def definition(app: BilletApp, settings: Settings) -> dict[str, Any]:
    """Return the API in Swagger 2.0 with the extensions of API Gateway.

    Args:
        app: the API with these settings.
        settings: those of the stage.
    """
    swagger: dict[str, Any] = _Swagger().generate_swagger(app)
    swagger["info"]["title"] = {"Ref": "AWS::StackName"}  # it replaces the API's Name
    if not settings.cognito_user_pool_arn:
        authorizer = swagger["securityDefinitions"][authentication.AUTHORIZER]
        authorizer["x-amazon-apigateway-authorizer"] |= {"identityValidationExpression": BEARER}
    return swagger


class _Swagger(CFNSwaggerGenerator):
    """Chalice's generator, with the aliases of the functions in place of their latest code."""

    def _uri(self, lambda_arn: object = None) -> Any:
        return _invocation("APIHandler")

    def _auth_uri(self, authorizer: object) -> Any:
        return _invocation("Authenticate")


def alias(function: str) -> str:
    """Return the logical id that SAM gives to the alias of a function. `Ref` gives its ARN."""
    return f"{function}Alias{ALIAS}"


def _invocation(function: str) -> dict[str, str]:
    service = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31"
    return {"Fn::Sub": f"{service}/functions/${{{alias(function)}}}/invocations"}


def gateway_responses() -> dict[str, Any]:
    """Return SAM's GatewayResponses."""
    return {kind: _response(kind, *response) for kind, response in RESPONSES.items()}


def method_settings(endpoints: Iterable[Endpoint]) -> list[dict[str, Any]]:
    """Return API Gateway's limit for all routes, and for each route with another one.

    A slash in a path is written ~1, except that the first is also there as it is:
    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-apigateway-stage-methodsetting.html
    """
    own = [one for one in endpoints if one.throttle != DEFAULT_THROTTLE]
    return [
        _setting("*", "/*", DEFAULT_THROTTLE),
        *(_setting(one.method, "/" + one.path.replace("/", "~1"), one.throttle) for one in own),
    ]


def _setting(method: str, path: str, throttle: Throttle) -> dict[str, Any]:
    return {
        "HttpMethod": method,
        "ResourcePath": path,
        "ThrottlingRateLimit": throttle.rate,
        "ThrottlingBurstLimit": throttle.burst,
    }


def _response(kind: str, status: int, detail: str) -> dict[str, Any]:
    """Return a response. A header is a text in single quotes or a variable without quotes:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping.html
    Quotes in a text are not escaped (https://github.com/DataBiosphere/azul/pull/6385).
    """
    headers = {**COMMON_HEADERS, **HEADERS.get(kind, {})}
    quoted = {name: f"'{text}'" for name, text in headers.items()}
    return {
        "StatusCode": status,
        "ResponseParameters": {"Headers": {**quoted, request_ids.HEADER: "context.requestId"}},
        # API Gateway uses a template for application/json whatever the client accepts.
        "ResponseTemplates": {"application/json": HttpProblem(status, detail).body().decode()},
    }
