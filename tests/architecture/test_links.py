"""The files, headings, decision records and tests named in Markdown files exist."""

import re
from pathlib import Path

import pytest

from tests.support.markdown import anchors

ROOT = Path(__file__).parents[2]
TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")
PAGES = [*(ROOT / name for name in TOP), *sorted((ROOT / "docs").rglob("*.md"))]
RECORDS = {path.name[:4]: path.name for path in (ROOT / "docs/decisions").glob("0*.md")}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
TEXTS = {".md", ".py", ".toml", ".yml"}
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_each_relative_link_has_an_existing_target(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", page.read_text())):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        assert not anchor or anchor in anchors(target), link


def test_each_mentioned_decision_has_a_record() -> None:
    folders = (ROOT / name for name in ("billet", "chalicelib", "tests", "docs"))
    nested = (path for folder in folders for path in folder.rglob("*"))
    for path in (*ROOT.iterdir(), *nested):
        if path.suffix not in TEXTS and path.name not in {"Makefile", "Dockerfile"}:
            continue
        text = path.read_text()
        mentioned = set(re.findall(r"decisions/(\d{4})", text))
        if path.suffix == ".md":
            mentioned |= set(re.findall(r"\[(0\d{3})\]", text))
        assert mentioned <= RECORDS.keys(), (path, mentioned - RECORDS.keys())


def test_the_list_of_decisions_has_each_record_with_its_title() -> None:
    rows = re.findall(
        r"^\| \[(\d{4})\]\(([^)]+)\) \| (.+) \|$",
        (ROOT / "docs/decisions/README.md").read_text(),
        re.MULTILINE,
    )
    assert [number for number, *_ in rows] == sorted(RECORDS)
    for number, file, title in rows:
        assert file == RECORDS[number]
        assert (ROOT / "docs/decisions" / file).read_text().splitlines()[0] == f"# {title}"


def test_each_test_named_in_a_page_exists() -> None:
    files = [*(ROOT / "tests").rglob("*.py")]
    names = set(re.findall(r"def (test_\w+)", "\n".join(file.read_text() for file in files)))
    for page in PAGES:
        text = page.read_text()
        for path in re.findall(r"`(tests/[\w/]+(?:\.py)?)`", text):
            assert (ROOT / path).exists(), (page, path)
        for name in re.findall(r"`(test_\w+)`", text):
            assert name in names, (page, name)
        for start, end in re.findall(r"`…(\w+)(…?)`", text):
            found = [name for name in names if start in name and (end or name.endswith(start))]
            assert found, (page, start)
