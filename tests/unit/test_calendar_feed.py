"""The calendar of a feed is what RFC 5545 says, and a strict reader finds in it what tasks have."""

import json
import re
from datetime import date, timedelta

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.task import Task
from chalicelib.http import calendar_feed, pages
from chalicelib.http.calendar_feed import Kind

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
BREAK = re.compile("\r\n|[\n\x0b\x0c\r\x1c-\x1e\x85\u2028\u2029]")
TEXTS = st.text('ab é;,\\:"\n\r\t\x00\x0b\x1c\x7f\x85\u2028\u2029😀👩\u200d', max_size=120)


def task(ident: int = 7, **values: object) -> Task:
    fields = {"name": "plan", "expires_at": "2030-12-24", "created_at": "2026-01-31T12:00:00.5Z"}
    return Task(id=ident, **{**fields, **values})  # type: ignore[arg-type]


def encode(*tasks: Task, kind: Kind = "VEVENT", name: str = "Tasks of ann") -> bytes:
    return calendar_feed.encode(name, tasks, kind, "https://tasks.example/")


def components(content: bytes) -> list[icalendar.Component]:
    """Return the components of a calendar, if it has no error."""
    parsed = icalendar.Calendar.from_ical(content)
    assert isinstance(parsed, icalendar.Calendar)
    for one in parsed.walk():
        assert one.errors == []
    return list(parsed.subcomponents)


@settings(max_examples=40)
@given(TEXTS.map(lambda text: f"a{CONTROL.sub('', BREAK.sub(' ', text))}z"), TEXTS)
def test_any_text_arrives_as_it_is_in_short_lines_of_whole_characters(name: str, desc: str) -> None:
    content = encode(task(name=name, desc=desc))
    lines = content.split(b"\r\n")
    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert not any(CONTROL.search(line.decode()) or b"\n" in line for line in lines)
    [event] = components(content)
    assert str(event["SUMMARY"]) == name
    assert str(event.get("DESCRIPTION", "")) == CONTROL.sub("", BREAK.sub("\n", desc))


SEPARATORS = (
    "\n",
    "\r\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
)


@pytest.mark.parametrize("separator", SEPARATORS, ids=ascii)
def test_each_separator_of_lines_is_a_line_break_in_a_description_and_a_space_in_a_name(
    separator: str,
) -> None:
    text = f"a{separator}SUMMARY:b"
    content = encode(task(name=text, desc=text), name=text)
    [event] = components(content)
    assert str(event["DESCRIPTION"]) == "a\nSUMMARY:b"
    assert str(event["SUMMARY"]) == "a SUMMARY:b"
    assert b"\r\nNAME:a SUMMARY:b\r\n" in content
    assert content.decode().splitlines() == content.decode().removesuffix("\r\n").split("\r\n")


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "2028-02-29", "9999-12-31"])
def test_an_event_lasts_the_whole_due_date_and_leaves_it_free(day: str) -> None:
    [event] = components(encode(task(expires_at=day)))
    due = date.fromisoformat(day)
    assert event.decoded("DTSTART") == due
    # The last day that there is has no next one; an event without an end lasts one day.
    assert event.get("DTEND") is None or event.decoded("DTEND") == due + timedelta(days=1)
    assert ("DTEND" in event) == (day != "9999-12-31")
    assert event["TRANSP"] == "TRANSPARENT"


@pytest.mark.parametrize(
    ("status", "stored"), [("PENDING", "NEEDS-ACTION"), ("IN_PROGRESS", "IN-PROCESS")]
)
def test_a_to_do_has_due_date_and_status(status: str, stored: str) -> None:
    [todo] = components(encode(task(status=status), kind="VTODO"))
    assert (todo.name, todo["STATUS"], todo.decoded("DUE")) == ("VTODO", stored, date(2030, 12, 24))


def test_a_change_keeps_the_uid_and_raises_the_sequence() -> None:
    before, after, other = (
        components(encode(one))[0] for one in (task(), task(name="new", version=2), task(8))
    )
    assert before["UID"] == after["UID"] != other["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (1, 2)


def test_a_task_links_to_the_board() -> None:
    assert components(encode(task()))[0]["URL"] == "https://tasks.example/#task=7"


def test_a_task_has_the_time_of_its_last_change() -> None:
    moments = ("20260131T120000Z", "20260201T080910Z")
    tasks = (task(), task(updated_at="2026-02-01T08:09:10Z"))
    for one, moment in zip(components(encode(*tasks)), moments, strict=True):
        lines = one.to_ical().decode().split("\r\n")
        assert {f"DTSTAMP:{moment}", f"LAST-MODIFIED:{moment}"} <= set(lines)


def test_the_calendar_has_a_name_and_says_how_often_to_read_it() -> None:
    parsed = icalendar.Calendar.from_ical(encode(name="Tasks of a;b, c"))
    assert {name: str(parsed[name]) for name in ("NAME", "X-WR-CALNAME")} == dict.fromkeys(
        ("NAME", "X-WR-CALNAME"), "Tasks of a;b, c"
    )
    assert parsed["VERSION"] == "2.0"
    assert b"\r\nREFRESH-INTERVAL;VALUE=DURATION:PT1H\r\nX-PUBLISHED-TTL:PT1H\r\n" in encode()


def test_a_calendar_that_is_too_large_has_the_first_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "MAX_ENCODED", 500_000)
    tasks = [task(ident, name=str(ident), desc="😀" * 10_000) for ident in range(1, 9)]
    content = encode(*tasks)
    assert [str(one["SUMMARY"]) for one in components(content)] == ["1", "2", "3", "4"]
    assert len(json.dumps(content.decode())) < 500_000
