"""The documentation page in a real browser."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, expect

from tests.browser.conftest import Visit
from tests.support.servers import Served

pytestmark = pytest.mark.walk

ACCEPTED = {"heading-order", "nested-interactive", "region"}
"""The findings of axe-core in Swagger UI itself; see docs/decisions/0054."""
STILL = "Promise.allSettled(document.getAnimations().map((one) => one.finished))"
"""Waits for the end of transitions, which have other colours."""


def create_task(visit: Visit) -> Locator:
    return visit.page.locator("#operations-tasks-createTask")


def execute(operation: Locator, *, status: str) -> str:
    """Press Execute, wait for the response, and return its body."""
    with operation.page.expect_response(lambda reply: reply.request.method == "POST") as received:
        operation.locator(".execute").click()
    shown = operation.locator(".live-responses-table .response-col_status").last
    expect(shown).to_contain_text(status)
    body: str = received.value.text()
    return body


def create_and_see(operation: Locator) -> str:
    """Create a task, wait until the page shows the response, and return its message."""
    [message] = re.findall(r"task \d+ created", execute(operation, status="201"))
    expect(operation.locator(".live-responses-table")).to_contain_text(message)
    return str(message)


@pytest.fixture(scope="module")
def open_api(served_once: Callable[..., Served]) -> Served:
    return served_once("--db", "memory")


@pytest.mark.parametrize(
    ("visit", "path"),
    [(1280, "/docs"), (390, "/docs/"), (1280, "/prod/docs/"), (390, "/prod/docs")],
    indirect=["visit"],
)
def test_an_open_operation_stays_open_after_a_reload(
    visit: Visit, open_api: Served, behind_stage: Callable[[str], str], path: str
) -> None:
    root = open_api.url
    if path.startswith("/prod"):
        root, path = behind_stage(root), path.removeprefix("/prod")
    page, operation = visit.page, create_task(visit)
    page.goto(root + path)
    operation.locator(".opblock-summary-control").click()
    address = root + path + "#/tasks/createTask"
    expect(page).to_have_url(address)
    page.reload()
    operation.locator(".try-out__btn").click()
    expect(page).to_have_url(address)
    first, second = (create_and_see(operation) for _ in range(2))
    assert first != second
    assert not [post for post in visit.posts if "idempotency-key" in post]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert visit.complaints == []
    assert visit.hosts == {root.split("/")[2]}


@pytest.mark.parametrize("visit", [1280, 390], indirect=True)
def test_axe_finds_only_the_listed_issues_of_swagger_ui(visit: Visit, open_api: Served) -> None:
    visit.page.goto(open_api.url + "/docs#/tasks/createTask")
    create_task(visit).locator(".try-out__btn").click()
    expect(create_task(visit).get_by_label("Request body")).to_be_visible()
    visit.page.evaluate(STILL)
    found = Axe().run(visit.page).response["violations"]
    nodes = {one["id"]: [node["html"] for node in one["nodes"]] for one in found}
    assert nodes.keys() == ACCEPTED, nodes


@pytest.mark.parametrize("visit", [390], indirect=True)
def test_a_reader_can_authorize_and_send_a_request(
    visit: Visit, guarded_api: tuple[Served, str]
) -> None:
    served, secret = guarded_api
    page, operation = visit.page, create_task(visit)
    page.goto(served.url + "/docs#/tasks/createTask")
    operation.locator(".try-out__btn").click()
    execute(operation, status="401")
    page.locator(".btn.authorize").click()
    page.locator(".modal-ux input").fill(secret)
    page.locator(".modal-ux .btn.authorize").click()
    page.locator(".modal-ux .btn-done").click()
    create_and_see(operation)
    assert [text for text in visit.complaints if "401" not in text] == []  # Chromium logs each 401
    assert visit.posts[-1]["authorization"] == f"Bearer {secret}"
    page.reload()  # clears the token
    operation.locator(".try-out__btn").click()
    with page.expect_request(lambda request: request.method == "POST") as sent:
        operation.locator(".execute").click()
    assert "authorization" not in sent.value.headers
