"""Dates as people write them: `tomorrow`, `fri`, `in 3 days`, `24 dec`, `2026-12-24`."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import click

EXAMPLES = "today, tomorrow, fri, 'in 3 days', 'next week', '24 dec' or 2026-12-24"
_YEAR_FIRST = re.compile(r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})")
_NUMBERS = re.compile(r"(\d{1,2})([./-])(\d{1,2})(?:\2(\d{2}|\d{4})?)?")
_WEEKDAY = re.compile(
    r"(?:(?:this|next|on) )?(mon|tue|wed|thu|fri|sat|sun)(?:s|nes|rs?|ur)?(?:day)?"
)


class Date(click.ParamType):  # type: ignore[type-arg]
    """A date in an option, as a `date`."""

    name = "date"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> date | None:
        try:
            return parse(value, today()) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DateOrNone(Date):
    """A date, or `none`, which removes the date; as a `date` or ""."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return "" if value in ("", "none") else super().convert(value, param, ctx)


def today() -> date:
    """Return the date of the user's clock and time zone."""
    return datetime.now().astimezone().date()


def parse(text: str, today: date) -> date:
    """Return the date that a person means, in the future if the text does not say.

    Raises:
        ValueError: the text is no date, or could mean two.
    """
    words = " ".join(text.lower().split())
    if numbers := _YEAR_FIRST.fullmatch(words):
        try:
            return date(int(numbers[1]), int(numbers[3]), int(numbers[4]))
        except ValueError:
            raise ValueError(f"{text} is not in the calendar") from None
    _refuse_ambiguous(words)
    found = _understand(words, today)
    if found is None:
        raise ValueError(f"{text!r} is no date; write {EXAMPLES}")
    return found


def _refuse_ambiguous(words: str) -> None:
    """Refuse dates such as 03/04/2026, which are in April or in March."""
    numbers = _NUMBERS.fullmatch(words)
    if numbers is None:
        return
    first, second, year = int(numbers[1]), int(numbers[3]), numbers[4]
    if year and len(year) == 2:
        raise ValueError(f"{words!r} could be several dates; write the year with four digits")
    if first != second and first <= 12 and second <= 12:
        meant = (date(2000, second, first), date(2000, first, second))
        one, other = (day.strftime("%-d %b").lower() for day in meant)
        raise ValueError(f"{words!r} could be '{one}' or '{other}'; write it so, or as YYYY-MM-DD")


def _understand(words: str, today: date) -> date | None:
    import dateparser

    def found(words: str, base: date, parser: str, **settings: Any) -> date | None:
        moment = dateparser.parse(
            words,
            languages=["en"],
            settings={
                "PARSERS": [parser],
                "PREFER_DATES_FROM": "future",
                "RELATIVE_BASE": datetime(base.year, base.month, base.day),  # noqa: DTZ001
                "DATE_ORDER": "DMY",
                **settings,
            },
        )
        return moment.date() if moment else None

    if weekday := _WEEKDAY.fullmatch(words):
        return found(weekday[1], today, "absolute-time")
    # With today as base, today's own day and month would be those of the next year.
    yesterday = today - timedelta(days=1)
    return found(words, today, "relative-time", REQUIRE_PARTS=["day"]) or found(
        words, yesterday, "absolute-time", REQUIRE_PARTS=["day", "month"]
    )


def full(day: date) -> str:
    """Return a date with its weekday: Fri 27 Nov 2026."""
    return day.strftime("%a %-d %b %Y")


def short(day: date, today: date) -> str:
    """Return a date with its year if that is not this year: Mon 23 Nov."""
    return full(day) if day.year != today.year else day.strftime("%a %-d %b")


def relative(day: date, today: date) -> str:
    """Return a date as short as it is clear: today, Fri 27 Nov, Mon 23 Nov (3 days late)."""
    days = (day - today).days
    if days in (0, 1):
        return ("today", "tomorrow")[days]
    late = f" ({-days} {'day' if days == -1 else 'days'} late)" if days < 0 else ""
    return short(day, today) + late


def moment(when: datetime) -> str:
    """Return a moment in the user's time zone: Fri 27 Nov 2026 14:05."""
    return when.astimezone().strftime("%a %-d %b %Y %H:%M")
