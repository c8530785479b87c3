"""Tokens: how they are stored and checked, and the `token` commands."""

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result
from pynamodb.connection import Connection

from billet.cli.tokens import token
from billet.metering import event_handler
from chalicelib.dynamodb import botocore_patches, token_writes
from chalicelib.dynamodb.models import TokenModel
from chalicelib.services import tokens

pytestmark = pytest.mark.usefixtures("database")
SOON = timedelta(minutes=10)


def stored_items() -> list[dict[str, Any]]:
    """All that the table holds."""
    return [item.attribute_values for item in TokenModel.scan(consistent_read=True)]


@contextmanager
def seen(connection: Connection) -> Iterator[list[dict[str, Any]]]:
    """List the requests to DynamoDB, without the key."""
    operations: list[dict[str, Any]] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        operations.append({**params, "Key": None, "operation": model.name})

    with event_handler(connection.client, "before-parameter-build.dynamodb", note):
        yield operations


def test_a_token_is_256_random_bits_and_only_its_digest_is_stored() -> None:
    until = datetime(2030, 1, 31, 12, tzinfo=UTC)
    secret, _ = tokens.issue("ci", "editor", until)
    assert re.fullmatch(r"blt_[A-Za-z0-9_-]{43}", secret)
    assert len(base64.urlsafe_b64decode(secret[4:] + "=")) == 32
    [item] = stored_items()
    assert datetime.fromisoformat(item.pop("created_at")) <= datetime.now(UTC)
    assert item == {
        "digest": hashlib.sha256(secret.encode()).hexdigest(),
        "name": "ci",
        "role": "editor",
        "expires_at": "2030-01-31T12:00:00.000000Z",
        "expires": 1896091200,
        "last_four": secret[-4:],
        "keys_by_name": True,
    }
    assert tokens.issue("ci", "editor", until)[0] != secret


def test_every_token_check_makes_one_identical_read(
    endpoint: str, connections: dict[str, Connection]
) -> None:
    now = datetime.now(UTC)
    endless, made = tokens.issue("ci", "reader", None)
    lasting, later = tokens.issue("ci", "reader", now + SOON)
    expired, _ = tokens.issue("ci", "reader", now - timedelta(microseconds=1))
    revoked, gone = tokens.issue("ci", "reader", None)
    tokens.revoke(gone.digest)
    with seen(connections[endpoint]) as operations:
        found = [
            tokens.find_valid(one) for one in (endless, lasting, expired, revoked, "", "\ud800")
        ]
    assert found == [made, later, None, None, None, None]
    assert [one["operation"] for one in operations] == ["GetItem"] * 6
    assert all(one == operations[0] and one["ConsistentRead"] for one in operations)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(token, arguments)


def test_create_shows_the_secret_once_and_list_never_does() -> None:
    made = run("create", "--name", "ci", "--role", "editor", "--expires", "90d")
    assert made.exit_code == 0
    secret = made.stdout.removesuffix("\n")
    found = tokens.find_valid(secret)
    assert found
    assert secret not in made.stderr
    until = datetime.now(UTC) + timedelta(days=90)
    assert abs(datetime.fromisoformat(found.expires_at or "") - until) < SOON
    tokens.issue("old", "admin", datetime(2020, 1, 1, tzinfo=UTC))
    tokens.issue("me", "reader", None)
    listed = run("list").stdout
    assert secret not in listed
    first, second, third = listed.splitlines()
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(
        rf"{found.id} ci: editor, created {moment}, expires {moment}, ends in {secret[-4:]}", first
    )
    assert "old: admin" in second
    assert "expired 2020-01-01T00:00:00Z" in second
    assert "does not expire" in third


def test_revoke_revokes_only_the_token_with_that_id() -> None:
    (first, made), (second, _) = (tokens.issue("ci", "reader", None) for _ in range(2))
    assert run("revoke", made.id).exit_code == 0
    assert tokens.find_valid(first) is None
    assert tokens.find_valid(second)
    again = run("revoke", made.id)
    assert again.exit_code == 1
    assert again.stderr.endswith(f"\nError: there is no token {made.id}\n")


def test_an_invalid_token_request_is_rejected() -> None:
    days = "Error: Invalid value for '--expires': must be a number of days, such as 90d"
    name = "Error: name: must have 1 to 64 characters, each a letter, a digit or one of ._@-"
    for option, value, line in (
        ("--name", "c i", name),
        ("--name", "é", name),
        ("--name", "a" * 65, name),
        ("--expires", "0d", days),
        ("--expires", "90", days),
    ):
        options = {"--name": "ci", "--role": "reader", option: value}
        refused = run("create", *(word for pair in options.items() for word in pair))
        assert refused.exit_code != 0
        assert refused.stderr.splitlines()[-1] == line
    assert stored_items() == []


def test_the_keys_of_a_token_of_the_first_release_belong_to_its_id() -> None:
    secret, made = tokens.issue("ci", "reader", None)
    assert made.key_scope == "ci"
    first_release = msgspec.structs.replace(made, keys_by_name=False)
    tokens.revoke(made.digest)
    token_writes.create_token(first_release)
    found = tokens.find_valid(secret)
    assert found
    assert found.key_scope == made.id


def test_an_unreadable_token_is_listed_and_can_be_revoked() -> None:
    tokens.issue("well", "reader", None)
    table = TokenModel.Meta.table_name
    botocore_patches.table_of(TokenModel).connection.client.put_item(
        TableName=table, Item={"digest": {"S": "ab" * 32}, "name": {"N": "7"}}
    )
    listed = run("list")
    assert listed.exit_code == 0
    assert "abababababababab: its item cannot be read\n" in listed.stdout
    assert run("revoke", "abababababababab").exit_code == 0
    assert [one["name"] for one in stored_items()] == ["well"]
