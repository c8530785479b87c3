"""The trace that a request belongs to (https://www.w3.org/TR/trace-context/)."""

import os
import re
from typing import NamedTuple

from chalicelib.http.request_ids import Headers

HEADER = "traceparent"
RESPONSE_HEADER = "traceresponse"
"""https://w3c.github.io/trace-context/#traceresponse-header"""
XRAY_VARIABLE = "_X_AMZN_TRACE_ID"
"""The variable in which Lambda passes the trace of X-Ray, `Root=1-5759e988-bd86…;Parent=…`. With
it botocore passes the trace on to DynamoDB."""

IN_LAMBDA = "AWS_LAMBDA_FUNCTION_NAME" in os.environ

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?"
)
_XRAY = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})")


class Trace(NamedTuple):
    """The trace of a request."""

    id: str
    """32 hexadecimal digits."""
    span: str
    """The id of the request in the trace, 16 hexadecimal digits."""
    flags: str = "00"
    """Two hexadecimal digits: 01 if the caller records the trace."""

    def __str__(self) -> str:
        """Return the value of the response's header."""
        return f"00-{self.id}-{self.span}-{self.flags}"


def of_request(headers: Headers) -> Trace:
    """Return the trace of `traceparent` if it is valid, else that of X-Ray, else a new one."""
    random = os.urandom(24).hex()
    span, new = random[:16], random[16:]
    sent = _TRACEPARENT.fullmatch(headers.get(HEADER, ""))
    if sent and not (sent[0].startswith("00") and sent[3]):  # later versions may have more
        return Trace(sent[1], span, sent[2])
    xray = _XRAY.search(os.environ.get(XRAY_VARIABLE, "")) if IN_LAMBDA else None
    return Trace(xray[1] + xray[2] if xray else new, span)
