"""The types of attribute values as DynamoDB sends them, and the replies that hold items.

DynamoDB sends numbers in strings, so they are decoded with `strict=False`. Values are in no
reference cycle, so the garbage collector need not know them; a page has hundreds.
"""

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")


class String(msgspec.Struct, frozen=True, gc=False):
    """{"S": "plan"}"""

    S: str


class Number(msgspec.Struct, frozen=True, gc=False):
    """{"N": "7"}"""

    N: int


class NumberSet(msgspec.Struct, frozen=True, gc=False):
    """{"NS": ["7", "8"]}"""

    NS: list[int]


class GetReply(msgspec.Struct, Generic[T]):
    """The reply to a GetItem."""

    Item: T | None = None


class UpdateReply(msgspec.Struct, Generic[T]):
    """The reply to an UpdateItem that returns attributes."""

    Attributes: T


def decoder(reply: Any, item: Any) -> "msgspec.json.Decoder[Any]":
    """Return a decoder of replies with items of this type."""
    return msgspec.json.Decoder(reply[item], strict=False)
