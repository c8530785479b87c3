"""Where tokens are kept: in the keyring of the operating system, or else in the config file."""

from contextlib import suppress

import keyring
from keyring.errors import KeyringError

from billet.people.config import Config, Login, path

SERVICE = "billet"
"""The name under which the keyring shows the tokens; the server's URL is the account."""


def keep(config: Config, url: str, token: str) -> str:
    """Put a token into the keyring, or into the config if there is no keyring.

    Returns:
        Where the token is, for the user.
    """
    login = config.logins.setdefault(url, Login())
    try:
        keyring.set_password(SERVICE, url, token)
    except KeyringError:
        login.token, login.keyring = token, False
        return f"in {path()}, which only you can read"
    login.token, login.keyring = None, True
    return f"in the keyring ({keyring.get_keyring().name})"


def token_of(login: Login, url: str) -> str | None:
    """Return the token that is stored for a server."""
    if not login.keyring:
        return login.token
    try:
        return keyring.get_password(SERVICE, url)
    except KeyringError:
        return None


def forget(url: str) -> None:
    """Remove a token from the keyring."""
    with suppress(KeyringError):
        keyring.delete_password(SERVICE, url)
