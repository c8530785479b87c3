"""Dates as programs and people write them in files."""

import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

Order = Literal["dmy", "mdy"]
ALLOWED = "must be a date such as 2026-03-31, 31.3.2026 or Mar 31 2026"

_TIME = r"(?:[T ,]+\d{1,2}:\d{2}(?::\d{2})?(?:\.\d+)?\s*(?:[AaPp][Mm])?\s*(Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}}){_TIME}", re.ASCII)
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})(?:T\d{6}Z?)?", re.ASCII)
_CJK = re.compile(r"(\d{4})\s?[年년]\s?(\d{1,2})\s?[月월]\s?(\d{1,2})\s?[日일]", re.ASCII)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])\s?(\d{{1,2}})\2\s?(\d{{4}}|\d{{2}}){_TIME}", re.ASCII)
_WRITTEN = re.compile(rf"([\w.]+)[ ,-]+([\w.]+)[ ,-]+(\d{{4}}){_TIME}", re.ASCII)
_WRITTEN_FORMATS = ("%d %b", "%d %B", "%b %d", "%B %d")


class AmbiguousError(ValueError):
    """A date that is one day for Europeans and another for Americans."""


def order_of(texts: Iterable[str]) -> Order | None:
    """Return the order of day and month that the dates of a column prove, or None."""
    proven: set[Order] = set()
    for text in texts:
        found = _YEAR_LAST.fullmatch(text.strip())
        if found and found[2] != ".":
            first, second = int(found[1]), int(found[3])
            if first > 12 >= second:
                proven.add("dmy")
            elif second > 12 >= first:
                proven.add("mdy")
    return proven.pop() if len(proven) == 1 else None


def is_ambiguous(text: str) -> bool:
    """Return whether a text is a date that needs the order of day and month."""
    try:
        parse(text)
    except AmbiguousError:
        return True
    except ValueError:
        pass
    return False


def parse(text: str, order: Order | None = None) -> date:
    """Return the day of a date or of a time. A time with a zone is the day of it here.

    Args:
        order: the order of day and month in 3/4/2026. Dates with dots have the day first.

    Raises:
        AmbiguousError: the order is needed.
        ValueError: the text is no date.
    """
    text = text.strip()
    for pattern in (_YEAR_FIRST, _COMPACT, _CJK):
        if found := pattern.fullmatch(text):
            day = date(int(found[1]), int(found[2]), int(found[3]))
            return _here(text) or day
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(found, order)
    if found := _WRITTEN.fullmatch(text):
        return _written(found)
    raise ValueError(text)


def _here(text: str) -> date | None:
    """Return the day of a time with a zone, on this machine's calendar."""
    try:
        time = datetime.fromisoformat(text)
        return time.astimezone().date() if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _year_last(found: re.Match[str], order: Order | None) -> date:
    first, separator, second, year = int(found[1]), found[2], int(found[3]), int(found[4])
    if separator == "." or first > 12 or first == second:
        order = "dmy"
    elif second > 12:
        order = "mdy"
    if order is None:
        raise AmbiguousError(found[0])
    day, month = (first, second) if order == "dmy" else (second, first)
    return date(year if year > 99 else 2000 + year, month, day)


def _written(found: re.Match[str]) -> date:
    words = f"{found[1].strip('.')} {found[2].strip('.')}"
    words = re.sub(r"\b(\d{1,2})(st|nd|rd|th)\b", r"\1", words)
    for written in _WRITTEN_FORMATS:
        try:
            parsed = datetime.strptime(f"{words} {found[3]}", f"{written} %Y")  # noqa: DTZ007
        except ValueError:
            continue
        return parsed.date()
    raise ValueError(found[0])
