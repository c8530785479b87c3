"""The users of a client."""

from typing import Literal

import httpx
import msgspec

from billet_client import ids, responses
from billet_client.calls import M, Page, Steps, call, listing
from billet_client.models import User
from billet_client.resource import Change, Part, change


class _Feed(msgspec.Struct):
    url: str


class Users(Part[M]):
    """The users: `client.users`.

    A write takes `idempotency_key`, by default a random one: the same key makes the change once.
    """

    @listing
    def list(
        self,
        *,
        username: str | None = None,
        order: Literal["asc", "desc"] | None = None,
        page_size: int | None = None,
    ) -> Steps[Page[User]]:
        """Return an iterator over users, which gets one page after the other.

        Args:
            username: only the user of this name, without regard to case.
            order: by the time of creation, by default desc: the newest first.
            page_size: the number of users to get in one request, 1 to 1000, by default 100.
        """
        params = {"username": username, "order": order, "page_size": page_size}
        return self._session.page("/v1/users", User, params)

    @call
    def get(self, user_id: int, *, if_none_match: str | None = None) -> Steps[User]:
        """Return a user. `list(username="ann")` finds one by name.

        Raises:
            NotFound: they do not exist.
            NotModified: their version is still the one in `if_none_match`.
        """
        return self._session.get_existing(
            _path(user_id), _found, f"user {user_id}", if_none_match=if_none_match
        )

    @call
    def create(self, username: str, *, idempotency_key: str | None = None) -> Steps[User]:
        """Create a user and return them.

        Raises:
            Conflict: the username is taken.
        """
        return self._session.write(
            "POST", "/v1/users", _user, body={"username": username}, idempotency_key=idempotency_key
        )

    @call
    def rename(
        self,
        user_id: int,
        username: str,
        *,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[User]:
        """Rename a user and return them.

        Raises:
            NotFound: they do not exist.
            Conflict: the username is taken.
            PreconditionFailed: their version is not the one in `if_match`.
        """
        return self._session.write(
            "PATCH",
            _path(user_id),
            _user,
            body={"username": username},
            if_match=if_match,
            idempotency_key=idempotency_key,
        )

    @call
    def delete(
        self, user_id: int, *, if_match: str | None = None, idempotency_key: str | None = None
    ) -> Steps[Change]:
        """Delete a user. Their tasks stay.

        Raises:
            NotFound: they do not exist.
            PreconditionFailed: their version is not the one in `if_match`.
        """
        return self._session.write(
            "DELETE", _path(user_id), change, if_match=if_match, idempotency_key=idempotency_key
        )

    @call
    def create_feed(self, user_id: int, *, idempotency_key: str | None = None) -> Steps[str]:
        """Return a new URL under which calendar programs read the tasks of a user.

        It replaces an earlier one, also if it is repeated with the same key. Who has it can read
        these tasks, so keep it secret.
        """
        return self._session.write(
            "POST", f"{_path(user_id)}/feed", _feed_url, idempotency_key=idempotency_key
        )

    @call
    def revoke_feed(self, user_id: int, *, idempotency_key: str | None = None) -> Steps[Change]:
        """End the URL of the feed of a user."""
        return self._session.write(
            "DELETE", f"{_path(user_id)}/feed", change, idempotency_key=idempotency_key
        )


def _path(user_id: int) -> str:
    return f"/v1/users/{ids.user(user_id)}"


def _found(response: httpx.Response) -> User | None:
    user = responses.body_or_null(response, User)
    return user and _with_etag(user, response)


def _user(response: httpx.Response) -> User:
    return _with_etag(responses.body(response, User), response)


def _with_etag(user: User, response: httpx.Response) -> User:
    return msgspec.structs.replace(user, etag=response.headers.get("etag"))


def _feed_url(response: httpx.Response) -> str:
    return responses.body(response, _Feed).url
