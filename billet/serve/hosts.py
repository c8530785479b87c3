"""The values of Host that the server accepts while AUTH is off.

A web page of another site can send requests to this machine under a host name of its own (DNS
rebinding). The browser takes them for requests of the same origin, so CORS does not apply. Only the
header Host tells them apart. With AUTH on, such a page has no token.
"""

from collections.abc import Container
from ipaddress import ip_address

from chalicelib.settings import Settings

RULE = "must be localhost, an IP address, or the name in --host or PUBLIC_URL while AUTH is off"


class LocalHosts:
    """localhost and its subdomains, all IP addresses, and the given names."""

    def __init__(self, *names: str) -> None:
        self._names = {"localhost", *(name.lower() for name in names if name)}

    def __contains__(self, host: object) -> bool:
        """Return whether a host is accepted. An IPv6 address has brackets."""
        name = str(host).lower().removesuffix(".")
        return name in self._names or name.endswith(".localhost") or _is_address(name)


def allowed(settings: Settings, *names: str) -> Container[str] | None:
    """Return the accepted hosts, `names` included, or None if every host is accepted."""
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
