"""The client as a package: what it imports, and that its models are those of the API."""

import inspect
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import assert_type

import httpx
import pytest

import billet_client
from billet.openapi import client_models, document, schemas
from billet_client import ApiError, Assign, AsyncClient, Change, Client, Task, User
from chalicelib.http.endpoints import Endpoint
from chalicelib.http.routes import ENDPOINTS

OTHERS = {"app", "asyncio", "billet", "boto3", "botocore", "chalice", "chalicelib", "pynamodb"}


def test_importing_the_client_imports_nothing_of_the_server_nor_asyncio() -> None:
    code = "import sys, billet_client; billet_client.Client(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=240, check=True
    )
    assert OTHERS & set(done.stdout.split()) == set()


def test_the_committed_models_match_the_description_of_the_api() -> None:
    hint = "bring them up to date with `python -m billet openapi --write`"
    assert client_models.FILE.read_text() == client_models.text(document.build()), hint


def test_the_package_exports_what_it_names_and_its_models() -> None:
    assert sorted(billet_client.__all__) == billet_client.__all__
    assert all(hasattr(billet_client, name) for name in billet_client.__all__)
    assert {*client_models.BODIES} <= {*billet_client.__all__}


CALLS: list[Callable[[Client], object]] = [
    lambda billet: billet.health(),
    lambda billet: next(billet.tasks.list()),
    lambda billet: billet.tasks.get(7),
    lambda billet: billet.tasks.create("plan"),
    lambda billet: billet.tasks.update(7),
    lambda billet: billet.tasks.replace(7, name="plan", desc="", status="DONE"),
    lambda billet: billet.tasks.delete(7),
    lambda billet: billet.tasks.assign(7, 8),
    lambda billet: billet.tasks.unassign(7, 8),
    lambda billet: billet.tasks.batch([Assign(7, 8)]),
    lambda billet: next(billet.tasks.list(user=8)),
    lambda billet: next(billet.users.list()),
    lambda billet: billet.users.get(8),
    lambda billet: billet.users.create("ann"),
    lambda billet: billet.users.rename(8, "anna"),
    lambda billet: billet.users.delete(8),
    lambda billet: billet.users.create_feed(8),
    lambda billet: billet.users.revoke_feed(8),
]
WITHOUT_CALL = {"GET /v1/openapi.json", "GET /v1/users/{user_id}/tasks.ics"}


def test_there_is_a_call_for_each_endpoint() -> None:
    called = set()

    def respond(request: httpx.Request) -> httpx.Response:
        path = request.url.path.replace("/7", "/{task_id}").replace("/8", "/{user_id}")
        called.add(f"{request.method} {path}")
        return httpx.Response(500)

    with Client(transport=httpx.MockTransport(respond)) as billet:
        for call in CALLS:
            with pytest.raises(ApiError):
                call(billet)
    assert len(called) == len(CALLS)
    paths = {f"{one.method} {one.path}" for one in ENDPOINTS if one.path.startswith("/v1/")}
    assert paths - called == WITHOUT_CALL


@pytest.mark.parametrize(
    ("path", "listed"), [("/v1/tasks", Client().tasks.list), ("/v1/users", Client().users.list)]
)
def test_a_list_takes_each_filter_of_the_api(path: str, listed: Callable[..., object]) -> None:
    query = endpoint("GET", path).parameters["query"]
    arguments = set(inspect.signature(listed).parameters)
    assert set(schemas.of_query(query)) - {"cursor", "offset"} <= arguments


async def types_that_mypy_checks(billet: Client, other: AsyncClient) -> None:
    assert_type(billet.tasks.get(1), Task)
    assert_type(await other.tasks.get(1), Task)
    assert_type(billet.tasks.list(status="DONE"), Iterator[Task])
    assert_type(other.users.list(), AsyncIterator[User])
    assert_type(billet.tasks.assign(1, 2), Change)
    billet.tasks.create("plan", prioritiy="HIGH")  # type: ignore[call-arg]
    billet.tasks.update(1, status="FINISHED")  # type: ignore[arg-type]


def endpoint(method: str, path: str) -> Endpoint:
    return next(one for one in ENDPOINTS if (one.method, one.path) == (method, path))
