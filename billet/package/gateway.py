"""What API Gateway answers by itself, in the API's own form of error.

It is merged into the template as SAM's GatewayResponses, so that it is part of the API's definition
and a change of it is deployed like one of a route.
"""

from typing import Any

from chalicelib.api import problems

RETRY_AFTER = {"Retry-After": "'1'"}
BROKEN = (500, "request $context.requestId failed")

RESPONSES: dict[str, tuple[int, str]] = {
    "ACCESS_DENIED": (403, "not allowed"),
    "API_CONFIGURATION_ERROR": BROKEN,
    "AUTHORIZER_CONFIGURATION_ERROR": BROKEN,
    "AUTHORIZER_FAILURE": BROKEN,
    "BAD_REQUEST_BODY": (400, "body: not valid"),
    "BAD_REQUEST_PARAMETERS": (400, "query: not valid"),
    "DEFAULT_4XX": (400, "the request can't be read"),
    "DEFAULT_5XX": BROKEN,
    "EXPIRED_TOKEN": (403, "the token has expired"),
    "INTEGRATION_FAILURE": (503, "the service is busy; look before you repeat a change"),
    "INTEGRATION_TIMEOUT": (504, "no answer in time; look before you repeat a change"),
    "INVALID_API_KEY": (403, "the API key is not valid"),
    "INVALID_SIGNATURE": (403, "the signature is not valid"),
    "MISSING_AUTHENTICATION_TOKEN": (404, "no such path, or it has no such method"),
    "QUOTA_EXCEEDED": (429, "the quota is used up"),
    "REQUEST_TOO_LARGE": (413, "the request is too large"),
    "RESOURCE_NOT_FOUND": (404, "no such path"),
    "THROTTLED": (429, "too many requests; try again"),
    "UNAUTHORIZED": (401, "not authenticated"),
    "UNSUPPORTED_MEDIA_TYPE": (415, "content-type: expected application/json"),
    "WAF_FILTERED": (403, "not allowed"),
}
"""By https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
the status and detail of each answer; an unknown path and a wrong method are one to API Gateway."""

RETRYABLE = {"INTEGRATION_FAILURE", "THROTTLED"}


def merge_template() -> dict[str, Any]:
    """What `chalice package` is to merge into its template."""
    responses = {kind: _response(kind, *answer) for kind, answer in RESPONSES.items()}
    return {"Resources": {"RestAPI": {"Properties": {"GatewayResponses": responses}}}}


def _response(kind: str, status: int, detail: str) -> dict[str, Any]:
    headers = {"Access-Control-Allow-Origin": "'*'", "Content-Type": f"'{problems.CONTENT_TYPE}'"}
    return {
        "StatusCode": status,
        "ResponseParameters": {"Headers": headers | (RETRY_AFTER if kind in RETRYABLE else {})},
        # A template for application/json is taken whatever the client accepts.
        "ResponseTemplates": {"application/json": problems.body(status, detail).decode()},
    }
