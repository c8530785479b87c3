"""What a view gives."""

from collections.abc import Mapping
from typing import Generic, TypeVar

import msgspec

B = TypeVar("B")


class ApiResponse(msgspec.Struct, Generic[B], frozen=True):
    """The body, to be written as JSON (a msgspec.Raw as it is), and headers beside Content-Type."""

    body: B | msgspec.Raw
    headers: Mapping[str, str] = {}
    status: int | None = None
    """Where it is another than the endpoint's."""
