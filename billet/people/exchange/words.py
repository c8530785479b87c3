"""Compare words of files without regard to case, white space and signs around them."""

import re
import unicodedata

_GAPS = re.compile(r"[\s_\-]+")


def plain(text: str) -> str:
    """Return the form that words have in common: "Due_Date:" and "due date" have the same."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _GAPS.sub(" ", folded).strip(" :*?.")
