"""Replies that are not the API's: sign-in pages of networks, error pages of proxies, cut ones."""

from typing import Any

import pytest
from playwright.sync_api import APIResponse, Route, expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.site import only

pytestmark = pytest.mark.walk

FOREIGN = "The server's answer is not from Billet Tasks."
PAGE: dict[str, Any] = {"content_type": "text/html", "body": "<h1>Sign in to the network</h1>"}
REPLIES: dict[str, dict[str, Any]] = {
    "page": {"status": 200, **PAGE},
    "truncated": {"status": 201, "content_type": "application/json", "body": '{"payload": {"id"'},
    "other JSON": {"status": 200, "content_type": "application/json", "body": '{"login": 1}'},
    "not found": {"status": 404, **PAGE},
    "forbidden": {"status": 403, **PAGE},
    "unauthorized": {"status": 401, **PAGE},
    "bad gateway": {"status": 502, **PAGE},
    "redirect": {"status": 302, "headers": {"Location": "https://sign-in.invalid/"}},
}
replies = pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)


class Replaces:
    """Passes requests with a method on to the server, and replaces the first response."""

    def __init__(self, method: str, reply: dict[str, Any]) -> None:
        self.method = method
        self.reply = reply
        self.passed: list[APIResponse] = []
        self.keys: list[str | None] = []

    def __call__(self, route: Route) -> None:
        if route.request.method != self.method:
            route.fallback()
            return
        self.keys.append(route.request.header_value("idempotency-key"))
        if self.passed:
            route.continue_()
            return
        self.passed.append(route.fetch())
        route.fulfill(**self.reply)


@replies
def test_a_change_whose_reply_is_not_the_apis_is_made_once(
    open_board: OpenBoard, client: Client, reply: dict[str, Any]
) -> None:
    board = open_board()
    creates, changes = Replaces("POST", reply), Replaces("PATCH", reply)
    board.page.route("**/v1/tasks*", creates)
    board.page.route("**/v1/tasks/*", changes)
    board.press("n")
    board.page.keyboard.type("once")
    board.press("Enter")
    expect(board.dialog("New task")).to_have_count(0)
    board.saved()
    expect(board.card("once", "Pending")).to_be_visible()
    assert only(client).etag == '"1"'
    board.link("once").focus()
    board.press("Shift+ArrowRight")
    board.saved()
    expect(board.says("Not saved")).to_have_count(0)
    expect(board.page.get_by_role("dialog")).to_have_count(0)
    assert (only(client).status, only(client).etag) == ("IN_PROGRESS", '"2"')
    for requests in (creates, changes):
        first, again = requests.keys
        assert first == again


@pytest.mark.parametrize("status", [200, 404])
def test_a_page_in_place_of_the_reply_to_a_delete_is_no_success(
    open_board: OpenBoard, client: Client, status: int
) -> None:
    client.tasks.create("plan")
    board = open_board(still=False)
    seen: list[str] = []

    def refuse_the_first(route: Route) -> None:
        if route.request.method != "DELETE" or seen:
            route.continue_()
            return
        seen.append(route.request.url)
        route.fulfill(status=status, **PAGE)

    board.page.route("**/v1/tasks/*", refuse_the_first)
    with board.page.expect_response(
        lambda response: (
            response.request.method == "DELETE" and "json" in response.headers["content-type"]
        )
    ):
        board.press("ArrowDown", "Delete")
    assert list(client.tasks.list()) == []


@replies
def test_lists_say_that_the_answer_is_not_the_apis(
    open_board: OpenBoard, client: Client, reply: dict[str, Any]
) -> None:
    client.tasks.create("plan")
    board = open_board(load=False)
    page = board.page
    page.route("**/v1/**", lambda route: route.fulfill(**reply))
    page.goto(f"{board.url}/")
    column = board.column("Pending")
    text = "The server answered 502." if reply["status"] == 502 else FOREIGN
    expect(column.get_by_role("alert")).to_contain_text(text)
    page.unroute_all()
    column.get_by_role("button", name="Try again").click()
    expect(board.card("plan")).to_be_visible()
    expect(board.says(FOREIGN)).to_have_count(0)
    assert page.get_by_role("dialog").count() == 0


def test_a_page_in_place_of_a_task_does_not_say_that_it_is_deleted(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    board.link("plan").click()
    board.page.route("**/v1/**", lambda route: route.fulfill(status=200, **PAGE))
    board.page.evaluate("dispatchEvent(new Event('online'))")
    expect(board.page.locator(".banner")).to_contain_text(FOREIGN)
    expect(board.dialog(f"Task {task.id}").get_by_label("Name")).to_have_value("plan")
    assert only(client).name == "plan"


def test_a_change_that_never_gets_an_answer_of_the_api_can_be_discarded(
    open_board: OpenBoard, client: Client
) -> None:
    client.tasks.create("plan")
    board = open_board()
    board.answer("PATCH", status=403, **PAGE)
    board.press("ArrowDown", "Shift+ArrowRight")
    expect(board.says(FOREIGN)).to_be_visible()
    board.page.get_by_role("button", name="Discard").click()
    expect(board.card("plan", "Pending")).to_be_visible()
    assert only(client).status == "PENDING"


def test_a_new_user_whose_reply_is_not_the_apis_is_created_once(
    open_board: OpenBoard, client: Client
) -> None:
    board = open_board()
    creates = Replaces("POST", REPLIES["page"])
    board.page.route("**/v1/users", creates)
    board.press("n")
    form = board.dialog("New task")
    form.get_by_label("Name").fill("plan")
    form.get_by_role("combobox", name="Assignees").fill("dora")
    board.page.get_by_role("option", name="Add “dora”").click()
    board.press("ControlOrMeta+Enter")
    expect(form.get_by_role("alert")).to_contain_text(FOREIGN)
    board.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)
    board.saved()
    [user] = client.users.list()
    assert list(only(client).assignees) == [user.id]
    first, again = creates.keys
    assert first == again
