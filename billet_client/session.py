"""Requests of a client: how they are built, sent and repeated, and how their responses are read."""

import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import httpx
import msgspec

from billet_client import responses
from billet_client.calls import Page, Steps
from billet_client.errors import BilletError, InvalidResponse, NotFound, TransportError
from billet_client.retries import Attempts

T = TypeVar("T")
log = logging.getLogger(__name__)


class Session:
    """What both clients have: the URL, the headers and the limits of their requests."""

    def __init__(
        self, url: str, token: str | None, timeout: float, retries: int, total_timeout: float
    ) -> None:
        self.url = _base_url(url)
        self._headers = {"Accept": "application/json", "User-Agent": "billet-client"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {_visible('token', token)}"
        if timeout <= 0 or total_timeout <= 0 or retries < 0:
            raise ValueError(
                "timeout, total_timeout: must be above 0; retries: must not be below 0"
            )
        self._timeout = timeout
        self._retries = retries
        self._total_timeout = total_timeout

    @property
    def uses_tls(self) -> bool:
        """Whether certificates are needed; to load those of all authorities takes 30 ms."""
        return self.url.scheme == "https"

    def get(self, path: str, kind: type[T]) -> Steps[T]:
        """Return the body of a GET."""
        response = yield from self._send(self._request("GET", self._at(path), {}))
        return responses.body(response, kind)

    def get_existing(
        self,
        path: str,
        read: Callable[[httpx.Response], T | None],
        name: str,
        *,
        if_none_match: str | None,
    ) -> Steps[T]:
        """Return what `read` makes of the response to a GET, which is `null` if nothing exists.

        Raises:
            NotFound: it does not exist.
        """
        headers = _headers(if_none_match=if_none_match)
        response = yield from self._send(self._request("GET", self._at(path), headers))
        found = read(response)
        if found is None:
            raise NotFound(
                f"{name} does not exist",
                status=404,
                title="Not Found",
                request_id=response.headers.get("x-request-id"),
            )
        return found

    def page(self, path: str, kind: type[T], params: Mapping[str, Any]) -> Steps[Page[T]]:
        """Return the first page of a list. Parameters that are None are left out."""
        sent = {name: value for name, value in params.items() if value is not None}
        return (yield from self._page(self._request("GET", self._at(path), {}, sent), kind))

    def write(
        self,
        method: str,
        path: str,
        read: Callable[[httpx.Response], T],
        *,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        if_match: str | None = None,
        idempotency_key: str | None = None,
    ) -> Steps[T]:
        """Return what `read` makes of the response to a write.

        Args:
            idempotency_key: by default a random one. The write is made once with each key, however
                often it is sent.
        """
        key = str(uuid.uuid4()) if idempotency_key is None else idempotency_key
        headers = _headers(if_match=if_match, idempotency_key=_quoted(key))
        request = self._request(method, self._at(path), headers, params, body)
        try:
            return read((yield from self._send(request)))
        except BilletError as error:
            error.idempotency_key = key
            raise

    def _page(self, request: httpx.Request, kind: type[T]) -> Steps[Page[T]]:
        response = yield from self._send(request)
        items = responses.body(response, list[kind])  # type: ignore[valid-type]
        if not (link := response.links.get("next")):
            return Page(items, None)
        following = self._below(response.url, link["url"])
        return Page(items, self._page(self._request("GET", following, {}), kind))

    def _below(self, base: httpx.URL, reference: str) -> httpx.URL:
        """Return the URL of a reference, to which the token may go.

        Raises:
            InvalidResponse: it is not below the URL of the API.
        """
        try:
            url = base.join(reference)
        except httpx.InvalidURL as error:
            raise InvalidResponse(f"link: {reference!r} is not a URL: {error}") from error
        root = self.url.path.rstrip("/") + "/"
        inside = url.path.startswith(root) and ".." not in url.path.split("/")
        if url.userinfo or _origin(url) != _origin(self.url) or not inside:
            shown = url.copy_with(userinfo=b"")
            raise InvalidResponse(
                f"link: the next page is at {shown}, which is not below {self.url};"
                " use the URL under which the API knows itself (PUBLIC_URL)"
            )
        return url

    def _at(self, path: str) -> httpx.URL:
        return self.url.copy_with(path=self.url.path.rstrip("/") + path)

    def _request(
        self,
        method: str,
        url: httpx.URL,
        headers: Mapping[str, str],
        params: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> httpx.Request:
        sent = {**self._headers, **headers}
        content = None
        if body is not None:
            sent["Content-Type"] = "application/json"
            content = msgspec.json.encode(body)
        return httpx.Request(method, url, headers=sent, params=params, content=content)

    def _send(self, request: httpx.Request) -> Steps[httpx.Response]:
        """Send a request until there is a response or no more try is left."""
        attempts = Attempts(self._retries, self._total_timeout)
        while True:
            left = attempts.seconds_left
            limits = httpx.Timeout(min(self._timeout, left), pool=left)
            request.extensions["timeout"] = limits.as_dict()
            failure: httpx.Response | httpx.RequestError
            try:
                response: httpx.Response = yield request
            except httpx.RequestError as error:
                failure = error
            else:
                if response.is_success:
                    return response
                failure = response
            wait = attempts.wait_after(failure)
            if wait is None:
                raise _final(request, failure)
            reason = failure.status_code if isinstance(failure, httpx.Response) else failure
            log.info("%s %s: %s; next try in %.1f s", request.method, request.url, reason, wait)
            yield wait


def _final(request: httpx.Request, failure: httpx.Response | httpx.RequestError) -> BilletError:
    if isinstance(failure, httpx.Response):
        return responses.error(failure)
    error = TransportError(f"{request.method} {request.url}: {failure or type(failure).__name__}")
    error.__cause__ = failure
    return error


def _base_url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError) as error:
        raise ValueError(f"url: {error}") from error
    if url.userinfo or url.query or url.fragment:
        raise ValueError("url: must have no user, query or fragment")
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError(f"url: must begin with http:// or https:// and a host, not be {text!r}")
    if url.port is not None and not 0 < url.port < 2**16:
        raise ValueError(f"url: must have a port from 1 to 65535, not {url.port}")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme, 0)


def _headers(**values: str | None) -> dict[str, str]:
    """Return headers by the names of arguments, without those that are None."""
    return {
        name.replace("_", "-"): _visible(name, text)
        for name, text in values.items()
        if text is not None
    }


def _visible(name: str, text: str) -> str:
    if not text or not text.isascii() or not text.isprintable():
        raise ValueError(f"{name}: must have printable ASCII characters only, at least one")
    return text


def _quoted(key: str) -> str:
    escaped = _visible("idempotency_key", key).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
