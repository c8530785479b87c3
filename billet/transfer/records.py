"""The lines of an export file, with the rules that the API has for the same fields."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from billet.integrity.shape import is_time_in_seconds
from chalicelib.domain.errors import Invalid
from chalicelib.domain.ids import MAX_ID
from chalicelib.domain.task import MAX_ASSIGNEES, Task
from chalicelib.domain.token import Role, Token
from chalicelib.domain.user import User, normalize_username
from chalicelib.dynamodb import clock, schema_version
from chalicelib.dynamodb.models import MAX_KEY_BYTES
from chalicelib.http import json_errors, parsing
from chalicelib.http.schemas import NewTask, NewUser

FORMAT = 1
"""The version of the file's form. A release reads no other."""
SCHEMA = schema_version.KNOWN
"""The version of the stored data. A release reads files of this version and of older ones."""
ROOM = 1_000_000
"""How many ids must be left after an import."""

_TIME = "must be a time in UTC such as 2026-01-31T12:00:00.000000Z"
_SECONDS = "must be a time in UTC such as 2026-01-31T12:00:00Z, or null"
_IDS = f"must be up to {MAX_ASSIGNEES} ids of users in ascending order"


def _whole(least: int, most: int = MAX_ID) -> msgspec.Meta:
    must = f"must be an integer from {least} to {most}"
    return msgspec.Meta(ge=least, le=most, extra={"must": must})


def _text(pattern: str, must: str) -> msgspec.Meta:
    return msgspec.Meta(pattern=pattern, extra={"must": must})


Id = Annotated[int, _whole(1)]
Count = Annotated[int, _whole(0)]
LastId = Annotated[int, _whole(0, MAX_ID - ROOM)]
Time = Annotated[str, _text(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$", _TIME)]
Moment = Annotated[str, msgspec.Meta(extra={"must": _SECONDS})]
Assignees = Annotated[tuple[Id, ...], msgspec.Meta(max_length=MAX_ASSIGNEES, extra={"must": _IDS})]
Digest = Annotated[str, _text(r"^[0-9a-f]{64}$", "must be a SHA-256 digest in hexadecimal")]
TokenName = Annotated[
    str, _text(r"^[A-Za-z0-9._@-]{1,64}$", "must have 1 to 64 letters, digits or ._@-")
]
LastFour = Annotated[str, _text(r"^[A-Za-z0-9_-]{4}$", "must be four characters of a token")]


class Header(msgspec.Struct, tag_field="kind", tag="header", forbid_unknown_fields=True):
    """The first line."""

    format: Count = FORMAT
    schema: Count = SCHEMA


class UserRecord(NewUser, kw_only=True, tag_field="kind", tag="user"):
    """A user."""

    id: Id
    created_at: Time
    version: Id = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(normalize_username(self.username).encode()) > MAX_KEY_BYTES:
            raise ValueError(f"username: must have at most {MAX_KEY_BYTES} bytes in UTF-8")
        _require_time("created_at", self.created_at)

    @property
    def key(self) -> int:
        """The id."""
        return self.id

    @classmethod
    def of(cls, user: User) -> "UserRecord":
        """Return the record of a user. Raises Invalid if an import would refuse it."""
        return _made(cls, user)

    def entity(self) -> User:
        """Return the user, without assignments."""
        return User(
            id=self.id, username=self.username, created_at=self.created_at, version=self.version
        )


class TaskRecord(NewTask, kw_only=True, tag_field="kind", tag="task"):
    """A task."""

    id: Id
    created_at: Time
    updated_at: Moment | None = None
    assignees: Assignees = ()
    version: Id

    def __post_init__(self) -> None:
        if list(self.assignees) != sorted(set(self.assignees)):
            raise ValueError(f"assignees: {_IDS}")
        super().__post_init__()
        _require_time("created_at", self.created_at)
        if self.updated_at is not None and not is_time_in_seconds(self.updated_at):
            raise ValueError(f"updated_at: {_SECONDS}")

    @property
    def key(self) -> int:
        """The id."""
        return self.id

    @classmethod
    def of(cls, task: Task) -> "TaskRecord":
        """Return the record of a task. Raises Invalid if an import would refuse it."""
        return _made(cls, task)

    def entity(self) -> Task:
        """Return the task."""
        return Task(
            **msgspec.structs.asdict(self.fields()),
            id=self.id,
            created_at=self.created_at,
            updated_at=self.updated_at,
            version=self.version,
        )


class TokenRecord(
    msgspec.Struct, kw_only=True, tag_field="kind", tag="token", forbid_unknown_fields=True
):
    """A token. The secret is stored nowhere; whoever has it can use the token after an import."""

    digest: Digest
    name: TokenName
    role: Role
    created_at: Time
    expires_at: Time | None = None
    last_four: LastFour
    keys_by_name: bool = False

    def __post_init__(self) -> None:
        _require_time("created_at", self.created_at)
        if self.expires_at is not None:
            _require_time("expires_at", self.expires_at)

    @property
    def key(self) -> str:
        """The digest."""
        return self.digest

    @classmethod
    def of(cls, token: Token) -> "TokenRecord":
        """Return the record of a token. Raises Invalid if an import would refuse it."""
        return _made(cls, token)

    def entity(self) -> Token:
        """Return the token."""
        return Token(**msgspec.structs.asdict(self))


class End(msgspec.Struct, tag_field="kind", tag="end", forbid_unknown_fields=True):
    """The last line: without it, the file is cut off."""

    users: Count
    tasks: Count
    tokens: Count
    last_user_id: LastId
    """The highest id that was ever allocated: no copy of the data allocates it again."""
    last_task_id: LastId


Record = UserRecord | TaskRecord | TokenRecord
R = TypeVar("R", bound=Record)
Line = Header | Record | End

_TYPES: Mapping[str, type[Line]] = {
    "header": Header,
    "user": UserRecord,
    "task": TaskRecord,
    "token": TokenRecord,
    "end": End,
}
_DECODERS: Mapping[str, msgspec.json.Decoder[Any]] = {
    kind: msgspec.json.Decoder(type_) for kind, type_ in _TYPES.items()
}


class _Tagged(msgspec.Struct):
    kind: str


_KIND = msgspec.json.Decoder(_Tagged)
encode = msgspec.json.Encoder().encode


def decode(line: bytes) -> Line:
    """Return what a line of a file holds.

    Raises:
        Invalid: the line is not JSON, or no record that the API accepts. The text begins with the
            name of the field that is wrong, if there is one.
    """
    try:
        kind = _KIND.decode(line).kind
        if kind not in _TYPES:
            raise Invalid(f"kind: must be one of {', '.join(_TYPES)}")
        json_errors.refuse_duplicates(line)
        with parsing.as_invalid(_TYPES[kind], "line", unlisted=()):
            found: Line = _DECODERS[kind].decode(line)
    except msgspec.ValidationError:
        raise Invalid("must be a JSON object with a kind") from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise Invalid("must be JSON") from None
    return found


def label(record: Record) -> str:
    """Return a record's kind and key, for messages: "task 7"."""
    if isinstance(record, TokenRecord):
        return f"token {record.entity().id}"
    return f"{'user' if isinstance(record, UserRecord) else 'task'} {record.id}"


def differing(one: Record, other: Record) -> list[str]:
    """Return the names of the fields that differ."""
    return [name for name in one.__struct_fields__ if getattr(one, name) != getattr(other, name)]


def _made(kind: type[R], entity: msgspec.Struct) -> R:
    """Return the record of an entity, with the checks that a line of a file has.

    Raises:
        Invalid: an import would refuse the record, or change it.
    """
    values = {name: getattr(entity, name) for name in kind.__struct_fields__}
    with parsing.as_invalid(kind, "line"):
        record = msgspec.convert({"kind": kind.__struct_config__.tag, **values}, kind)
    for name in {"name", "username"} & values.keys():
        if getattr(record, name) != values[name]:
            raise Invalid(f"{name}: must not have white space at its ends")
    return record


def _require_time(name: str, text: str) -> None:
    try:
        same = clock.stamp(datetime.fromisoformat(text)) == text
    except ValueError:
        same = False
    if not same:
        raise ValueError(f"{name}: {_TIME}")
