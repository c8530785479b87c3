"""Open export files: compressed or not, or the standard streams."""

import gzip
import io
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO

import click

MAX_LINE = 1024 * 1024
"""Bytes. The largest task has a twentieth of it."""
STANDARD = "-"
Output = IO[bytes] | gzip.GzipFile
_GZIP = b"\x1f\x8b"


@contextmanager
def writing(name: str) -> Iterator[Output]:
    """Yield a file to write to. It gets its name at the end of the block, if there is no error.

    Only its owner can read it. A name that ends in .gz makes it compressed. `-` is standard output.

    Raises:
        click.ClickException: the file cannot be written.
        BrokenPipeError: nobody reads standard output any more, as after `| head -1`.
    """
    path = Path(name)
    try:
        if name == STANDARD:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        elif path.exists() and not path.is_file():  # a pipe or a device
            with path.open("wb") as file:
                yield file
        else:
            with _replacing(path) as file:
                yield file
    except OSError as error:
        if name == STANDARD and isinstance(error, BrokenPipeError):
            raise
        raise click.ClickException(f"{name}: cannot be written ({error.strerror})") from error


@contextmanager
def reading(name: str) -> Iterator[Iterator[bytes]]:
    """Yield the lines of a file, which may be compressed. `-` is standard input.

    Raises:
        click.ClickException: the file cannot be read, its compression is broken, or a line is too
            long.
    """
    try:
        with _raw(name) as raw:
            peeked = raw.peek(len(_GZIP))[: len(_GZIP)]
            yield _lines(name, gzip.GzipFile(fileobj=raw) if peeked == _GZIP else raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise click.ClickException(f"{name}: is cut off or damaged ({error})") from error
    except OSError as error:
        raise click.ClickException(f"{name}: cannot be read ({error.strerror})") from error


@contextmanager
def _replacing(path: Path) -> Iterator[Output]:
    """Yield a new file that replaces the one at the path once the block has ended well."""
    descriptor, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as raw:
            if path.suffix == ".gz":
                with _compressed(raw) as file:
                    yield file
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def _compressed(file: IO[bytes]) -> gzip.GzipFile:
    """Return a compressed file without a name and time in it, so that equal data is equal."""
    return gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6)


def _raw(name: str) -> io.BufferedReader:
    if name == STANDARD:
        return io.BufferedReader(sys.stdin.buffer)  # type: ignore[arg-type]
    return Path(name).open("rb")


def _lines(name: str, file: io.BufferedIOBase) -> Iterator[bytes]:
    lines = iter(partial(file.readline, MAX_LINE + 1), b"")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE:
            raise click.ClickException(f"{name}, line {number}: must have at most {MAX_LINE} bytes")
        yield line
