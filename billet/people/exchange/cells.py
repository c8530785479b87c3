"""Cells that a spreadsheet would run as a formula.

https://owasp.org/www-community/attacks/CSV_Injection: a cell that begins with one of these
characters gets an apostrophe before it. Reading takes it away again. A text with apostrophes
before such a character gets one more, so that every text comes back as it was.
"""

import csv
import io
import re
from collections.abc import Iterable

_GUARD = "'"
_RISKY = "=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20"
_TO_GUARD = re.compile(f"'*[{_RISKY}]")
_GUARDED = re.compile(f"'+[{_RISKY}]")


def guard(text: str) -> str:
    """Return the text as a cell that no spreadsheet runs."""
    return _GUARD + text if _TO_GUARD.match(text) else text


def unguard(cell: str) -> str:
    """Return the text of a cell that may be guarded."""
    return cell.removeprefix(_GUARD) if _GUARDED.match(cell) else cell


def join(texts: Iterable[str]) -> str:
    """Return several texts as one cell: separated by semicolons, in quotes if they have one."""
    out = io.StringIO()
    csv.writer(out, delimiter=";", lineterminator="").writerow(texts)
    return out.getvalue()


def joined(cell: str) -> tuple[str, ...]:
    """Return the texts that `join` has put into one cell; lines separate them, too."""
    rows = csv.reader(cell.splitlines(), delimiter=";", skipinitialspace=True)
    return tuple(text.strip() for row in rows for text in row if text.strip())
