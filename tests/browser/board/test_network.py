"""The board among others and on a bad network: conflicts, lost replies, no connection, tokens."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Dialog, Route, expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.site import Board, only
from tests.support.servers import Served

pytestmark = pytest.mark.walk

CONFLICT = "Someone else changed this task"
ME = 'localStorage.setItem("billet.preferences", \'{"me": {"id": 1, "username": "reader"}}\')'
WRITES = {"POST", "PATCH", "PUT", "DELETE"}


@pytest.mark.parametrize(("choice", "status"), [("Yours", "IN_PROGRESS"), ("Theirs", "DONE")])
def test_of_two_browsers_the_slower_one_chooses_and_nothing_is_lost(
    open_board: OpenBoard, client: Client, choice: str, status: str
) -> None:
    client.tasks.create("plan")
    first, second = open_board(), open_board()
    second.link("plan").click()
    form = second.page.get_by_role("dialog")
    form.get_by_label("Status").select_option("DONE")
    form.get_by_label("Description").fill("of the second")
    second.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)

    first.card("plan").drag_to(first.column("In progress"))
    conflict = first.dialog(CONFLICT)
    expect(conflict).to_contain_text("Nothing was overwritten.")
    assert only(client).status == "DONE"
    expect(conflict).to_contain_text("of the second")
    expect(conflict.get_by_role("radio", name="Yours")).to_be_checked()
    conflict.get_by_role("radio", name=choice).check()
    conflict.get_by_role("button", name="Save my choice").click()
    expect(conflict).to_have_count(0)
    first.saved()
    task = only(client)
    assert (task.status, task.desc) == (status, "of the second")


def test_changes_of_different_fields_are_merged_and_only_the_same_field_is_asked_about(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    client.tasks.update(task.id, desc="of another")
    board.press("ArrowDown", "Shift+ArrowRight")
    expect(board.says("Moved “plan” to In progress. Someone else")).to_be_visible()
    board.saved()
    assert (only(client).status, only(client).desc) == ("IN_PROGRESS", "of another")

    board.link("plan").click()
    form = board.dialog(f"Task {task.id}")
    form.get_by_label("Name").fill("my name")
    form.get_by_label("Description").fill("my text")
    client.tasks.update(task.id, name="their name", status="DONE")
    board.press("ControlOrMeta+Enter")
    conflict = board.dialog(CONFLICT)
    expect(conflict.get_by_role("group")).to_have_count(1)
    expect(conflict.get_by_role("group", name="Name")).to_be_visible()
    expect(conflict).to_contain_text("is saved with your choice: description.")
    conflict.get_by_role("radio", name="Theirs").check()
    conflict.get_by_role("button", name="Save my choice").click()
    board.saved()
    now = only(client)
    assert (now.name, now.desc, now.status) == ("their name", "my text", "DONE")


def test_after_a_merge_the_message_has_the_name_that_others_gave(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    client.tasks.update(task.id, name="their $& name")
    board.press("ArrowDown", "Shift+ArrowRight")
    expect(board.says("Moved “their $& name” to In progress. Someone else")).to_be_visible()
    board.saved()
    client.tasks.update(task.id, name="again", status="CANCELLED")
    board.press("Shift+ArrowRight")
    board.dialog(CONFLICT).get_by_role("button", name="Save my choice").click()
    expect(board.says("Moved “again” to Done")).to_be_visible()
    board.saved()
    assert (only(client).name, only(client).status) == ("again", "DONE")


def test_an_undo_that_meets_a_conflict_does_not_claim_success(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    with board.sends("PATCH"):
        board.press("ArrowDown", "Shift+ArrowRight")
    board.saved()
    client.tasks.update(task.id, status="CANCELLED")
    board.press("z")
    expect(board.dialog(CONFLICT)).to_be_visible()
    board.press("Escape")
    expect(board.says("1 change needs your decision.")).to_be_visible()
    expect(board.says("Undone")).to_have_count(0)
    assert only(client).status == "CANCELLED"


def test_an_undo_of_a_change_on_its_way_that_meets_a_conflict_leaves_what_others_did(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    client.tasks.update(task.id, status="CANCELLED")
    held: list[Route] = []

    def hold_the_first(route: Route) -> None:
        if route.request.method != "PATCH" or held:
            route.continue_()
        else:
            held.append(route)

    board.page.route("**/v1/tasks/*", hold_the_first)
    with board.page.expect_request(lambda request: request.method == "PATCH"):
        board.press("ArrowDown", "Shift+ArrowRight")
    board.press("z")
    expect(board.says("Undone: Moved “plan” to In progress")).to_be_visible()
    with board.sends("PATCH"):
        held[0].continue_()
    expect(board.card("plan", "Cancelled")).to_be_visible()
    board.saved()
    expect(board.page.get_by_role("dialog")).to_have_count(0)
    assert (only(client).status, only(client).etag) == ("CANCELLED", '"2"')


def test_an_undo_that_is_merged_offers_no_undo_of_the_change_before(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    with board.sends("PATCH"):
        board.press("ArrowDown", "Shift+ArrowRight")
    board.saved()
    client.tasks.update(task.id, desc="of another")
    board.press("z")
    message = board.says("Undone: Moved “plan” to In progress. Someone else")
    expect(message).to_be_visible()
    expect(message.get_by_role("button", name="Undo")).to_have_count(0)
    board.saved()
    assert (only(client).status, only(client).desc) == ("PENDING", "of another")


def test_a_change_of_several_that_meets_a_conflict_does_not_claim_success(
    open_board: OpenBoard, client: Client
) -> None:
    first, second = client.tasks.create("first"), client.tasks.create("second")
    board = open_board()
    for task in (first, second):
        board.link(task.name).focus()
        board.press("x")
    client.tasks.update(first.id, status="CANCELLED")
    selection = board.page.get_by_role("region", name="Selected tasks")
    selection.get_by_role("button", name="Done").click()
    expect(board.dialog(CONFLICT)).to_be_visible()
    expect(board.says("Moved to Done")).to_have_count(0)
    board.saved()
    assert client.tasks.get(first.id).status == "CANCELLED"


@pytest.mark.parametrize(
    ("status", "banner"),
    [
        (403, "Not saved: not allowed. 1 change is kept."),
        (503, "The server can't save now: not allowed. 1 change is kept."),
    ],
)
def test_a_detail_without_a_full_stop_gets_one_before_the_next_sentence(
    open_board: OpenBoard, client: Client, status: int, banner: str
) -> None:
    client.tasks.create("plan")
    board = open_board()
    board.answer(
        "PATCH",
        status=status,
        headers={"Content-Type": "application/problem+json", "Retry-After": "1"},
        body='{"detail": "not allowed"}',
    )
    board.press("ArrowDown", "Shift+ArrowRight")
    expect(board.says(banner)).to_be_visible()
    assert only(client).status == "PENDING"


def test_keep_theirs_saves_what_only_the_reader_has_changed(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    board.link("plan").click()
    form = board.dialog(f"Task {task.id}")
    form.get_by_label("Name").fill("my name")
    form.get_by_label("Description").fill("my text")
    client.tasks.update(task.id, name="their name")
    board.press("ControlOrMeta+Enter")
    conflict = board.dialog(CONFLICT)
    expect(conflict).to_contain_text("Only you changed, so it is saved with your choice: descr")
    conflict.get_by_role("button", name="Keep theirs").click()
    expect(board.says("Saved “their name”")).to_be_visible()
    board.saved()
    assert (only(client).name, only(client).desc) == ("their name", "my text")
    board.press("z")
    board.saved()
    assert (only(client).name, only(client).desc) == ("their name", "")


def test_a_conflict_can_be_decided_later_and_survives_a_reload(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    client.tasks.update(task.id, status="CANCELLED")
    board.press("ArrowDown", "Shift+ArrowRight")
    board.dialog(CONFLICT).get_by_role("button", name="Close").click()
    board.page.reload()
    board.settle()
    board.press("Escape")
    board.page.get_by_role("button", name="Decide").click()
    board.dialog(CONFLICT).get_by_role("button", name="Keep theirs").click()
    expect(board.page.get_by_role("button", name="Decide")).to_have_count(0)
    expect(board.card("plan", "Cancelled")).to_be_visible()
    assert only(client).status == "CANCELLED"


def test_a_change_of_a_deleted_task_can_create_it_again(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan", desc="kept")
    board = open_board()
    client.tasks.delete(task.id)
    board.press("ArrowDown", "Shift+ArrowRight")
    board.dialog("This task was deleted").get_by_role("button", name="Create it again").click()
    board.saved()
    expect(board.card("plan", "In progress")).to_be_visible()
    again = only(client)
    assert (again.status, again.desc) == ("IN_PROGRESS", "kept")


class LosesReplies:
    """Passes the first request of each method on to the server, and loses the reply."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []
        self._lost: set[str] = set()

    def __call__(self, route: Route) -> None:
        method = route.request.method
        if method in WRITES:
            self.keys.append(route.request.header_value("idempotency-key"))
        if method not in WRITES or method in self._lost:
            route.continue_()
            return
        self._lost.add(method)
        assert route.fetch().ok
        route.abort()


def test_a_change_whose_reply_is_lost_is_made_once(open_board: OpenBoard, client: Client) -> None:
    board, network = open_board(), LosesReplies()
    board.page.route("**/v1/**", network)
    board.press("n")
    board.page.keyboard.type("once")
    board.press("Enter")
    board.saved()
    expect(board.card("once", "Pending")).to_be_visible()
    assert only(client).etag == '"1"'
    board.press("Shift+ArrowRight")
    board.saved()
    assert (only(client).status, only(client).etag) == ("IN_PROGRESS", '"2"')
    created, again, moved, again_moved = network.keys
    assert created == again != moved == again_moved
    expect(board.page.get_by_role("dialog")).to_have_count(0)


def test_changes_without_a_connection_are_sent_when_it_is_back(
    open_board: OpenBoard, client: Client
) -> None:
    client.tasks.create("plan")
    board = open_board(still=False)
    board.keep_messages()
    context = board.page.context
    context.set_offline(True)
    expect(board.says("No connection")).to_be_visible()
    board.press("ArrowDown", "Shift+ArrowRight", "Shift+ArrowRight")
    expect(board.card("plan", "Done")).to_be_visible()
    board.press("n")
    board.page.keyboard.type("new")
    board.press("Enter")
    expect(board.card("new", "Pending")).to_be_visible()
    expect(board.says("3 changes are kept")).to_be_visible()
    expect(board.says("Kept, not sent yet: “new”")).to_be_visible()
    assert [task.status for task in client.tasks.list()] == ["PENDING"]
    context.set_offline(False)
    board.saved()
    expect(board.says("No connection")).to_have_count(0)
    expect(board.says("All changes are sent.")).to_be_visible()
    found = {task.name: task.status for task in client.tasks.list()}
    assert found == {"plan": "DONE", "new": "PENDING"}


NO_WRITES = """{
const send = window.fetch;
window.fetch = (url, options) =>
  localStorage.offline && options?.method && options.method !== "GET"
    ? Promise.reject(new TypeError("no connection"))
    : send(url, options);
}"""
"""Lets no write reach the network while `localStorage.offline` is set, also during a reload."""


def test_changes_that_wait_survive_a_reload(open_board: OpenBoard, client: Client) -> None:
    client.tasks.create("plan")
    board = open_board(still=False)
    page = board.page
    page.on("dialog", lambda dialog: dialog.accept())  # the browser asks before it leaves
    page.evaluate(NO_WRITES)
    page.add_init_script(NO_WRITES)
    page.evaluate("localStorage.offline = 'yes'")
    board.press("ArrowDown", "Shift+ArrowRight")
    expect(board.card("plan", "In progress")).to_contain_text(re.compile("Waiting|Saving"))
    page.reload()
    board.settle()
    expect(board.card("plan", "In progress")).to_be_visible()
    assert only(client).status == "PENDING"
    page.evaluate("delete localStorage.offline")
    board.saved()
    assert only(client).status == "IN_PROGRESS"


def test_a_token_is_asked_for_only_by_a_server_that_needs_one_and_kept_in_the_tab(
    open_board: OpenBoard, guarded_api: tuple[Served, str]
) -> None:
    served, secret = guarded_api
    with Client(served.url, secret) as client:
        client.tasks.create("guarded")
    board = open_board(served.url, load=False)
    page = board.page
    page.goto(served.url)
    dialog = board.dialog("Sign in")
    dialog.get_by_label("Token").fill("blt_wrong")
    board.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("does not accept this token")
    dialog.get_by_label("Token").fill(secret)
    board.press("Enter")
    expect(board.card("guarded")).to_be_visible()
    expect(dialog).to_have_count(0)
    stored = "[JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie]"
    session, local, cookies = page.evaluate(stored)
    assert secret in session
    assert secret not in local
    assert cookies == ""
    assert page.context.cookies() == []
    page.reload()
    expect(board.card("guarded")).to_be_visible()
    assert secret not in page.url
    page.get_by_role("button", name="Sign out").click()
    expect(board.dialog("Sign in")).to_be_visible()
    assert secret not in page.evaluate("JSON.stringify(sessionStorage)")
    refused = [text for text in board.visit.complaints if "401" not in text]
    assert refused == []  # Chromium logs each 401


def test_a_role_that_does_not_suffice_is_named(
    open_board: OpenBoard, guarded_api: tuple[Served, str]
) -> None:
    served, secret = guarded_api  # of an editor, who can't create users
    board = open_board(served.url, load=False)
    signed_in(board, secret)
    board.press("n")
    form = board.dialog("New task")
    form.get_by_label("Name").fill("plan")
    form.get_by_role("combobox", name="Assignees").fill("nobody@example.com")
    board.page.get_by_role("option", name="Add “nobody@example.com”").click()
    board.press("ControlOrMeta+Enter")
    expect(form.get_by_role("alert")).to_have_text(
        "This needs the role admin. Your token has the role editor."
    )
    expect(form.get_by_label("Name")).to_have_value("plan")
    form.get_by_role("combobox", name="Assignees").fill("somebody")
    expect(form.get_by_text("No user is named “somebody”.")).to_be_visible()
    with Client(served.url, secret) as client:
        assert list(client.users.list()) == []


def signed_in(board: Board, secret: str) -> None:
    board.page.goto(board.url)
    board.dialog("Sign in").get_by_label("Token").fill(secret)
    board.press("Enter")
    board.settle()


def test_changes_that_a_token_may_not_make_are_kept_for_another_one(
    open_board: OpenBoard, guarded_roles: tuple[Served, Callable[[str], str]]
) -> None:
    served, token_of = guarded_roles
    editor = token_of("editor")
    with Client(served.url, editor) as client:
        task = client.tasks.create("kept for later")
        board = open_board(served.url, load=False)
        page = board.page
        signed_in(board, token_of("reader"))
        board.link("kept for later").focus()
        board.press("Shift+ArrowRight")
        expect(board.says("Not saved: This needs the role editor.")).to_be_visible()
        expect(board.says("1 change is kept.")).to_be_visible()
        expect(board.says("Moved")).to_have_count(0)
        expect(board.card("kept for later", "In progress")).to_contain_text("Waiting")

        board.link("kept for later").click()
        form = board.dialog(f"Task {task.id}")
        form.get_by_label("Description").fill("a draft")
        board.press("Escape")
        asked: list[str] = []

        def accept(dialog: Dialog) -> None:
            asked.append(dialog.message)
            dialog.accept()

        page.on("dialog", accept)
        page.get_by_role("button", name="Use another token").click()
        board.dialog("Sign in").get_by_label("Token").fill(editor)
        board.press("Enter")
        expect(board.says("Not saved")).to_have_count(0)
        board.saved()
        assert client.tasks.get(task.id).status == "IN_PROGRESS"

        page.evaluate(ME)
        page.reload()
        page.get_by_role("button", name="You are reader; change").hover()
        page.get_by_role("button", name="Sign out").click()
        assert asked == ["Sign out and lose 1 draft?"]
        board.dialog("Sign in").get_by_label("Token").fill(token_of("reader"))
        board.press("Enter")
        board.link("kept for later").click()  # the next person does not get the draft
        expect(form.get_by_label("Description")).to_have_value("")
        expect(page.get_by_title("Choose who you are (i)")).to_have_count(1)
        form.get_by_label("Description").fill("a draft")
        form.get_by_role("button", name="Save").click()
        expect(form.get_by_role("alert")).to_contain_text("Not saved: This needs the role editor.")
        form.get_by_role("button", name="Use another token").click()
        board.dialog("Sign in").get_by_label("Token").fill(editor)
        board.press("Enter")
        form.get_by_role("button", name="Save").click()
        expect(form).to_have_count(0)
        assert client.tasks.get(task.id).desc == "a draft"


def test_a_401_after_no_connection_is_a_connection(
    open_board: OpenBoard, guarded_api: tuple[Served, str]
) -> None:
    served, secret = guarded_api
    board = open_board(served.url, load=False)
    signed_in(board, secret)
    board.page.context.set_offline(True)
    expect(board.says("No connection")).to_be_visible()
    board.page.evaluate("sessionStorage.setItem('billet.token', 'blt_revoked')")
    board.page.context.set_offline(False)
    expect(board.dialog("Sign in")).to_be_visible()
    expect(board.page.get_by_text("No connection")).to_have_count(0)
    assert board.dialog("Sign in").is_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_it_works_behind_a_stage(
    open_board: OpenBoard,
    client: Client,
    site: Served,
    behind_stage: Callable[[str], str],
    width: int,
) -> None:
    url = behind_stage(site.url)
    board = open_board(url, width=width)
    board.press("n")
    board.page.keyboard.type("staged")
    board.press("Enter")
    board.saved()
    expect(board.card("staged")).to_be_visible()
    board.press("m", "2")
    board.saved()
    assert only(client).status == "IN_PROGRESS"
    assert board.visit.complaints == []
    assert board.visit.hosts == {url.split("/")[2]}
