"""Every table and index is in the policies, in `doctor` and in the documentation."""

import re
from pathlib import Path

from pynamodb.models import Model

from billet.integrity import CHECKS
from billet.package import policies
from chalicelib.dynamodb import botocore_patches
from chalicelib.dynamodb.models import EXPIRIES, SUFFIXES, CounterModel, QuotaModel

ROOT = Path(__file__).parents[2]
CHECKED_OTHERWISE = {CounterModel, QuotaModel}
"""`doctor` checks counters with the ids in use. A quota lasts for one window."""


def indexes(model: type[Model]) -> list[str]:
    schema = botocore_patches.schema_of(model)
    kinds = ("global_secondary_indexes", "local_secondary_indexes")
    return [index["index_name"] for kind in kinds for index in schema[kind]]


INDEXES = [(SUFFIXES[model], index) for model in SUFFIXES for index in indexes(model)]


def test_the_policies_include_every_table_and_index() -> None:
    named = {**policies.API, **policies.AUTHORIZER}
    assert set(named) == {*SUFFIXES.values(), *(f"{table}/index/{one}" for table, one in INDEXES)}


def test_doctor_checks_every_table() -> None:
    assert set(CHECKS) == set(SUFFIXES) - CHECKED_OTHERWISE


def test_items_with_an_expiry_are_deleted_by_dynamodb() -> None:
    assert {model for model in SUFFIXES if "expires" in model.get_attributes()} == set(EXPIRIES)


def test_the_documentation_has_every_table_and_index() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    tables = set(re.findall(r"^\| `?(\w+)`? \|", text, re.MULTILINE))
    assert set(SUFFIXES.values()) - tables == set()
    assert [f"{table}.{name}" for table, name in INDEXES if f"{table}.{name}" not in text] == []
