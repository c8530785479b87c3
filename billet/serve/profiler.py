"""`billet serve --profile`: where all processes of the server spend their CPU time, by py-spy."""

import ctypes
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

FORMATS = {".svg": "flamegraph", ".json": "speedscope", ".txt": "raw"}
"""The format of the profile by the suffix of its file. https://www.speedscope.app shows JSON."""
SAMPLES_PER_SECOND = 100
STOP_SECONDS = 30
_PR_SET_PTRACER = 0x59616D61
_PR_SET_PTRACER_ANY = ctypes.c_ulong(-1)


@contextmanager
def profiling(file: Path) -> Iterator[None]:
    """Sample this process and its workers within the block, and write the profile at its end.

    Raises:
        click.ClickException: py-spy is missing, or the file can't be written.
    """
    allow()
    with subprocess.Popen(  # noqa: S603
        _command(file),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C in a terminal must not end it before the workers
    ) as process:
        try:
            yield
        finally:
            click.echo(_stop(process, file))


def allow() -> None:
    """Let py-spy read the memory of this process, which Linux allows only parents by default.

    https://www.kernel.org/doc/html/latest/admin-guide/LSM/Yama.html
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _PR_SET_PTRACER_ANY, 0, 0, 0)


def _command(file: Path) -> list[str]:
    here = Path(sys.executable).with_name("py-spy")
    program = str(here) if here.exists() else shutil.which("py-spy")
    if program is None:
        raise click.ClickException("--profile needs py-spy: pip install py-spy")
    try:
        file.touch()
    except OSError as error:
        raise click.ClickException(f"--profile: {file}: {error.strerror}") from error
    # If py-spy stopped the processes for each sample, a worker that ends then would not end.
    options = ["--nonblocking", "--subprocesses", "--rate", str(SAMPLES_PER_SECOND)]
    options += ["--pid", str(os.getpid())]
    return [program, "record", *options, "--format", FORMATS[file.suffix], "--output", str(file)]


def _stop(process: "subprocess.Popen[str]", file: Path) -> str:
    """Stop py-spy, and return what became of the profile."""
    process.send_signal(signal.SIGINT)
    try:
        _, errors = process.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        errors = f"py-spy did not end within {STOP_SECONDS} s"
    if file.stat().st_size:
        return f"Profile: {file}"
    file.unlink()
    reasons = [line for line in errors.splitlines() if line.startswith("Error")]
    return f"No profile: {(reasons or errors.splitlines() or ['py-spy gave no reason'])[-1]}"
