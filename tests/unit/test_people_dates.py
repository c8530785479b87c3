"""Dates as people write them, on Thursday, 26 November 2026."""

import os
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest

from billet.people import dates
from tests.support.servers import ROOT

THURSDAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("today", "2026-11-26"),
        ("Tomorrow", "2026-11-27"),
        ("yesterday", "2026-11-25"),
        ("fri", "2026-11-27"),
        ("next mon", "2026-11-30"),
        ("next thursday", "2026-12-03"),
        ("this week", "2026-11-29"),
        ("this month", "2026-11-30"),
        ("end of month", "2026-11-30"),
        ("End of the week", "2026-11-29"),
        ("thu", "2026-12-03"),
        ("Wednesday", "2026-12-02"),
        ("in 3 days", "2026-11-29"),
        ("+3d", "2026-11-29"),
        ("+2w", "2026-12-10"),
        ("-1 w", "2026-11-19"),
        ("next week", "2026-12-03"),
        ("next month", "2026-12-26"),
        ("24 dec", "2026-12-24"),
        ("Dec  24", "2026-12-24"),
        ("26 nov", "2026-11-26"),
        ("25 nov", "2027-11-25"),
        ("24.12.", "2026-12-24"),
        ("24.12.2026", "2026-12-24"),
        ("13.12.", "2026-12-13"),
        ("20.12", "2026-12-20"),
        ("5.12.", "2026-12-05"),
        ("5. 12. 2027", "2027-12-05"),
        ("1.12.2026", "2026-12-01"),
        ("20.12.26", "2026-12-20"),
        ("26.11.", "2026-11-26"),
        ("25.11.", "2027-11-25"),
        ("29.2.", "2028-02-29"),
        ("12/25/2026", "2026-12-25"),
        ("04/04/2027", "2027-04-04"),
        ("2026/04/03", "2026-04-03"),
        ("2020-01-31", "2020-01-31"),
    ],
)
def test_a_date_is_understood_as_people_mean_it(text: str, expected: str) -> None:
    assert dates.parse(text, THURSDAY) == date.fromisoformat(expected)


def test_a_date_is_understood_in_a_time_zone_without_a_name() -> None:
    code = "from billet.people import dates; print(dates.parse('in 3 days', dates.today()))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TZ": "CET-1CEST,M3.5.0,M10.5.0"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_weekday_is_the_next_one_after_today_at_the_end_of_each_month() -> None:
    for month in range(1, 13):
        today = date(2028, month, 28)
        for name in ("mon", "tues", "wednesday", "thur", "fri", "saturday", "sun"):
            day = dates.parse(name, today)
            assert timedelta(0) < day - today <= timedelta(7)
            assert day.strftime("%a").lower() == name[:3]


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("20 nov", "2026-11-20", "2026-11-20"),
        ("20.11.", "2026-11-20", "2026-11-20"),
        ("26 nov", "2026-11-26", "2026-11-26"),
        ("24 dec", "2026-12-24", "2026-12-24"),
        ("20 nov 2027", "2027-11-20", "2027-11-20"),
        ("3 days ago", "2026-11-23", "2026-11-23"),
        ("fri", "2026-11-27", "2026-11-27"),
        ("this week", "2026-11-29", "2026-11-23"),
        ("this month", "2026-11-30", "2026-11-01"),
        ("end of month", "2026-11-30", "2026-11-30"),
    ],
)
def test_a_date_of_a_list_is_the_nearest_and_a_period_is_its_last_or_first_day(
    text: str, before: str, after: str
) -> None:
    assert dates.parse(text, THURSDAY, "before") == date.fromisoformat(before)
    assert dates.parse(text, THURSDAY, "after") == date.fromisoformat(after)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("03/04/2026", "'03/04/2026' could be '3 apr' or '4 mar'; write it so, or as YYYY-MM-DD"),
        ("3/4", "'3/4' could be '3 apr' or '4 mar'; write it so, or as YYYY-MM-DD"),
        ("next friday", "'next friday' could be '27 nov' or '4 dec'; write it so, or as YYYY"),
        ("29.2.2027", "29.2.2027 is not in the calendar"),
        ("31.2.", "31.2. is not in the calendar"),
        ("12.13.2026", "12.13.2026 is not in the calendar"),
        *((text, f"{text} is not in the calendar") for text in ("0/4", "31/2/2027", "30 feb")),
        *((text, f"{text} is not in the calendar") for text in ("Feb 29 2027", "31 nov")),
        ("0999-01-01", "'0999-01-01' is in the year 999; the year must be 1000 or later"),
        ("+1m", "'+1m' could be minutes or months; write it as in 'in 3 months'"),
        ("13/4/26", "'13/4/26' could be several dates; write the year with four digits"),
        ("2026-02-30", "2026-02-30 is not in the calendar"),
        ("0026-12-24", "'0026-12-24' is in the year 26; the year must be 1000 or later"),
        ("24.12.0026", "'24.12.0026' is in the year 26; the year must be 1000 or later"),
        ("24/12/0999", "'24/12/0999' is in the year 999; the year must be 1000 or later"),
        *(
            (text, f"{text!r} is no date; write ")
            for text in ("soon", "24", "december", "31 novelties")
        ),
        *((text, f"{text!r} is no date; write ") for text in ("", "2026", "5pm", "monthly")),
    ],
)
def test_what_is_no_date_or_could_be_two_is_refused(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=re.escape(error)) as refused:
        dates.parse(text, THURSDAY)
    assert str(refused.value).startswith(error)


def test_dates_near_today_are_shown_relative_to_it() -> None:
    shown = [
        dates.relative(date.fromisoformat(day), THURSDAY)
        for day in ("2026-11-23", "2026-11-25", "2026-11-26", "2026-11-27", "2026-11-28")
    ]
    assert shown == [
        "Mon 23 Nov (3 days late)",
        "Wed 25 Nov (1 day late)",
        "today",
        "tomorrow",
        "Sat 28 Nov",
    ]
    assert dates.relative(date(2027, 1, 1), THURSDAY) == "Fri 1 Jan 2027"


def test_a_year_is_shown_with_four_digits() -> None:
    assert dates.full(date(26, 12, 24)) == "Thu 24 Dec 0026"
    assert dates.relative(date(26, 12, 24), date(26, 12, 26)) == "Thu 24 Dec (2 days late)"
    assert dates.short(date(999, 1, 1), THURSDAY) == "Tue 1 Jan 0999"
    assert dates.moment(datetime(999, 1, 3, 12, tzinfo=UTC)).startswith("Thu 3 Jan 0999 ")
