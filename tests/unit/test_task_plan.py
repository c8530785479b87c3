"""Which rows of a file an import creates: rows that are tasks already are never created twice."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest

from billet.people.exchange import identity, ledger, plan
from billet.people.exchange.checking import Row
from billet.people.exchange.identity import ReadyRow
from billet.people.exchange.ledger import Sent

SERVER = "http://localhost:3000"


class Existing(msgspec.Struct):
    """A task of the server, as far as a plan reads it."""

    id: int
    name: str
    desc: str = ""
    expires_at: str | None = None
    status: str = "PENDING"
    assignees: tuple[int, ...] = ()


@pytest.fixture(autouse=True)
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def rows(names: str, desc: str = "", assignees: int = 0) -> list[ReadyRow]:
    """Return a row for each letter."""
    return [
        ReadyRow(
            Row(line=line, name=name, desc=desc, status="PENDING", expires_at=None, assignees=()),
            tuple(range(1, assignees + 1)),
        )
        for line, name in enumerate(names, 2)
    ]


def tasks(text: str) -> list[Any]:
    """Return the tasks of `a1 b2`: the name and the id of each."""
    return [Existing(int(word[1:]), word[0]) for word in text.split()]


def digests(chunk: Sequence[ReadyRow]) -> list[bytes]:
    return [identity.digest_of(row.row) for row in chunk]


@pytest.mark.parametrize(
    ("file", "imported", "server", "again", "created", "there", "deleted"),
    [
        ("abc", "", "", False, "abc", 0, 0),
        ("abc", "", "a1 x2", False, "bc", 1, 0),  # imported on another machine
        ("abc", "a1 b2 c3", "a1 b2 c3", False, "", 3, 0),
        ("abc", "a1 b2 c3", "a1 x2 c3", False, "", 3, 0),  # b was renamed since
        ("abcd", "a1 b2 c3", "a1 b2 c3", False, "d", 3, 0),  # a line was added
        ("abc", "a1 b2 c3", "a1 c3", False, "", 2, 1),  # b was deleted since
        ("abc", "a1 b2 c3", "a1 c3", True, "b", 2, 0),
        ("abc", "a1 b2 c3", "", True, "abc", 0, 0),  # the database is another one
        ("aab", "", "", False, "aab", 0, 0),
        ("aab", "a1 a2 b3", "a1 a2 b3", False, "", 3, 0),
        ("aab", "a1", "a1", False, "ab", 1, 0),
        ("aa", "a1", "x1 a2", False, "", 2, 0),  # one was renamed, one made by hand
        ("aaa", "a1", "x1 a2", False, "a", 2, 0),
        ("aa", "a1 a2", "a2", False, "", 1, 1),
        ("aa", "a1 a2", "a2", True, "a", 1, 0),
    ],
)
def test_a_row_is_created_once(
    file: str,
    imported: str,
    server: str,
    again: bool,
    created: str,
    there: int,
    deleted: int,
) -> None:
    with ledger.opened(SERVER, write=True) as book:
        before = tasks(imported)
        book.done([identity.digest(one.name, "", None) for one in before], [t.id for t in before])
        ready = rows(file)
        existing = plan.look_up(ready, book.imported(), tasks(server))
        made = plan.make(ready, existing, book.sent(), again=again)
    assert "".join(row.row.name for row in made.rows) == created
    assert (made.there, made.deleted, made.key) == (there, deleted, None)


@pytest.mark.parametrize(
    ("file", "server", "created"),
    [
        ("abbc", "", "bbc"),  # the batch was not carried out
        ("abbc", "b1 b2", "bbc"),  # it was; its key makes a repeat harmless
        ("abbc", "b1", "bbc"),  # it was, and an index of DynamoDB does not show all of it yet
        ("abbc", "b1 b2 c3", "bb"),  # somebody else created c
        ("abbb", "b1 b2", "bbb"),  # the third b was never sent
    ],
)
def test_a_batch_without_a_response_is_repeated_first_with_its_key(
    file: str, server: str, created: str
) -> None:
    with ledger.opened(SERVER, write=True) as book:
        book.done(digests(rows("a")), [9])
        chunk = rows("bb")
        key = book.send(digests(chunk), identity.body_digest(chunk))
    with ledger.opened(SERVER, write=True) as book:
        ready = rows(file)
        existing = plan.look_up(ready, book.imported(), tasks(f"a9 {server}"))
        made = plan.make(ready, existing, book.sent(), again=False)
    assert "".join(row.row.name for row in made.rows) == created
    assert (made.repeated, made.key) == (2, key)


@pytest.mark.parametrize("changed", ["missing", "assigned", "late"])
def test_a_batch_that_is_not_in_the_file_any_more_is_compared_with_the_server(
    changed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = rows("ab" if changed != "missing" else "a")
    with ledger.opened(SERVER, write=True) as book:
        chunk = rows("ab", assignees=1 if changed == "assigned" else 0)
        book.send(digests(chunk), identity.body_digest(chunk))
        if changed == "late":
            monkeypatch.setattr(ledger, "KEY_SECONDS", -1)
        existing = plan.look_up(ready, book.imported(), tasks("a1"))
        made = plan.make(ready, existing, book.sent(), again=False)
    assert [row.row.name for row in made.rows] == ["b"][: len(ready) - 1]
    assert (made.there, made.repeated, made.key) == (1, 0, None)


def test_a_batch_that_was_refused_is_not_repeated() -> None:
    with ledger.opened(SERVER, write=True) as book:
        book.send(digests(rows("a")), b"")
        book.refused()
        assert book.sent() is None


def test_each_server_has_its_own_ledger() -> None:
    with ledger.opened(SERVER, write=True) as book:
        book.done(digests(rows("a")), [1])
    with ledger.opened("https://example.com", write=True) as other:
        assert other.imported() == {}
    with ledger.opened(SERVER, write=False) as book:
        assert book.imported() == {identity.digest("a", "", None): {1}}


def test_reading_makes_no_ledger() -> None:
    with ledger.opened(SERVER, write=False) as book:
        assert (book.imported(), book.sent()) == ({}, None)
    assert not ledger.path_of(SERVER).exists()


def test_two_imports_into_one_server_at_once_are_refused() -> None:
    with ledger.opened(SERVER, write=True):
        pass
    with (
        ledger.opened(SERVER, write=True),
        pytest.raises(click.ClickException, match=r"another import into .* is in progress"),
        ledger.opened(SERVER, write=True),
    ):
        pass


def test_a_corrupt_ledger_is_reported() -> None:
    with ledger.opened(SERVER, write=True):
        pass
    ledger.path_of(SERVER).write_bytes(b"x" * 5000)
    with (
        pytest.raises(click.ClickException, match=r"cannot be read .*not a database"),
        ledger.opened(SERVER, write=True),
    ):
        pass


def test_a_ledger_outlives_a_crash(tmp_path: Path) -> None:
    """What is stored is in the file before the batch is sent."""
    with ledger.opened(SERVER, write=True) as book:
        key = book.send(digests(rows("a")), b"body")
        copy = tmp_path / "copy.sqlite"
        copy.write_bytes(ledger.path_of(SERVER).read_bytes())
    database = sqlite3.connect(copy)
    assert ledger.Ledger(database).sent() == Sent(key, tuple(digests(rows("a"))), b"body")
    database.close()


@pytest.mark.parametrize(
    ("ready", "sizes"),
    [
        (rows("a" * 120), [50, 50, 20]),
        (rows("a" * 70, assignees=1), [33, 33, 4]),
        (rows("ab", assignees=identity.MAX_ASSIGNEES), [1, 1]),
        (rows("a" * 7, desc="d" * 30_000), [3, 3, 1]),
        ([], []),
    ],
)
def test_batches_keep_the_limits_of_the_api(ready: list[ReadyRow], sizes: list[int]) -> None:
    chunks = list(identity.chunks(ready))
    assert [len(chunk) for chunk in chunks] == sizes
    assert [id(row) for chunk in chunks for row in chunk] == [id(row) for row in ready]
