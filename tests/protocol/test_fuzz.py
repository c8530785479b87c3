"""Every request on the socket gets exactly one well-formed response, never a 5xx."""

import http.client
import io
import json
import socket
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.raw_http import send_raw

pytestmark = pytest.mark.backend("moto")

IDLE_SECONDS = 0.5
"""Seconds without a response after which a request counts as incomplete."""
NOT_IMPLEMENTED = {501}
"""The status for an unknown transfer coding (RFC 9112, section 6.1)."""
NOT_HTTP = {400, 414, 431}
"""The statuses that granian itself returns, without a body."""

line = st.text(st.characters(codec="latin-1", exclude_characters="\r\n"), max_size=30)
token = st.text("!#$%&'*+-.^_`|~abcXYZ019", min_size=1, max_size=12)
ident = st.one_of(st.integers(-1, 2**64).map(str), line)
path = st.one_of(
    st.sampled_from(
        [
            "/",
            "/docs",
            "/v1/health",
            "/v1/openapi.json",
            "/v1/users",
            "/v1/tasks",
            "/v1/tasks/batch",
        ]
    ),
    ident.map("/v1/users/{}".format),
    ident.map("/v1/tasks/{}".format),
    ident.map("/v1/users/{}/tasks".format),
    st.tuples(ident, ident).map(lambda ids: "/v1/tasks/{}/assign/user/{}".format(*ids)),
    line,
)
like_path = st.sampled_from(["x", "name", "status", "operations[5]", "operations[0].task"]).map(
    "a` - at `$.{}".format  # as msgspec's messages end
)
word = st.one_of(
    line, st.text(max_size=30).map(lambda text: text.encode().decode("latin-1")), like_path
)
cursor = st.one_of(line, st.text("ABCDEFGHIabcdefghi0123-_=", max_size=60))
query = st.one_of(
    st.just(""),
    cursor.map("?cursor={}".format),
    st.tuples(st.sampled_from(["page_size", "offset", "sort", "order", "status"]), word).map(
        lambda pair: "?{}={}".format(*pair)
    ),
    word.map("?{}".format),
    like_path.map(lambda text: f"?status={quote(text)}"),
)
NAMES = (
    *("Accept", "Authorization", "Content-Length", "Content-Type", "Cookie", "Expect", "Host"),
    *("Idempotency-Key", "If-Match", "If-None-Match", "Origin", "Range", "Transfer-Encoding"),
    *("X-Request-Id", "Upgrade", "X-Forwarded-For"),
)
header = st.tuples(st.one_of(st.sampled_from(NAMES), token, line), st.one_of(token, word))
method = st.one_of(st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]), token)
leaf = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), like_path
)
tree = st.recursive(
    leaf, lambda inner: st.lists(inner) | st.dictionaries(word, inner), max_leaves=9
)
field = st.one_of(
    st.sampled_from(["username", "name", "desc", "status", "expires_at", "id", "operations"]),
    like_path,
)
body = st.one_of(
    st.dictionaries(field, tree, max_size=4).map(lambda fields: json.dumps(fields).encode()),
    tree.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60),
)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Generate data that has at least the structure of a request."""
    lines = [f"{draw(method)} {draw(path)}{draw(query)} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [": ".join(pair) for pair in draw(st.lists(header, max_size=4))]
    content = draw(body)
    if draw(st.booleans()):
        lines.append(f"Content-Length: {len(content)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + content


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(requests(), requests(), requests(), st.binary(min_size=1)))
@example(data=b"\r\n")
@example(
    data=b"GET /v1/tasks?status=a%60%20-%20at%20%60%24.x HTTP/1.1\r\nHost: x\r\n"
    b"Connection: close\r\n\r\n"
)
def test_every_request_gets_a_well_formed_response(server: str, data: bytes) -> None:
    with send_raw(server, data) as connection:
        received, waits = read_to_end(connection)
    if not received and (waits or not data.strip(b"\r\n")):
        return  # no request yet (RFC 9112, section 2.2), or a head or a body that has no end
    assert_is_response(
        received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n"), head=data.startswith(b"HEAD ")
    )


def read_to_end(connection: socket.socket) -> tuple[bytes, bool]:
    """Return all data until the connection is closed, and whether the server waited for more.

    granian sends no response if the client closes its side first.
    """
    waits = False
    connection.settimeout(IDLE_SECONDS)
    try:
        first = connection.recv(1)
    except TimeoutError:
        waits = True
        connection.settimeout(30)
        connection.shutdown(socket.SHUT_WR)
        first = connection.recv(1)
    connection.settimeout(30)
    with connection.makefile("rb") as stream:
        return first + stream.read(), waits


def assert_is_response(received: bytes, *, head: bool) -> None:
    """That this is one answer as the API gives it."""
    top, _, content = received.partition(b"\r\n\r\n")
    line, _, rest = top.partition(b"\r\n")
    status = int(line.split(b" ")[1])
    headers = http.client.parse_headers(io.BytesIO(rest + b"\r\n\r\n"))
    assert status < 500 or status in NOT_IMPLEMENTED, received
    assert len(content) == (0 if head else int(headers.get("Content-Length", 0))), received
    if status >= 400 and not head and (content or status not in NOT_HTTP):
        assert headers["Content-Type"] == "application/problem+json"
        assert json.loads(content)["status"] == status
