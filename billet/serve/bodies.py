"""Reading the body of a request from a connection (RFC 9112, section 6)."""

import re
from email.message import Message
from typing import IO

from chalicelib.api.requests import MOST_BODY

MOST_LINE = 4096

_LENGTH = re.compile(r"[0-9]{1,18}")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(;[^\r\n]*)?\r?\n")


class BadBody(Exception):
    """The body can't be read, so neither can what follows it on the connection."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def read_body(headers: Message, stream: IO[bytes], version: str) -> bytes:
    """The whole body, b"" where there is none.

    Raises:
        BadBody: its length or coding is wrong, or it is larger than 256 KiB.
    """
    lengths = headers.get_all("Content-Length", [])
    codings = headers.get_all("Transfer-Encoding", [])
    if codings:
        if lengths or version != "HTTP/1.1":
            raise BadBody(400, "transfer-encoding: not together with content-length or HTTP/1.0")
        if [coding.strip().lower() for coding in codings] != ["chunked"]:
            raise BadBody(501, "transfer-encoding: only chunked is known")
        return _chunked(stream)
    if not lengths:
        return b""
    if len(set(lengths)) > 1 or not _LENGTH.fullmatch(lengths[0].strip()):
        raise BadBody(400, "content-length: expected one whole number")
    return _exactly(stream, _checked(int(lengths[0])))


def _chunked(stream: IO[bytes]) -> bytes:
    body = b""
    while size := _chunk_size(stream):
        _checked(len(body) + size)
        body += _exactly(stream, size)
        if stream.readline(MOST_LINE).strip(b"\r\n"):
            raise BadBody(400, "body: a chunk is longer than it says")
    while stream.readline(MOST_LINE).strip(b"\r\n"):
        pass  # trailers say nothing that we need
    return body


def _chunk_size(stream: IO[bytes]) -> int:
    line = _SIZE.fullmatch(stream.readline(MOST_LINE))
    if line is None:
        raise BadBody(400, "body: a chunk has no size")
    return int(line[1], 16)


def _checked(length: int) -> int:
    if length > MOST_BODY:
        raise BadBody(413, f"body: at most {MOST_BODY} bytes")
    return length


def _exactly(stream: IO[bytes], length: int) -> bytes:
    body = stream.read(length)
    if len(body) < length:
        raise BadBody(400, "body: shorter than it says")
    return body
