"""The single fields of bodies and queries: their limits, which are enforced, and what the API's
description says of them. Of a field that is only given, nothing is checked."""

from datetime import date
from typing import Annotated, get_args

from msgspec import Meta

from chalicelib import listing
from chalicelib.assignments import MOST_ASSIGNEES
from chalicelib.tasks import Status

MOST_ID = 2**53 - 1
"""The largest integer that every JSON reader keeps exact (RFC 8259, section 6)."""
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""No control characters. The description has this pattern; RE2, Rust and ECMA 262 can read it."""
PYTHON_END = r"(?!\n)"
"""Python's `$` alone accepts a newline at the end. The description omits this: others' does not."""
_SPACE = r" \xa0" "\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""The characters that str.strip removes, without control characters. They are written out: RE2 does
not know `\\u`."""
TRIMMED = rf"^[{_SPACE}]*[^{_SPACE}]([\s\S]{{0,252}}[^{_SPACE}])?[{_SPACE}]*$"
"""1 to 254 characters, and any white space around them."""

# taken
Username = Annotated[
    str,
    Meta(
        max_length=10_000,
        pattern=PRINTABLE + PYTHON_END,
        description="Unique without regard to case. White space at both ends is removed.",
        examples=["john.doe@example.com"],
        extra_json_schema={"allOf": [{"pattern": TRIMMED}]},  # which NewUser checks
    ),
]
Name = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=PRINTABLE + PYTHON_END,
        description="The name, without control characters.",
        examples=["Write the report"],
    ),
]
Desc = Annotated[
    str, Meta(max_length=10_000, description="The text.", examples=["Two pages, with figures"])
]
Deadline = Annotated[
    date, Meta(description="The deadline; null for none.", examples=["2030-12-24"])
]

# taken in a query
PageSize = Annotated[
    int, Meta(ge=1, le=1000, description="The maximum number of items on the page.")
]
Offset = Annotated[
    int,
    Meta(
        ge=0,
        description="The number of items to skip. For a long list, follow the Link header instead.",
        extra_json_schema={"maximum": listing.MOST_OFFSET},  # which pages.py checks
    ),
]
Sort = Annotated[
    listing.Sort,
    Meta(description="The field to sort by, by default created_at. No expires_at sorts last."),
]
Order = Annotated[
    listing.Order,
    Meta(description="The direction. The default is desc for created_at and asc for expires_at."),
]
WithStatus = Annotated[Status, Meta(description="Return only tasks with this status.")]
Cursor = Annotated[
    str,
    Meta(
        description="The cursor from a Link header. It holds place, order and status, so"
        " send no other parameter with it than page_size.",
        extra_json_schema={"format": "cursor"},
    ),
]

# given
Id = Annotated[int, Meta(ge=1, le=MOST_ID, examples=[1])]
Day = Annotated[
    str,
    Meta(
        description="A date, YYYY-MM-DD.",
        examples=["2026-01-31"],
        extra_json_schema={"format": "date"},
    ),
]
StatusGiven = Annotated[str, Meta(extra_json_schema={"enum": list(get_args(Status))})]
Assignees = Annotated[
    tuple[Id, ...],
    Meta(
        max_length=MOST_ASSIGNEES,
        description="The ids of the users that the task is assigned to.",
        examples=[[1]],
        extra_json_schema={"uniqueItems": True},
    ),
]
