"""The types of single fields of bodies and queries, with their limits and OpenAPI descriptions.

`extra["must"]` is what the detail of an error says. It follows by itself for enumerations. Fields
of responses are not checked."""

from datetime import date
from typing import Annotated, Literal, get_args

from msgspec import Meta, Raw

from chalicelib.domain.ids import MAX_ID
from chalicelib.domain.task import MAX_ASSIGNEE_CHANGES, MAX_ASSIGNEES, Status
from chalicelib.http import text_rules
from chalicelib.services import cursor, pagination

MAX_NAME = text_rules.MAX_NAME
MAX_USERNAME = text_rules.MAX_USERNAME
MAX_DESC = text_rules.MAX_DESC
MAX_PAGE = 1000

MUST_BE_ID_IN_PATH = "must be the id in the path"
MUST_BE_OFFSET = (
    f"must be an integer from 0 to {pagination.MAX_OFFSET}; to go further, follow the Link header"
)

# Bodies of requests
Username = Annotated[
    str,
    Meta(
        description="Unique without regard to case. White space at both ends is removed.",
        examples=["john.doe@example.com"],
        extra={"must": f"must be a string of 1 to {MAX_USERNAME} characters"},
        extra_json_schema={  # which NewUser checks
            "pattern": text_rules.PRINTABLE,
            "allOf": [
                {"pattern": text_rules.trimmed_to(MAX_USERNAME)},
                {"pattern": text_rules.VISIBLE},
                {"pattern": text_rules.ALL_VISIBLE},
            ],
        },
    ),
]
Name = Annotated[
    str,
    Meta(
        description="The name. White space at both ends is removed.",
        examples=["Write the report"],
        extra={"must": f"must be a string of 1 to {MAX_NAME} characters"},
        extra_json_schema={  # which NewTask, WholeTask and TaskPatch check
            "pattern": text_rules.PRINTABLE,
            "allOf": [
                {"pattern": text_rules.trimmed_to(MAX_NAME)},
                {"pattern": text_rules.VISIBLE},
            ],
        },
    ),
]
Desc = Annotated[
    str,
    Meta(
        max_length=MAX_DESC,
        description="The text.",
        examples=["Two pages, with figures"],
        extra={"must": f"must be a string of at most {MAX_DESC} characters"},
    ),
]
DueDate = Annotated[
    date,
    Meta(
        description="The deadline; null for none.",
        examples=["2030-12-24"],
        extra={"must": "must be a date that exists, YYYY-MM-DD, or null"},
    ),
]


def _assignees(most: int) -> Meta:
    return Meta(
        max_length=most,
        description="The ids of the users that the task is assigned to, in any order. One request"
        f" adds and removes at most {MAX_ASSIGNEE_CHANGES} users.",
        examples=[[]],
        extra={"must": f"must be a list of up to {most} ids of users, each only once"},
        extra_json_schema={"uniqueItems": True},
    )


_UserIds = tuple[Annotated[int, Meta(ge=1, le=MAX_ID)], ...]
FirstAssignees = Annotated[_UserIds, _assignees(MAX_ASSIGNEE_CHANGES)]
NewAssignees = Annotated[_UserIds, _assignees(MAX_ASSIGNEES)]
OperationId = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_ID,
        description="The id of the task.",
        examples=[7],
        extra={"must": f"must be an integer from 1 to {MAX_ID}"},
    ),
]
UserId = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_ID,
        description="The id of the user.",
        examples=[1],
        extra={"must": f"must be an integer from 1 to {MAX_ID}"},
    ),
]
IfMatch = Annotated[
    str,
    Meta(
        pattern=r'^(\*|(W/)?"[!#-~]*")$',
        description="The ETag of the version to change; `*` or none for any.",
        examples=['"3"'],
        extra={"must": 'must be * or one ETag, such as "3"'},
    ),
]

# Output-only fields, which a client may send back (https://google.aip.dev/203)
SameId = Annotated[
    int,
    Meta(
        description="The id in the path. Another one is refused.",
        extra={"must": MUST_BE_ID_IN_PATH},
        extra_json_schema={"readOnly": True, "minimum": 1, "maximum": MAX_ID},
    ),
]
Ignored = Annotated[Raw, Meta(description="Ignored.", extra_json_schema={"readOnly": True})]
OUTPUT_ONLY = ("id", "created_at", "updated_at", "etag")

# Query parameters
PageSize = Annotated[
    int,
    Meta(
        ge=1,
        le=MAX_PAGE,
        description="The maximum number of items on the page.",
        extra={"must": f"must be an integer from 1 to {MAX_PAGE}"},
    ),
]
Offset = Annotated[
    int,
    Meta(
        ge=0,
        description="The number of items to skip. For a long list, follow the Link header instead.",
        extra={"must": MUST_BE_OFFSET},
        extra_json_schema={"maximum": pagination.MAX_OFFSET},  # which pages.py checks
    ),
]
Sort = Annotated[
    pagination.Sort,
    Meta(description="The field to sort by, by default created_at. No expires_at sorts last."),
]
Order = Annotated[
    pagination.Order,
    Meta(description="The direction. The default is desc for created_at and asc for expires_at."),
]
Mode = Annotated[
    Literal["all", "each"],
    Meta(description="all: carry out all operations or none. each: carry out each by itself."),
]
WithStatuses = Annotated[
    tuple[Status, ...],
    Meta(
        min_length=1,
        description="Return only tasks with one of these statuses, separated by commas.",
        examples=[["PENDING", "IN_PROGRESS"]],
        extra={
            "must": f"must be one of {', '.join(get_args(Status))}, or several, separated by commas"
        },
        extra_json_schema={"uniqueItems": True},  # which TaskListQuery checks
    ),
]
WithUsername = Annotated[
    Username,
    Meta(
        description="Return only the user with this username, without regard to case. Send no"
        " cursor, offset or order with it."
    ),
]
QueryDate = Annotated[
    date,
    Meta(examples=["2030-12-24"], extra={"must": "must be a date that exists, YYYY-MM-DD"}),
]
DueAfter = Annotated[
    QueryDate,
    Meta(description="Return only tasks due on this day or later. Implies sort=expires_at."),
]
DueBefore = Annotated[
    QueryDate,
    Meta(description="Return only tasks due on this day or earlier. Implies sort=expires_at."),
]
Unassigned = Annotated[
    Literal["true"],
    Meta(
        description="Return only tasks without assignees. Implies sort=expires_at.",
        extra={"must": "must be true; leave it out to list all tasks"},
    ),
]
CreatedAfter = Annotated[
    QueryDate,
    Meta(description="Return only tasks that were created on this day (UTC) or later."),
]
CreatedBefore = Annotated[
    QueryDate,
    Meta(description="Return only tasks that were created on this day (UTC) or earlier."),
]
Cursor = Annotated[
    str,
    Meta(
        description="The cursor from a Link header. It holds place, order and filters, so"
        " send no other parameter with it than page_size.",
        extra={"must": cursor.MUST_BE},
        extra_json_schema={"format": "cursor"},
    ),
]
FeedComponent = Annotated[
    Literal["VEVENT", "VTODO"],
    Meta(
        description="What a task becomes: VEVENT is an all-day event, which every calendar program"
        " shows; VTODO is a to-do, which Thunderbird shows, and Google, Apple and Outlook do not."
    ),
]
FeedToken = Annotated[
    str,
    Meta(
        description="The token in the URL from `POST /v1/users/{user_id}/feed` (`blf_…`). A token"
        " of the API is not accepted here. Not needed if AUTH is off."
    ),
]

# Bodies of responses
Id = Annotated[int, Meta(ge=1, le=MAX_ID, examples=[1])]
Day = Annotated[
    str,
    Meta(
        description="A date, YYYY-MM-DD.",
        examples=["2026-01-31"],
        extra_json_schema={"format": "date"},
    ),
]
Moment = Annotated[
    str,
    Meta(
        description="A time in UTC, to the second: that of the last change.",
        examples=["2026-01-31T12:00:00Z"],
        extra_json_schema={"format": "date-time"},
    ),
]
ETag = Annotated[
    str,
    Meta(
        description="The ETag of this version of the task, for If-Match.",
        examples=['"3"'],
    ),
]
StatusGiven = Annotated[str, Meta(extra_json_schema={"enum": list(get_args(Status))})]
Assignees = Annotated[
    tuple[Id, ...],
    Meta(
        max_length=MAX_ASSIGNEES,
        description="The ids of the users that the task is assigned to.",
        examples=[[1]],
        extra_json_schema={"uniqueItems": True},
    ),
]
FeedUrl = Annotated[
    str,
    Meta(
        description="The URL of the feed, which contains its token. It cannot be shown again.",
        examples=["https://tasks.example/v1/users/1/tasks.ics?token=blf_…"],
    ),
]
