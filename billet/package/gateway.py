"""What API Gateway answers by itself, in the API's own form of error.

It is merged into the template as SAM's GatewayResponses, so that it is part of the API's definition
and a change of it is deployed like one of a route.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.api import principals, problems

BROKEN = (500, "request $context.requestId failed")
BUSY = (503, "the service is busy; try again")
MISSING, WRONG = principals.missing_token(), principals.wrong_token()

RESPONSES: dict[str, tuple[int, str]] = {
    "ACCESS_DENIED": (WRONG.status, str(WRONG)),
    "API_CONFIGURATION_ERROR": BROKEN,
    "AUTHORIZER_CONFIGURATION_ERROR": BUSY,
    "AUTHORIZER_FAILURE": BUSY,
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
    "UNAUTHORIZED": (MISSING.status, str(MISSING)),
    "UNSUPPORTED_MEDIA_TYPE": (415, "content-type: expected application/json"),
    "WAF_FILTERED": (403, "not allowed"),
}
"""By https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
the status and detail of each answer. An unknown path and a wrong method are one to API Gateway, and
the authorizer denies access to wrong tokens only."""

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


def merge_template() -> dict[str, Any]:
    """What `chalice package` is to merge into its template."""
    responses = {kind: _response(kind, *answer) for kind, answer in RESPONSES.items()}
    return {"Resources": {"RestAPI": {"Properties": {"GatewayResponses": responses}}}}


def _response(kind: str, status: int, detail: str) -> dict[str, Any]:
    headers = {"Access-Control-Allow-Origin": "*", "Content-Type": problems.CONTENT_TYPE}
    headers |= HEADERS.get(kind, {})
    return {
        "StatusCode": status,
        "ResponseParameters": {"Headers": {name: f"'{text}'" for name, text in headers.items()}},
        # A template for application/json is taken whatever the client accepts.
        "ResponseTemplates": {"application/json": problems.body(status, detail).decode()},
    }
