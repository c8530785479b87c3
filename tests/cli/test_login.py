"""`billet login` and `logout`, and what the commands do with a token."""

import json
import stat
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend

from chalicelib.domain.token import Role
from chalicelib.services import tokens
from tests.support.people import Billet

pytestmark = [pytest.mark.backend("moto"), pytest.mark.settings(auth="on")]
OTHER = "http://127.0.0.1:9"


class Memory(KeyringBackend):
    """A keyring in memory."""

    name = "a keyring in memory"
    priority = 1.0

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.passwords: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.passwords.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.passwords[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.passwords[service, username]


def token(role: Role) -> str:
    return tokens.issue("me", role, None)[0]


def alias_of(billet: Billet) -> str:
    """Return another URL of the server."""
    return billet.url.replace("localhost", "127.0.0.1")


def stored(home: Path) -> Any:
    return json.loads((home / "config/billet/config.json").read_bytes())


def test_login_stores_an_accepted_token_in_a_file_that_only_its_owner_can_read(
    billet: Billet, home: Path
) -> None:
    secret = token("admin")
    requires = f"{billet.url} requires a token; run `billet login`, or set BILLET_TOKEN"
    assert billet.error("user", "list") == requires
    wrong = billet("login", stdin="wrong\n")
    refused = (
        f"{billet.url} does not accept this token; see whether it is complete and of this server, "
        "or ask an administrator for another one"
    )
    assert (wrong.exit_code, wrong.stderr) == (1, f"Error: {refused}\n")
    billet.lines("user", "add", "ann", BILLET_TOKEN=secret)
    done = billet("login", "--as", "ann", stdin=f"{secret}\n")
    path = home / "config/billet/config.json"
    assert done.stdout.splitlines() == [
        f"Logged in to {billet.url}",
        "You are user 1: ann",
        f"Your token is in {path}, which only you can read",
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secret not in done.output
    assert billet.lines("task", "list", "--mine", BILLET_URL="") == []
    assert billet.error("user", "list", BILLET_TOKEN="wrong") == (
        f"{billet.url} does not accept the token in BILLET_TOKEN; "
        "set another, or unset BILLET_TOKEN and run `billet login`"
    )
    alias = alias_of(billet)
    assert billet.error("user", "list", BILLET_URL=alias).startswith(f"{alias} requires a token")
    assert billet.lines("logout") == [f"Logged out of {billet.url}"]
    assert secret not in path.read_text()
    assert billet.error("user", "list") == requires
    assert billet.error("logout") == f"you are not logged in to {billet.url}"


def test_a_token_is_kept_in_the_keyring_and_sent_to_its_own_server_only(
    billet: Billet, home: Path
) -> None:
    memory = Memory()
    keyring.set_keyring(memory)
    secret = token("reader")
    done = billet("login", stdin=secret)
    assert done.stdout.splitlines()[-1] == "Your token is in the keyring (a keyring in memory)"
    assert memory.passwords == {("billet", billet.url): secret}
    assert stored(home) == {"url": billet.url, "logins": {billet.url: {"keyring": True}}}
    assert billet.lines("user", "list") == []
    alias = alias_of(billet)
    assert billet.error("user", "list", BILLET_URL=alias).startswith(f"{alias} requires a token")
    assert billet.lines("logout") == [f"Logged out of {billet.url}"]
    assert memory.passwords == {}


def test_a_role_that_does_not_permit_a_command_is_reported(billet: Billet) -> None:
    refused = billet.error("user", "add", "ann", BILLET_TOKEN=token("reader"))
    assert refused.endswith("; ask an administrator for a token with another role")
    assert "admin" in refused


@pytest.mark.settings(auth="off")
def test_a_server_without_tokens_needs_none(billet: Billet, home: Path) -> None:
    billet.lines("user", "add", "ann")
    assert billet.lines("login", "--as", "ANN") == [
        f"Logged in to {billet.url}",
        "You are user 1: ann",
        "This server requires no token",
    ]
    assert stored(home)["logins"] == {billet.url: {"user": 1}}
    assert billet.lines("login")[1] == "You are user 1: ann"
    billet.lines("user", "rm", "1", "--yes")
    assert billet.lines("login")[1] == (
        "Your username is not known; `billet login --as USERNAME` stores it"
    )
    billet.lines("user", "add", "ann")
    billet.lines("login", "--as", "ann")
    assert billet.error("login", "--as", "an") == "no user is called 'an'; did you mean ann?"
    assert billet.lines("task", "list", "--mine", BILLET_URL="") == []
    assert "does not respond" in billet.error("login", "--url", OTHER)
    assert stored(home)["url"] == billet.url


def test_a_broken_file_is_named(billet: Billet, home: Path) -> None:
    path = home / "config/billet/config.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    error = billet.error("user", "list", BILLET_URL="")
    assert error.startswith(f"{path} cannot be read (")
    assert error.endswith("); delete it, then run `billet login`")
