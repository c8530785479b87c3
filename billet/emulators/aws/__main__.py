"""The program of the emulated AWS."""

import os
import signal
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

import click

from billet.extras import python
from billet.package.target import Target

REGION = "eu-west-1"
PORT = 4566
OWN_VARIABLES = {
    "AWS_ACCESS_KEY_ID": "emulated",
    "AWS_SECRET_ACCESS_KEY": "emulated",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_EC2_METADATA_DISABLED": "true",
}
FOREIGN_VARIABLES = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN")


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True)
def main(port: int) -> None:
    """Run an emulated AWS at 127.0.0.1 until Ctrl-C. Its data is lost when it stops."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    os.environ.update(OWN_VARIABLES)
    for name in list(os.environ):
        if name in FOREIGN_VARIABLES or name.startswith("AWS_ENDPOINT_URL_"):
            del os.environ[name]
    from billet.emulators.aws.server import Server

    try:
        server = Server(port)
    except OSError as error:
        raise click.ClickException(f"--port: {port} is in use: {error.strerror}") from error
    with server:
        click.echo("\n".join(_instructions(server.url, server.log)))
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            click.echo("Stopping")


def _instructions(url: str, log: Path) -> Iterable[str]:
    """Yield the lines that can be pasted into another terminal."""
    yield f"# Emulated AWS at {url}; Ctrl-C stops it. Paste into another terminal:"
    yield f"export AWS_ENDPOINT_URL={url}"
    yield f"export AWS_DEFAULT_REGION={REGION}"
    yield "export AWS_ACCESS_KEY_ID=emulated AWS_SECRET_ACCESS_KEY=emulated"
    yield "unset AWS_PROFILE AWS_REGION AWS_SESSION_TOKEN AWS_ENDPOINT_URL_DYNAMODB"
    yield f"# The functions log to {log}"
    yield "# Then, for example, with a package that this machine can run:"
    yield f"# {python()} -m billet deploy --stage dev {_target()}"


def _target() -> str:
    target = Target.of_this_machine()
    return f"--runtime {target.runtime} --architecture {target.architecture}"


def _stop(number: int, frame: FrameType | None) -> Any:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(prog_name="python -m billet.emulators.aws")
