"""Migrations are frozen, numbered, documented, and use no more units than they may."""

import ast
from pathlib import Path
from typing import Any

import pytest

from billet.migrations import MIGRATIONS, lease, m0004_lane_count, scanning
from billet.migrations.m0005_reservations import normalize
from billet.migrations.migration import Migration
from billet.migrations.scanning import Pacer, page_size
from chalicelib.domain.user import normalize_username
from chalicelib.dynamodb import schema_version
from tests.support.unicode import IOTAS

ROOT = Path(__file__).parents[2]
FROZEN = {
    "billet.migrations.database",
    "billet.migrations.migration",
    "billet.migrations.schema",
    "chalicelib.dynamodb",
}


@pytest.mark.parametrize("migration", MIGRATIONS, ids=lambda one: one.name)
def test_a_migration_does_not_import_the_models(migration: Migration) -> None:
    tree = ast.parse((ROOT / migration.path).read_text())
    names = {one.module for one in ast.walk(tree) if isinstance(one, ast.ImportFrom)}
    ours = {name for name in names if name and name.startswith(("billet", "chalicelib"))}
    assert ours - FROZEN == set()
    from_dynamodb = [
        alias.name
        for one in ast.walk(tree)
        if isinstance(one, ast.ImportFrom) and one.module == "chalicelib.dynamodb"
        for alias in one.names
    ]
    assert from_dynamodb in ([], ["client"])


def test_migrations_are_numbered_from_one() -> None:
    files = sorted((ROOT / "billet" / "migrations").glob("m0*.py"))
    assert [one.path for one in MIGRATIONS] == [file.relative_to(ROOT) for file in files]
    assert [one.number for one in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_the_release_knows_the_newest_migration() -> None:
    assert MIGRATIONS[-1].number == schema_version.KNOWN >= schema_version.NEEDED


def test_the_documentation_has_each_migration() -> None:
    text = (ROOT / "docs" / "migrations.md").read_text()
    assert [one.name for one in MIGRATIONS if f"\n| {one.name} |" not in text] == []


def counters(*lanes: int) -> list[Any]:
    """Return the counters of one kind, of which each has a number of lanes."""
    return [
        {"name": {"S": f"tasks#{lane}"}, "lanes": {"N": str(count)}}
        for lane, count in enumerate(lanes)
    ]


@pytest.mark.parametrize(
    ("items", "lanes"),
    [
        ([], 0),
        (counters(1), 1),
        (counters(4, 4, 4, 4), 4),
        (counters(4, 4, 4, 64), 4),
        (counters(64, 1), 0),
    ],
)
def test_the_number_of_lanes_is_that_of_most_counters(items: list[Any], lanes: int) -> None:
    assert m0004_lane_count.lanes_of(items) == lanes


@pytest.mark.parametrize("iota", IOTAS)
def test_reservations_are_those_of_the_release_of_their_migration(iota: str) -> None:
    for name in (iota, f"{iota}\u0302", f"a{iota}"):
        assert normalize(name) == normalize_username(name)


class Waits(list[float]):
    """Stands in for an event on which the pacer waits: time passes at once."""

    now = 0.0

    def wait(self, seconds: float) -> None:
        self.append(seconds)
        Waits.now += seconds


def test_units_are_spread_evenly_whatever_a_page_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    Waits.now = 1000.0
    monkeypatch.setattr(scanning, "monotonic", lambda: Waits.now)
    pacer, waits = Pacer(50), Waits()
    kept: list[None] = []

    def keep() -> None:
        kept.append(None)

    for units in (25.0, 100.0, 0.5):
        pacer.spend(units, waits, keep)  # type: ignore[arg-type]
    assert waits == pytest.approx([0.5, 2.0, 0.01])
    Waits.now += 60.0  # a slow page pays for itself, and no more is saved up
    pacer.spend(50.0, waits, keep)  # type: ignore[arg-type]
    assert waits[-1] == pytest.approx(1.0)
    Pacer(None).spend(1e9, waits, keep)  # type: ignore[arg-type]
    assert len(waits) == 4
    kept.clear()
    Waits.now += 60.0
    pacer.spend(50.0 * 62, waits, keep)  # type: ignore[arg-type]
    assert max(waits) <= lease.RENEW_SECONDS < len(kept) * lease.RENEW_SECONDS
    assert sum(waits[4:]) == pytest.approx(62.0)


@pytest.mark.parametrize("size", [0.06, 0.25, 1.0, 10.0])
def test_a_page_uses_the_units_of_a_second_even_if_all_of_its_items_change(size: float) -> None:
    """`size` is an item's read units; it changes by 5 write units for each KB."""
    written = 5 * max(1.0, 4 * size)
    assert page_size(60, 0, 0.0, 0.0, 5) == 1
    for items, units in ((1, size), (100, 100 * size), (100, 100 * (size + written))):
        page = page_size(60, items, items * size, units, 5)
        assert page * (size + written) <= 60 or page == 1
    assert page_size(60, 100, 100 * size, 100 * size, 0) == max(1, min(250, int(60 / size)))
