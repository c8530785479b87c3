"""The life of a task on the board, by mouse and by keyboard."""

import re

import pytest
from playwright.sync_api import expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.site import only
from tests.support.servers import ROOT, Served

pytestmark = pytest.mark.walk

NO_STORAGE = """
for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, { get() { throw new DOMException("", "SecurityError"); } });
}
"""
NO_ROOM = """
Storage.prototype.setItem = () => { throw new DOMException("", "QuotaExceededError"); };
"""


def test_a_task_is_added_moved_edited_and_deleted_by_mouse(
    open_board: OpenBoard, client: Client, site: Served
) -> None:
    board = open_board(still=False)
    page = board.page
    page.get_by_role("button", name="New task").click()
    form = board.dialog("New task")
    form.get_by_label("Name").fill("Write the report")
    form.get_by_label("Due date", exact=True).fill("2030-12-24")
    form.get_by_label("Description").fill("Two pages")
    form.get_by_role("button", name="Create task").click()
    expect(form).to_have_count(0)
    expect(board.card("Write the report", "Pending")).to_be_visible()
    task = only(client)
    assert (task.status, str(task.expires_at), task.desc) == ("PENDING", "2030-12-24", "Two pages")

    board.card("Write the report").drag_to(board.column("In progress"))
    expect(board.card("Write the report", "In progress")).to_be_visible()
    board.saved()
    assert only(client).status == "IN_PROGRESS"

    board.link("Write the report").click()
    form = board.dialog(f"Task {task.id}")
    form.get_by_label("Name").fill("Write two reports")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    assert only(client).name == "Write two reports"

    card = board.card("Write two reports", "In progress")
    card.hover()
    card.get_by_role("button", name=re.compile("^Move ")).click()
    page.get_by_role("menuitemradio", name="Done").click()
    expect(board.card("Write two reports", "Done")).to_be_visible()
    board.saved()
    assert only(client).status == "DONE"

    board.link("Write two reports").click()
    with board.sends("DELETE"):  # after the time to undo it
        board.dialog(f"Task {task.id}").get_by_role("button", name="Delete").click()
        expect(board.card("Write two reports")).to_have_count(0)
    assert list(client.tasks.list()) == []
    assert board.visit.complaints == []
    assert board.visit.hosts == {site.url.partition("//")[2]}


def test_a_task_is_added_moved_edited_and_deleted_by_keyboard(
    open_board: OpenBoard, client: Client
) -> None:
    board = open_board(still=False)
    board.press("n")
    form = board.dialog("New task")
    expect(form.get_by_label("Name")).to_be_focused()
    board.page.keyboard.type("Call Ann")
    board.press("Enter")
    expect(form).to_have_count(0)
    expect(board.link("Call Ann")).to_be_focused()

    board.press("Shift+ArrowRight")
    expect(board.card("Call Ann", "In progress")).to_be_visible()
    expect(board.link("Call Ann")).to_be_focused()
    board.press("m", "3")
    expect(board.card("Call Ann", "Done")).to_be_visible()
    board.saved()
    assert only(client).status == "DONE"

    expect(board.link("Call Ann")).to_be_focused()
    board.press("Enter")
    form = board.dialog(f"Task {only(client).id}")
    name = form.get_by_label("Name")
    name.focus()
    board.press("ControlOrMeta+a")
    board.page.keyboard.type("Call Bob")
    board.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)
    expect(board.link("Call Bob")).to_be_focused()
    assert only(client).name == "Call Bob"

    with board.sends("DELETE"):
        board.press("Delete")
        expect(board.card("Call Bob")).to_have_count(0)
    assert list(client.tasks.list()) == []
    assert board.visit.complaints == []


def test_arrows_go_from_card_to_card_and_tab_leaves_them(
    open_board: OpenBoard, client: Client
) -> None:
    for name, status, day in (("a", "PENDING", 1), ("b", "PENDING", 2), ("c", "DONE", 1)):
        client.tasks.create(name, status=status, expires_at=f"2030-01-0{day}")  # type: ignore[arg-type]
    board = open_board()
    for key, name in (
        ("ArrowDown", "a"),
        ("ArrowDown", "b"),
        ("ArrowRight", "c"),
        ("ArrowLeft", "a"),
        ("End", "b"),
        ("Home", "a"),
    ):
        board.press(key)
        expect(board.link(name)).to_be_focused()
    board.press("Tab", "Tab")
    assert not board.page.evaluate("document.activeElement.closest('[data-status=PENDING] .cards')")


def test_changes_are_undone_one_after_the_other(open_board: OpenBoard, client: Client) -> None:
    task = client.tasks.create("plan")
    board = open_board()
    board.press("ArrowDown", "Shift+ArrowRight")
    board.saved()
    board.press("Shift+ArrowRight")
    board.saved()
    assert only(client).status == "DONE"
    for status in ("IN_PROGRESS", "PENDING"):
        board.press("z")
        board.saved()
        assert only(client).status == status
    for keys in (("Shift+ArrowRight", "Shift+ArrowRight"), ("z", "z")):  # at once
        board.press(*keys)
    expect(board.card("plan", "Pending")).to_be_visible()
    board.saved()
    assert only(client).status == "PENDING"
    expect(board.link("plan")).to_be_focused()
    board.press("Delete")
    expect(board.card("plan")).to_have_count(0)
    board.says("Deleted “plan”").get_by_role("button", name="Undo").click()
    expect(board.card("plan", "Pending")).to_be_visible()
    board.saved()
    assert only(client).id == task.id
    board.press("z")  # the first change of all was not this page's
    expect(board.says("There is nothing to undo.")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_a_button_that_stays_undoes_each_change(
    open_board: OpenBoard, client: Client, width: int
) -> None:
    task = client.tasks.create("plan")
    board = open_board(width=width)
    undo = board.page.get_by_role("banner").get_by_role("button", name=re.compile("^Undo"))
    expect(undo).to_have_accessible_name("Undo: there is nothing to undo")
    expect(undo).to_be_disabled()
    board.link("plan").click()
    board.page.get_by_label("Name").fill("the plan")
    board.press("ControlOrMeta+Enter")
    expect(undo).to_have_accessible_name("Undo: the change of “the plan”")
    board.link("the plan").click()
    board.dialog(f"Task {task.id}").get_by_role("button", name="Delete").click()
    board.says("Deleted “the plan”").get_by_role("button", name="Dismiss").click()
    expect(undo).to_have_accessible_name("Undo: Deleted “the plan”")
    undo.click()
    expect(board.says("Undone: Deleted “the plan”")).to_be_visible()
    expect(board.card("the plan")).to_be_visible()
    undo.click()
    expect(board.says("Undone: the change of “the plan”")).to_be_visible()
    expect(board.card("plan")).to_be_visible()
    expect(undo).to_be_disabled()
    board.saved()
    assert (only(client).id, only(client).name) == (task.id, "plan")


def test_a_year_of_two_digits_or_half_a_date_is_refused_at_the_field(
    open_board: OpenBoard, client: Client
) -> None:
    task = client.tasks.create("plan", expires_at="0026-12-24")
    board = open_board()
    board.link("plan").click()
    form = board.dialog(f"Task {task.id}")
    form.get_by_label("Description").fill("a date of another program stays")
    board.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)
    board.press("n")
    form = board.dialog("New task")
    board.page.keyboard.type("dated")
    due = form.get_by_label("Due date", exact=True)
    for day, message in (
        ("0026-12-24", "The year needs four digits."),
        ("1812-12-24", "The year must be 1900 or later."),
    ):
        due.fill(day)
        board.press("ControlOrMeta+Enter")
        expect(form.get_by_role("alert")).to_have_text(message)
        expect(due).to_be_focused()
    due.fill("")
    due.press_sequentially("12")
    board.press("ControlOrMeta+Enter")
    text = "This date is not complete or does not exist."
    expect(form.get_by_role("alert")).to_have_text(text)
    assert only(client).name == "plan"
    due.fill("2030-12-24")
    board.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)


def test_all_errors_are_shown_at_once_and_each_goes_when_its_field_is_changed(
    open_board: OpenBoard, client: Client
) -> None:
    board = open_board()
    board.press("n")
    form = board.dialog("New task")
    form.get_by_label("Due date", exact=True).fill("0026-12-24")
    form.get_by_role("combobox", name="Assignees").fill("nobody")
    form.get_by_label("Description").fill("a" * 10_001)
    form.get_by_role("button", name="Create task").click()
    texts = [
        "Give the task a name.",
        "The year needs four digits.",
        "Choose a person, or clear the field.",
        "At most 10,000 characters.",
    ]
    expect(form.get_by_role("alert")).to_have_text(texts)
    expect(form.get_by_label("Name")).to_be_focused()
    form.get_by_label("Name").fill("plan")
    form.get_by_label("Due date", exact=True).fill("2030-12-24")
    expect(form.get_by_role("alert")).to_have_text(texts[2:])
    form.get_by_role("combobox", name="Assignees").fill("")
    form.get_by_label("Description").fill("short")
    expect(form.get_by_role("alert")).to_have_count(0)
    board.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)
    board.saved()
    assert only(client).desc == "short"


def test_the_help_has_the_keys_of_the_documentation(open_board: OpenBoard, client: Client) -> None:
    board = open_board()
    board.press("?")
    shown = board.dialog("Keyboard shortcuts").get_by_role("rowheader").all_text_contents()
    page = (ROOT / "docs" / "board.md").read_text("utf-8")
    rows = page.split("| key | what it does |\n|---|---|\n")[1].split("\n\n")[0]
    keys = [row.split("|")[1].strip().replace("`", "") for row in rows.splitlines()]
    assert set(", ".join(shown).lower().split(", ")) == set(", ".join(keys).lower().split(", "))
    assert list(client.tasks.list()) == []


def test_an_error_is_shown_at_its_field_and_the_text_is_kept(
    open_board: OpenBoard, client: Client
) -> None:
    board = open_board()
    board.press("n")
    form = board.dialog("New task")
    name = form.get_by_label("Name")
    for text, message in (
        ("", "Give the task a name."),
        ("a" * 201, "At most 200 characters."),
        ("\u200b\u2060", "at least one of which is visible"),  # only the API knows
    ):
        name.fill(text)
        form.get_by_label("Description").fill("what I typed")
        board.press("ControlOrMeta+Enter")
        expect(form.get_by_role("alert")).to_contain_text(message)
        expect(name).to_have_attribute("aria-invalid", "true")
        expect(name).to_have_value(text)
        expect(form.get_by_label("Description")).to_have_value("what I typed")
    assert list(client.tasks.list()) == []
    name.fill("right")
    board.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)
    assert only(client).desc == "what I typed"


def test_what_was_typed_is_kept_as_a_draft(open_board: OpenBoard, client: Client) -> None:
    client.tasks.create("plan")
    board = open_board()
    start = board.page.url
    board.link("plan").click()
    board.page.get_by_label("Description").fill("a long text")
    board.press("Escape")
    expect(board.says("Your changes are kept as a draft.")).to_be_visible()
    expect(board.page).to_have_url(start)  # the browser has gone back
    board.open()
    board.link("plan").click()
    expect(board.page.get_by_label("Description")).to_have_value("a long text")
    board.page.get_by_role("button", name="Discard the draft").click()
    expect(board.page.get_by_label("Description")).to_have_value("")
    assert only(client).desc == ""


def test_a_person_is_assigned_by_typing_a_name(open_board: OpenBoard, client: Client) -> None:
    ann = client.users.create("ann@example.com")
    client.users.create("bob@example.com")
    client.tasks.create("plan")
    board = open_board()
    board.link("plan").click()
    people = board.page.get_by_role("combobox", name="Assignees")
    people.fill("an")
    expect(board.page.get_by_role("option", name="ann@example.com")).to_be_visible()
    board.press("Enter", "ControlOrMeta+Enter")
    expect(board.page.get_by_role("dialog")).to_have_count(0)
    assert only(client).assignees == (ann.id,)
    board.press("i")
    board.dialog("Who are you?").get_by_role("combobox").fill("bob")
    board.press("Enter")
    expect(board.card("plan")).to_have_count(0)
    expect(board.page.get_by_text("No task matches.").first).to_be_visible()
    board.press("i")
    expect(board.card("plan")).to_be_visible()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_list_shows_the_filtered_tasks_and_keeps_them_in_its_address(
    open_board: OpenBoard, client: Client, width: int
) -> None:
    client.tasks.create("late", expires_at="2020-01-01")
    client.tasks.create("done", status="DONE", expires_at="2020-01-01")
    client.tasks.create("later", expires_at="2999-01-01")
    board = open_board(width=width)
    page = board.page
    links = page.get_by_role("main").get_by_role("link")
    page.get_by_title("Show the list (v)").click()
    board.settle()
    expect(links).to_have_count(3)
    page.get_by_role("button", name="Filters").click()
    page.get_by_label("Due", exact=True).select_option("Overdue")
    expect(links).to_have_count(1)
    expect(board.link("late")).to_be_visible()
    expect(page).to_have_url(re.compile("#due=overdue$"))
    page.reload()
    board.settle()
    expect(links).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert board.visit.complaints == []


@pytest.mark.parametrize("blocked", [NO_STORAGE, NO_ROOM], ids=["blocked", "full"])
def test_a_browser_without_storage_shows_and_changes_tasks(
    open_board: OpenBoard, client: Client, blocked: str
) -> None:
    client.users.create("ann")
    task = client.tasks.create("Write the report")
    board = open_board(load=False)
    board.page.add_init_script(blocked)
    board.open()
    board.card("Write the report", "Pending").drag_to(board.column("In progress"))
    expect(board.card("Write the report", "In progress")).to_be_visible()
    board.saved()
    assert only(client).status == "IN_PROGRESS"
    board.link("Write the report").click()
    form = board.dialog(f"Task {task.id}")
    form.get_by_label("Name").fill("A draft")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    assert only(client).name == "A draft"
    assert board.visit.complaints == []


def test_the_search_finds_assignees_and_says_once_that_nothing_matches(
    open_board: OpenBoard, client: Client
) -> None:
    bob = client.users.create("bob@example.com")
    client.tasks.create("plan", assignees=[bob.id])
    client.tasks.create("other", status="DONE")
    board = open_board()
    page = board.page
    search = page.get_by_role("searchbox")
    search.fill("bob")
    expect(board.card("plan")).to_be_visible()
    expect(board.card("other")).to_have_count(0)
    search.fill("xyz")
    expect(page.get_by_text("No task matches.")).to_have_count(1)
    page.get_by_role("button", name="Clear the search").click()
    expect(board.card("other")).to_be_visible()

    page.get_by_role("button", name="Filters").click()
    panel = page.get_by_role("region", name="Filters")
    panel.get_by_role("button", name="Open", exact=True).click()
    expect(board.column("Done")).to_have_count(0)
    expect(board.card("plan")).to_be_visible()
    panel.get_by_label("Assigned to").select_option("Nobody")
    expect(panel.get_by_label("Order")).to_be_disabled()
    expect(panel.get_by_text("Set by the Assigned to filter")).to_be_visible()
    order = panel.get_by_label("Order").bounding_box()
    clear = panel.get_by_role("button", name="Clear all").bounding_box()
    assert order
    assert clear
    assert abs(order["y"] - clear["y"]) < 30  # pixels: one line
    panel.get_by_label("Assigned to").select_option("Someone…")
    expect(panel.get_by_role("combobox", name="Person")).to_be_focused()


def test_keys_that_follow_a_click_on_plus_are_text(open_board: OpenBoard, client: Client) -> None:
    board = open_board()
    plus = board.column("Pending").get_by_role("button", name="Add a task to Pending")
    focused = plus.evaluate(
        "(one) => Promise.resolve(one.click()).then(() => document.activeElement.tagName)"
    )
    assert focused == "INPUT"
    assert list(client.tasks.list()) == []
