"""What API Gateway answers by itself, in the API's own form of error, and what it lets through.

It is merged into the template as SAM's GatewayResponses and MethodSettings, so that it is part of
the API's definition and a change of it is deployed like one of a route.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chalicelib.http import authentication, request_ids, response_headers
from chalicelib.http.endpoints import DEFAULT_THROTTLE, Endpoint, Throttle
from chalicelib.http.problems import CONTENT_TYPE, HttpProblem
from chalicelib.settings import Settings

BROKEN = (500, "request $context.requestId failed")
BUSY = (503, "the service is busy; try again")
MISSING, WRONG = authentication.missing_token(), authentication.invalid_token()

RESPONSES: dict[str, tuple[int, str]] = {
    "ACCESS_DENIED": (WRONG.status, str(WRONG)),
    "API_CONFIGURATION_ERROR": BROKEN,
    "AUTHORIZER_CONFIGURATION_ERROR": BUSY,
    "AUTHORIZER_FAILURE": BUSY,
    "BAD_REQUEST_BODY": (400, "body: is not valid"),
    "BAD_REQUEST_PARAMETERS": (400, "query: is not valid"),
    "DEFAULT_4XX": (400, "the request is not valid"),
    "DEFAULT_5XX": BROKEN,
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
    "UNAUTHORIZED": (MISSING.status, str(MISSING)),
    "UNSUPPORTED_MEDIA_TYPE": (415, "content-type: must be application/json"),
    "WAF_FILTERED": (403, "not allowed"),
}
"""By https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
the status and detail of each answer. An unknown path and a wrong method are one to API Gateway, and
the authorizer denies access to wrong tokens only: without a token it is not asked (BEARER)."""

BEARER = r"^[Bb][Ee][Aa][Rr][Ee][Rr] +\S.*$"
"""The form of an Authorization that the authorizer is asked about."""

ALWAYS = {
    **response_headers.SECURITY,
    **response_headers.HTTPS_ONLY,
    "Cache-Control": "no-store",
    "Content-Type": CONTENT_TYPE,
}
"""What each of them says."""
RETRY_AFTER = {"Retry-After": "1"}
HEADERS: dict[str, Mapping[str, str]] = {
    "ACCESS_DENIED": WRONG.headers,
    "AUTHORIZER_CONFIGURATION_ERROR": RETRY_AFTER,
    "AUTHORIZER_FAILURE": RETRY_AFTER,
    "INTEGRATION_FAILURE": RETRY_AFTER,
    "THROTTLED": RETRY_AFTER,
    "UNAUTHORIZED": MISSING.headers,
}
"""What some of them say beside that."""


def merge_template(endpoints: Iterable[Endpoint], settings: Settings) -> dict[str, Any]:
    """What `chalice package` is to merge into its template.

    Args:
        endpoints: the routes, each with its rule of throttling.
        settings: those of the stage.
    """
    given = ALWAYS | _cors(settings.origins)
    properties: dict[str, Any] = {
        "GatewayResponses": {
            kind: _response(kind, given, *answer) for kind, answer in RESPONSES.items()
        },
        "MethodSettings": method_settings(endpoints),
    }
    if settings.authenticated and not settings.cognito_user_pool_arn:
        properties["DefinitionBody"] = {"securityDefinitions": _authorizer()}
    return {"Resources": {"RestAPI": {"Properties": properties}}}


def _authorizer() -> dict[str, Any]:
    """What API Gateway checks before it asks the authorizer: that there is a token.

    For another scheme it gives the response UNAUTHORIZED, as for no header:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authorizer.html
    """
    validation = {"identityValidationExpression": BEARER}
    return {authentication.AUTHORIZER: {"x-amazon-apigateway-authorizer": validation}}


def method_settings(endpoints: Iterable[Endpoint]) -> list[dict[str, Any]]:
    """How much API Gateway lets through: to any route, and to each that has a rule of its own.

    In paths a slash is written ~1, but the first one as it is too:
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


def _cors(origins: Sequence[str]) -> dict[str, str]:
    """API Gateway can't choose among origins here, so of several it names the first."""
    if not origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origins[0],
        "Access-Control-Expose-Headers": response_headers.EXPOSED,
    }


def _response(kind: str, given: Mapping[str, str], status: int, detail: str) -> dict[str, Any]:
    """An answer. Its headers are texts, in single quotes, or variables, without them:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping.html
    Quotes within a text need no mark (https://github.com/DataBiosphere/azul/pull/6385).
    """
    told = {**given, **HEADERS.get(kind, {})}
    quoted = {name: f"'{text}'" for name, text in told.items()}
    return {
        "StatusCode": status,
        "ResponseParameters": {"Headers": {**quoted, request_ids.HEADER: "context.requestId"}},
        # A template for application/json is taken whatever the client accepts.
        "ResponseTemplates": {"application/json": HttpProblem(status, detail).body().decode()},
    }
