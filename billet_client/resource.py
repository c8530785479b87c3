"""What the tasks and the users of a client have in common."""

from typing import Any

import httpx
import msgspec

from billet_client import responses
from billet_client.calls import M, Page, Resource, Steps
from billet_client.session import Session


class Change(msgspec.Struct, frozen=True):
    """What a write did whose response is not a task or user."""

    detail: str
    """One line for people: task 1 assigned to user 2."""
    etag: str | None = None
    """The new version, if what was changed still exists."""


class Part(Resource[M]):
    """The tasks or the users of a client."""

    def __init__(self, client: Resource[M], session: Session) -> None:
        self._client: Resource[M] = client
        self._session = session

    def _run(self, steps: Steps[Any]) -> Any:
        return self._client._run(steps)

    def _iterate(self, first: Steps[Page[Any]]) -> Any:
        return self._client._iterate(first)


def change(response: httpx.Response) -> Change:
    """Return what a response says was done."""
    done = responses.body(response, Change)
    return Change(done.detail, response.headers.get("etag"))
