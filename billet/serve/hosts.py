"""The hosts that a server accepts requests for while AUTH is off.

A page of another site can send requests to this machine under a name of its own (DNS rebinding).
To the browser they are then of the same origin, and CORS does not apply. Only Host tells them
apart. With AUTH on, such a page has no token.
"""

from collections.abc import Container
from ipaddress import ip_address

from chalicelib.settings import Settings

MUST = "must be localhost, an IP address, or the name in --host or PUBLIC_URL while AUTH is off"


class LocalHosts:
    """localhost and the names below it, every IP address, and the names that are given."""

    def __init__(self, *names: str) -> None:
        self._names = {"localhost", *(name.lower() for name in names if name)}

    def __contains__(self, host: object) -> bool:
        """Whether requests for this host are accepted; an IPv6 address has brackets."""
        name = str(host).lower().removesuffix(".")
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def allowed(settings: Settings, *names: str) -> Container[str] | None:
    """The hosts that are accepted beside these names; None: every host."""
    if settings.authenticated:
        return None
    public = settings.public_url.rpartition("/")[2].partition(":")[0]
    return LocalHosts(public, *names)


def _is_address(name: str) -> bool:
    try:
        ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True
