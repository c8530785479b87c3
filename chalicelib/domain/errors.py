"""Errors that a client can cause or notice.

BilletError
├── Invalid                the request is malformed or not allowed
│   └── TransactionTooLarge
├── OperationFailed        an operation of a batch failed
├── NotFound               the user or task does not exist
├── Stale                  the user or task has another version than the request requires
├── Conflict               the request contradicts the current state
│   ├── UsernameTaken
│   ├── TooManyAssignees
│   ├── LostRace           other writes came first at every attempt
│   ├── KeyReused          another request had the idempotency key
│   └── RequestInProgress  the same request, with the same idempotency key, is still running
└── Unavailable            the database can't respond now; the same request may succeed later
    ├── OutcomeUnknown     the database did not respond, and may have carried out a write
    ├── SchemaMismatch     the database is of another release
    └── IdsUsedUp          no id is left
"""

from chalicelib.domain.ids import MAX_ID


class BilletError(Exception):
    """An error that is reported to the client. Its text is the `detail` of the response."""


class Invalid(BilletError):
    """The request is malformed or not allowed. The text begins with the name of the field."""


class TransactionTooLarge(Invalid):
    """The operations of a batch need too many writes for one transaction."""

    def __init__(self, count: int, most: int) -> None:
        super().__init__(
            f"operations: need {count} writes, and one transaction has room for {most}; send fewer"
            " operations, or use mode=each"
        )


class OperationFailed(BilletError):
    """An operation of a batch is not possible, so that nothing was changed."""

    def __init__(self, index: int, error: BilletError) -> None:
        place, text = f"operations[{index}]", str(error)
        if isinstance(error, Stale):
            detail = f"{place}.if_match: {text.removeprefix('if-match: ')}"
        elif isinstance(error, Invalid):
            detail = f"{place}.task.{text}"
        else:
            detail = f"{place}: {text}"
        super().__init__(detail)
        self.error = error
        """What the operation alone would raise."""


class NotFound(BilletError):
    """The user or task, or each of several, does not exist."""

    def __init__(self, kind: str, *idents: int) -> None:
        plural = len(idents) > 1
        subject = f"{kind}{'s' if plural else ''} {', '.join(map(str, idents))}"
        super().__init__(f"{subject} {'do' if plural else 'does'} not exist")


class Stale(BilletError):
    """The user or task has none of the required versions. Nothing was changed."""

    def __init__(self, kind: str, ident: int, version: int) -> None:
        super().__init__(
            f"if-match: must have the current version of {kind} {ident}, which is {version}"
        )


class Conflict(BilletError):
    """The request contradicts the current state."""


class UsernameTaken(Conflict):
    """Another user has this name, perhaps in another case."""

    def __init__(self, username: str) -> None:
        super().__init__(f"username: must be unique without regard to case; {username!r} is taken")


class TooManyAssignees(Conflict):
    """The task has the maximum number of assignees."""

    def __init__(self, task_id: int, most: int) -> None:
        super().__init__(f"assignees: task {task_id} already has {most}, the maximum")


class LostRace(Conflict):
    """Other writes came first at every attempt. This request changed nothing."""

    def __init__(self) -> None:
        super().__init__("other requests are changing the same task or user; try again")


class KeyReused(Conflict):
    """Another request had this idempotency key."""

    def __init__(self) -> None:
        super().__init__(
            "idempotency-key: must be new for each request; another request has this key"
        )


class RequestInProgress(Conflict):
    """Another request with this idempotency key is still running, or has taken the key over."""

    def __init__(self) -> None:
        super().__init__("idempotency-key: a request with this key is in progress; try again")


class Unavailable(BilletError):
    """The database can't respond now."""

    def __init__(self, detail: str = "the service is busy; try again") -> None:
        super().__init__(detail)


class OutcomeUnknown(Unavailable):
    """The database did not respond. It may or may not have carried out a write."""

    def __init__(self) -> None:
        super().__init__(
            "the database did not respond; check whether a change was made before you repeat it"
        )


class SchemaMismatch(Unavailable):
    """The database is of another release. An operator has to act."""


class IdsUsedUp(Unavailable):
    """All ids up to the largest one were allocated. An operator has to act."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"no ids of {kind} are left; {MAX_ID} is the largest one")
