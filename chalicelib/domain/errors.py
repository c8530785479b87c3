"""What can go wrong, in the product's own terms.

BilletError
├── Invalid              the client sent what can't be read or isn't allowed
├── NotFound             the user or task does not exist
├── Stale                the thing is no longer as the client wants it to be when it changes
├── Conflict             what was asked contradicts what is there
│   ├── UsernameTaken
│   ├── TooManyAssignees
│   ├── LostRace         others changed the same thing again and again meanwhile
│   ├── KeyReused        another request had the idempotency key
│   └── UnderWay         the same request, with the same idempotency key, has not ended yet
└── Unavailable          the database can't answer now; the same request may succeed later
"""


class BilletError(Exception):
    """Anything that the client is told about. Its text is meant for the client."""


class Invalid(BilletError):
    """The client sent what can't be read or isn't allowed; the text begins with the field."""


class NotFound(BilletError):
    """There is no such user or task."""

    def __init__(self, kind: str, ident: int) -> None:
        super().__init__(f"{kind} {ident} does not exist")


class Stale(BilletError):
    """The user or task has none of the versions that it must have. Nothing was changed."""

    def __init__(self, kind: str, ident: int, version: int) -> None:
        super().__init__(
            f"if-match: must have the current version of {kind} {ident}, which is {version}"
        )


class Conflict(BilletError):
    """What was asked contradicts what is there."""


class UsernameTaken(Conflict):
    """Another user has this name, in this or another case."""

    def __init__(self, username: str) -> None:
        super().__init__(f"username: must be unique without regard to case; {username!r} is taken")


class TooManyAssignees(Conflict):
    """The task has as many assignees as a task may have."""

    def __init__(self, task_id: int, most: int) -> None:
        super().__init__(f"assignees: must be at most {most}; task {task_id} has as many")


class LostRace(Conflict):
    """Others changed the same thing at each of our attempts. Nothing was changed by us."""

    def __init__(self) -> None:
        super().__init__("other requests are changing the same task or user; try again")


class KeyReused(Conflict):
    """Another request was sent with this idempotency key before."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency-key: must be new for each request; another request has this key"
        )


class UnderWay(Conflict):
    """A request with this idempotency key has not ended yet. Nothing was changed by this one."""

    def __init__(self) -> None:
        super().__init__("idempotency-key: a request with this key is in progress; try again")


class Unavailable(BilletError):
    """The database can't answer now."""

    def __init__(self, detail: str = "the service is busy; try again") -> None:
        super().__init__(detail)
