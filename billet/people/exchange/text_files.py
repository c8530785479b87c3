"""Read a file of limited size and find out its encoding."""

import codecs
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from billet.people.exchange.source import MAX_BYTES, FileError

STANDARD = "-"
MAX_LINE = 1024 * 1024
"""Characters."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How files of Excel begin: .xlsx and .xls."""
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Bytes that are in no text: all but tabs, ends of lines and pages, and ESC (ISO-2022-JP)."""
_LEGACY = "cp1252"
"""What Excel on Windows writes as CSV in Western Europe and America."""


def read(name: str) -> bytes:
    """Return the content of a file; `-` is standard input.

    Raises:
        FileError: the file can't be read, is empty, too large, or no text.
    """
    try:
        if name == STANDARD:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileError(f"{name}: cannot be read ({error.strerror})") from error
    if len(data) > MAX_BYTES:
        raise FileError(f"{name}: must have at most {MAX_BYTES // 1024**2} MiB; split the file")
    if data.startswith(_WORKBOOKS):
        raise FileError(f"{name}: is a workbook of Excel; save it as CSV UTF-8 and import that")
    return data


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """Return the text and the name of its encoding.

    Without `encoding`, it is what a byte order mark says, else UTF-16 if most of every second byte
    are zero, else UTF-8, else Windows-1252.

    Raises:
        FileError: the file has another encoding, or a NUL character.
    """
    encoding = encoding or _encoding_of(data)
    try:
        text = data.decode(encoding)
    except UnicodeError:
        if _CONTROLS.search(data):
            raise FileError("the file is no text file") from None
        raise FileError(
            f"the file is not {_label(encoding)}; --encoding must name its encoding,"
            " such as cp1250, cp1251 or shift_jis"
        ) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise FileError(f"line {line}: must be text, and has a NUL character")
    if "\n" not in text:
        text = text.replace("\r", "\n")  # as old Macs end lines
    return text.removeprefix("\ufeff"), _label(encoding)


def lines(text: str) -> Iterator[str]:
    """Yield the lines with their ends, without a copy of the whole text.

    Raises:
        FileError: a line is too long.
    """
    start, number = 0, 1
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        if end - start > MAX_LINE:
            raise FileError(f"line {number}: must have at most {MAX_LINE} characters")
        yield text[start:end]
        start, number = end, number + 1


def _encoding_of(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    for encoding, high in (("utf-16-le", data[1:200:2]), ("utf-16-be", data[0:200:2])):
        if len(data) % 2 == 0 and high.count(0) > len(high) / 2:
            return encoding
    try:
        data.decode()
    except UnicodeDecodeError:
        return _LEGACY
    return "utf-8"


def _label(encoding: str) -> str:
    names = {"utf-8-sig": "UTF-8", _LEGACY: "Windows-1252"}
    return names.get(encoding, encoding.upper())
