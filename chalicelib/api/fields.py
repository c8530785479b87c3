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
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$(?!\n)"
"""No control characters; Python's `$` alone would let a newline at the end pass."""
_SPACE = r" \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""What str.strip takes away, without control characters."""
TRIMMED = rf"^[{_SPACE}]*[^{_SPACE}]([\s\S]{{0,252}}[^{_SPACE}])?[{_SPACE}]*$"
"""1 to 254 characters, and any white space around them."""

# taken
Username = Annotated[
    str,
    Meta(
        max_length=10_000,
        pattern=PRINTABLE,
        examples=["john.doe@example.com"],
        extra_json_schema={"allOf": [{"pattern": TRIMMED}]},  # which NewUser checks
    ),
]
Name = Annotated[
    str, Meta(min_length=1, max_length=200, pattern=PRINTABLE, examples=["Write the report"])
]
Desc = Annotated[str, Meta(max_length=10_000, examples=["Two pages, with figures"])]
Deadline = Annotated[date, Meta(examples=["2030-12-24"])]

# taken in a query
PageSize = Annotated[int, Meta(ge=1, le=1000, description="How many items a page has at most.")]
Offset = Annotated[
    int,
    Meta(
        ge=0,
        description="How many items to skip; for anything long follow the Link header instead.",
        extra_json_schema={"maximum": listing.MOST_OFFSET},  # which pages.py checks
    ),
]
Sort = Annotated[
    listing.Sort,
    Meta(description="created_at by default; without an expires_at counts as the last of all."),
]
Order = Annotated[
    listing.Order, Meta(description="By default desc for created_at and asc for expires_at.")
]
WithStatus = Annotated[Status, Meta(description="Only tasks of this status.")]
Cursor = Annotated[
    str,
    Meta(
        description="From a Link header: where the page begins, in which order, of which status."
        " It goes with page_size only.",
        extra_json_schema={"format": "cursor"},
    ),
]

# given
Id = Annotated[int, Meta(ge=1, le=MOST_ID, examples=[1])]
Day = Annotated[str, Meta(examples=["2026-01-31"], extra_json_schema={"format": "date"})]
StatusGiven = Annotated[str, Meta(extra_json_schema={"enum": list(get_args(Status))})]
Assignees = Annotated[
    tuple[Id, ...],
    Meta(max_length=MOST_ASSIGNEES, examples=[[1]], extra_json_schema={"uniqueItems": True}),
]
