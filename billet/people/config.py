"""The file with what `billet login` stores: the server, who one is there, and the token."""

import contextlib
import os
from pathlib import Path

import click
import msgspec
import platformdirs


class Login(msgspec.Struct, omit_defaults=True):
    """What is stored for one server."""

    user: int | None = None
    """The id of the user who logged in."""
    token: str | None = None
    keyring: bool = False
    """The token is in the keyring of the operating system."""


class Config(msgspec.Struct, omit_defaults=True):
    """The content of the file."""

    url: str | None = None
    """The server of the last login."""
    logins: dict[str, Login] = msgspec.field(default_factory=dict)
    """A token belongs to one server and is sent to no other."""


def path() -> Path:
    """Return the path of the file, in the platform's folder for configuration."""
    return platformdirs.user_config_path("billet", appauthor=False) / "config.json"


def load() -> Config:
    """Return what is stored.

    Raises:
        click.ClickException: the file can't be read.
    """
    try:
        return msgspec.json.decode(path().read_bytes(), type=Config)
    except FileNotFoundError:
        return Config()
    except (OSError, msgspec.DecodeError) as error:
        raise click.ClickException(
            f"{path()} cannot be read ({error}); delete it, then run `billet login`"
        ) from error


def store(config: Config) -> None:
    """Replace the file. Only its owner may read it.

    Raises:
        click.ClickException: the file can't be written.
    """
    temporary = path().with_suffix(f".{os.getpid()}")
    try:
        path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(config)) + b"\n")
        temporary.replace(path())
    except OSError as error:
        raise click.ClickException(f"{path()} cannot be written ({error})") from error
