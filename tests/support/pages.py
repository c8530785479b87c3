"""Follow the pages of a list."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from tests.conftest import Api

LINK = re.compile(r'</v1/[a-z0-9/]+(\?cursor=[A-Za-z0-9_-]+&page_size=\d+)>; rel="next"')
Item = dict[str, Any]


def pages(api: Api, path: str, query: str) -> Iterator[list[Item]]:
    """Follow the Link headers and yield every page."""
    while True:
        response = api("GET", path + query)
        assert response.status_code == 200, response.body
        yield response.json_body
        if "Link" not in response.headers:
            return
        link = LINK.fullmatch(response.headers["Link"])
        assert link, response.headers["Link"]
        query = link[1]


def concatenated(found: Iterable[list[Item]]) -> list[Item]:
    return list(chain.from_iterable(found))


def ids(items: Sequence[Item]) -> list[int]:
    return [item["id"] for item in items]
