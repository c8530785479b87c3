"""ETags, If-Match and If-None-Match (RFC 9110, section 13).

The ETag of a user or task is its version, that of a list or a file is a digest."""

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from chalice.app import Request

from chalicelib.domain.errors import Invalid
from chalicelib.http.problems import HttpProblem
from chalicelib.http.responses import ApiResponse
from chalicelib.http.schemas import version_etag

MAX_TAGS = 100
"""DynamoDB's limit for IN in a condition."""

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_VERSION_TAG = re.compile(r'"([1-9][0-9]{0,15})(?:-[1-9][0-9]?)?"')


def etag_header(version: int, hidden: int = 0) -> Mapping[str, str]:
    """Return the ETag header of a version."""
    return {"ETag": version_etag(version, hidden)}


def content_etag_header(content: bytes) -> Mapping[str, str]:
    """Return the ETag header of content without a version, made of its digest."""
    return {"ETag": f'"{hashlib.sha256(content).hexdigest()[:32]}"'}


def versions_of(tag: str) -> Collection[int] | None:
    """Return the versions that an ETag names; None for `*`. An ETag of another form names none."""
    if tag == "*":
        return None
    ours = _VERSION_TAG.fullmatch(tag)
    return {int(ours[1])} if ours else set()


def if_match(request: Request, *, versioned: bool, required: bool) -> Collection[int] | None:
    """Return the versions that If-Match names, or None if it accepts all.

    ETags of another form name no version.

    Args:
        versioned: whether the request changes something that has a version.
        required: whether such a request is refused without If-Match.

    Raises:
        Invalid: the header is malformed, names too many versions or comes where there is no
            version; or the request has If-None-Match.
        HttpProblem: 428, the header is missing and required.
    """
    header = request.headers.get("if-match")
    if request.headers.get("if-none-match") is not None:
        raise Invalid("if-none-match: must be sent with GET or HEAD only")
    if not versioned:
        if header is not None:
            where = "POST" if request.method == "POST" else "a feed, which has no version"
            raise Invalid(f"if-match: must not be sent with {where}")
        return None
    if header is None:
        if required:
            raise HttpProblem(428, "if-match: required; send the ETag of the version to change")
        return None
    tags = _tags("if-match", header)
    if tags is None:
        return None
    versions = {version for tag in tags for version in versions_of(tag) or ()}
    if len(versions) > MAX_TAGS:
        raise Invalid(f"if-match: must have at most {MAX_TAGS} tags")
    return versions


def evaluate(request: Request, response: ApiResponse[Any]) -> ApiResponse[Any]:
    """Return the response to a GET, or a 304 without a body if If-None-Match has its ETag.

    `*` means any current representation. `null` is none.

    Raises:
        Invalid: a header is malformed.
        HttpProblem: 412, If-Match has another ETag.
    """
    current = response.headers.get("ETag")
    exists = response.body is not None
    header = request.headers.get("if-match")
    if header is not None:
        tags = _tags("if-match", header)
        matches = exists if tags is None else current in tags
        if not matches:
            raise HttpProblem(412, "if-match: must have the current ETag")
    header = request.headers.get("if-none-match")
    if header is not None:
        tags = _tags("if-none-match", header)
        unchanged = tags is None or current in [tag.removeprefix("W/") for tag in tags]
        if exists and unchanged:
            return ApiResponse(None, response.headers, status=304)
    return response


def _tags(name: str, header: str) -> Sequence[str] | None:
    """Return the entity tags of a list, which may have empty elements; None for `*`."""
    if header.strip(" \t") == "*":
        return None
    elements = {part.strip(" \t") for part in _TAG.sub("\n", header).split(",")}
    if not {"\n"} <= elements <= {"\n", ""}:
        raise Invalid(f'{name}: must be * or a list of ETags, such as "1", "2"')
    return _TAG.findall(header)
