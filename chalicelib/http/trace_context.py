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

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})(-.*)?"
)
_XRAY = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})")
_UNSAMPLED = "00"


class Trace(NamedTuple):
    """The trace of a request."""

    id: str
    """32 hexadecimal digits."""
    flags: str
    """Two hexadecimal digits: 01 if the caller records the trace."""

    def response_header(self) -> dict[str, str]:
        """Return the header that tells the caller the trace, and gives this request an id in it."""
        return {RESPONSE_HEADER: f"00-{self.id}-{os.urandom(8).hex()}-{self.flags}"}


def of_request(headers: Headers) -> Trace:
    """Return the trace of `traceparent` if it is valid, else that of X-Ray, else a new one."""
    sent = _TRACEPARENT.fullmatch(headers.get(HEADER, ""))
    is_valid = sent and not (sent[0].startswith("00") and sent[3])  # later versions may have more
    if sent and is_valid:
        return Trace(sent[1], sent[2])
    xray = _XRAY.search(os.environ.get(XRAY_VARIABLE, ""))
    return Trace(xray[1] + xray[2] if xray else os.urandom(16).hex(), _UNSAMPLED)
