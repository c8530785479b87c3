"""The rules for names: trimmed, of limited length, and visible."""

import re

# Characters
MAX_NAME = 200
MAX_USERNAME = 254
MAX_DESC = 10_000

SPACE = " \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
"""Unicode's White_Space without control characters: what `str.strip` removes."""
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"
)
"""Unicode's Default_Ignorable_Code_Point: characters that are not displayed.
https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt"""
FORMAT = (
    "\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U000e0001"
)
"""The other characters of Unicode's category Cf."""

# Python, ECMA 262, RE2 and Rust read these patterns alike, because characters are not escaped.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"
"""No control characters. Python's `$` accepts a newline at the end, so `_CONTROL` checks it."""
VISIBLE = rf"[^\x00-\x1f\x7f-\x9f{SPACE}{IGNORABLE}{FORMAT}]"
"""At least one visible character."""
ALL_VISIBLE = rf"^[^{IGNORABLE}{FORMAT}]*$"
"""No invisible character."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_VISIBLE = re.compile(VISIBLE)
_INVISIBLE = re.compile(f"[{IGNORABLE}{FORMAT}]")


def trimmed_to(most: int) -> str:
    """Return the pattern of 1 to `most` characters with any white space around them."""
    inner = rf"[\s\S]{{0,{most - 2}}}"
    return rf"^[{SPACE}]*[^{SPACE}]({inner}[^{SPACE}])?[{SPACE}]*$"


def clean_name(field: str, text: str, most: int) -> str:
    """Return the text without white space at both ends.

    Raises:
        ValueError: the text has a control character, is too long, or has no visible character. The
            message begins with the name of the field.
    """
    if _CONTROL.search(text):
        raise ValueError(f"{field}: must not contain control characters")
    trimmed = text.strip()
    if len(trimmed) > most or not _VISIBLE.search(trimmed):
        raise ValueError(
            f"{field}: must have 1 to {most} characters, at least one of which is visible"
        )
    return trimmed


def clean_username(text: str, most: int) -> str:
    """Return a username of up to `most` characters without white space at both ends.

    It has no invisible character, so that no two different usernames look the same because of one.

    Raises:
        ValueError: see `clean_name`, or the text has an invisible character.
    """
    trimmed = clean_name("username", text, most)
    if _INVISIBLE.search(trimmed):
        raise ValueError("username: must not contain invisible characters")
    return trimmed
