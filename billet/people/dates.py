"""Dates as people write them: `tomorrow`, `fri`, `in 3 days`, `24 dec`, `2026-12-24`."""

import calendar
import re
from datetime import date, datetime, timedelta
from typing import Any, Literal

import click

EXAMPLES = "today, tomorrow, fri, 'in 3 days', 'end of month', '24 dec', 24.12. or 2026-12-24"
Use = Literal["due", "before", "after"]
"""What a date is for: a due date, or the last or the first day of a list."""
FIRST_YEAR = 1000
"""A year before it is a year without its first digits, such as 0026."""
_MONTHS = "|".join([*calendar.month_name[1:], "sept", *calendar.month_abbr[1:]]).lower()
_DAY_OF_MONTH = re.compile(
    rf"(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{_MONTHS})"
    rf"|(?:{_MONTHS}) \d{{1,2}}(?:st|nd|rd|th)?)(?:,? \d{{4}})?",
    re.ASCII,
)
_SHORT_WEEKS = re.compile(r"^([+-]\d{1,4}) ?w$", re.ASCII)
_SHORT_MONTHS = re.compile(r"[+-]\d{1,4} ?m", re.ASCII)
_YEAR_FIRST = re.compile(r"(\d{4})([./-])(\d{1,2})\2(\d{1,2})", re.ASCII)
_DOTS = re.compile(r"(\d{1,2})\. ?(\d{1,2})(?:\. ?(\d{4}|\d{2})?)?", re.ASCII)
_NUMBERS = re.compile(r"(\d{1,2})([/-])(\d{1,2})(?:\2(\d{2}|\d{4})?)?", re.ASCII)
_WEEKDAY = re.compile(r"(?:(this|next|on) )?(mon|tue|wed|thu|fri|sat|sun)(?:s|nes|rs?|ur)?(?:day)?")
_PERIOD = re.compile(r"(this|(?:the )?end of(?: the| this)?) (week|month)")
_WEEK = timedelta(days=7)


class Date(click.ParamType):  # type: ignore[type-arg]
    """A date in an option, as a `date`."""

    name = "date"

    def __init__(self, use: Use = "due") -> None:
        self._use = use

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> date | None:
        try:
            return parse(value, today(), self._use) if isinstance(value, str) else value
        except ValueError as error:
            self.fail(str(error), param, ctx)


class DateOrNone(Date):
    """A date, or `none`, which removes the date; as a `date` or ""."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, str) and not value.strip():
            self.fail("must not be empty; none removes the date", param, ctx)
        return "" if value == "none" else super().convert(value, param, ctx)


def check_range(what: str, first: date | None, last: date | None) -> None:
    """Check the values of `--due-after` and `--due-before`, or of those with another word.

    Raises:
        click.UsageError: the last day is before the first one.
    """
    if first and last and last < first:
        raise click.UsageError(
            f"--{what}-before: must not be before --{what}-after, which is {full(first)}; "
            f"it is {full(last)}"
        )


def today() -> date:
    """Return the date of the user's clock and time zone."""
    return datetime.now().astimezone().date()


def parse(text: str, today: date, use: Use = "due") -> date:
    """Return the date that a person means.

    Args:
        use: a due date without a year is in the future, and one of a list is the nearest. "This
            week" is its last day, or its first one for the first day of a list.

    Raises:
        ValueError: the text is no date, or could mean two.
    """
    found = _parse(text, today, use)
    if found.year < FIRST_YEAR:
        raise ValueError(
            f"{text!r} is in the year {found.year}; the year must be {FIRST_YEAR} or later"
        )
    return found


def _parse(text: str, today: date, use: Use) -> date:
    words = _spelled_out(" ".join(text.lower().split()))
    if period := _PERIOD.fullmatch(words):
        return _day_of_period(period, today, use)
    if weekday := _WEEKDAY.fullmatch(words):
        return _weekday(weekday, today)
    try:
        if numbers := _YEAR_FIRST.fullmatch(words):
            return date(int(numbers[1]), int(numbers[3]), int(numbers[4]))
        if numbers := _DOTS.fullmatch(words):
            day, month, year = int(numbers[1]), int(numbers[2]), numbers[3]
            if year:
                return date(int(year) if len(year) == 4 else 2000 + int(year), month, day)
            words = _day_and_month(date(2000, month, day))
    except ValueError:
        raise ValueError(f"{text} is not in the calendar") from None
    _refuse_ambiguous(words)
    found = _understand(words, today, use)
    if found is None and (_DAY_OF_MONTH.fullmatch(words) or _NUMBERS.fullmatch(words)):
        raise ValueError(f"{text} is not in the calendar")
    if found is None:
        raise ValueError(f"{text!r} is no date; write {EXAMPLES}")
    return found


def _spelled_out(words: str) -> str:
    """Return words with +2w as +2 weeks.

    Raises:
        ValueError: the unit could be minutes or months.
    """
    if _SHORT_MONTHS.fullmatch(words):
        raise ValueError(f"{words!r} could be minutes or months; write it as in 'in 3 months'")
    return _SHORT_WEEKS.sub(r"\1 weeks", words)


def _day_of_period(period: re.Match[str], today: date, use: Use) -> date:
    first = use == "after" and period[1] == "this"
    if period[2] == "week":
        monday = today - timedelta(days=today.weekday())
        return monday if first else monday + timedelta(days=6)
    last = calendar.monthrange(today.year, today.month)[1]
    return today.replace(day=1 if first else last)


def _weekday(found: re.Match[str], today: date) -> date:
    """Return the next such day after today. "Next friday" is refused if this week has one, too."""
    number = [name.lower() for name in calendar.day_abbr].index(found[2])
    days = (number - today.weekday() - 1) % 7 + 1
    day = today + timedelta(days)
    if found[1] == "next" and number > today.weekday():
        raise _ambiguous(found[0], day, day + _WEEK)
    return day


def _refuse_ambiguous(words: str) -> None:
    """Refuse dates such as 03/04/2026, which are in April or in March."""
    numbers = _NUMBERS.fullmatch(words)
    if numbers is None:
        return
    first, second, year = int(numbers[1]), int(numbers[3]), numbers[4]
    if year and len(year) == 2:
        raise ValueError(f"{words!r} could be several dates; write the year with four digits")
    if first != second and 0 < first <= 12 and 0 < second <= 12:
        raise _ambiguous(words, date(2000, second, first), date(2000, first, second))


def _ambiguous(words: str, one: date, other: date) -> ValueError:
    return ValueError(
        f"{words!r} could be '{_day_and_month(one)}' or '{_day_and_month(other)}'; "
        "write it so, or as YYYY-MM-DD"
    )


def _day_and_month(day: date) -> str:
    return day.strftime("%-d %b").lower()


def _understand(words: str, today: date, use: Use) -> date | None:
    import dateparser

    def found(base: date, parser: str, *parts: str, prefer: str = "future") -> date | None:
        moment = dateparser.parse(
            words,
            languages=["en"],
            settings={
                "PARSERS": [parser],
                "PREFER_DATES_FROM": prefer,
                "RELATIVE_BASE": datetime(base.year, base.month, base.day),  # noqa: DTZ001
                "DATE_ORDER": "DMY",
                "TIMEZONE": "UTC",  # not that of the user, which need not have a name
                "REQUIRE_PARTS": list(parts),
            },
        )
        return moment.date() if moment else None

    if relative := found(today, "relative-time", "day"):
        return relative
    # With today as base, today's own day and month would be those of another year.
    one_day = timedelta(days=1)
    future = found(today - one_day, "absolute-time", "day", "month")
    if future is None or use == "due":
        return future
    past = found(today + one_day, "absolute-time", "day", "month", prefer="past")
    return min(filter(None, (future, past)), key=lambda day: abs(day - today))


def full(day: date) -> str:
    """Return a date with its weekday: Fri 27 Nov 2026."""
    return f"{day:%a %-d %b} {day.year:04}"


def short(day: date, today: date) -> str:
    """Return a date with its year if that is not this year: Mon 23 Nov."""
    return full(day) if day.year != today.year else f"{day:%a %-d %b}"


def relative(day: date, today: date) -> str:
    """Return a date as short as it is clear: today, Fri 27 Nov, Mon 23 Nov (3 days late)."""
    days = (day - today).days
    if days in (0, 1):
        return ("today", "tomorrow")[days]
    late = f" ({-days} {'day' if days == -1 else 'days'} late)" if days < 0 else ""
    return short(day, today) + late


def moment(when: datetime) -> str:
    """Return a moment in the user's time zone: Fri 27 Nov 2026 14:05."""
    local = when.astimezone()
    return f"{full(local)} {local:%H:%M}"
