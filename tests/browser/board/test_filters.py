"""Filters: what a new task takes from them, what they hide, and which can't be combined."""

import datetime
import re

import pytest
from playwright.sync_api import Locator, expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.site import Board, only

pytestmark = pytest.mark.walk


def add(board: Board, name: str) -> None:
    board.column("Pending").get_by_role("button", name="Add a task to Pending").click()
    board.page.keyboard.type(name)
    board.press("Enter")


def filters(board: Board) -> Locator:
    board.page.get_by_role("button", name=re.compile("^Filters")).click()
    return board.page.get_by_role("region", name="Filters")


@pytest.mark.parametrize("fragment", ["#due=overdue", "#due=range&dueBefore=2020-01-01"])
def test_a_new_task_takes_no_date_of_the_past_and_is_told_to_be_hidden(
    open_board: OpenBoard, client: Client, fragment: str
) -> None:
    board = open_board(fragment=fragment)
    with board.sends("POST"):
        add(board, "now")
    expect(board.says("Added “now”. The filters hide it.")).to_be_visible()
    assert only(client).expires_at is None
    board.press("Escape", "n")
    expect(board.dialog("New task").get_by_label("Due date", exact=True)).to_have_value("")


def test_the_message_names_what_a_new_task_takes_from_the_filters(
    open_board: OpenBoard, client: Client
) -> None:
    ann = client.users.create("ann")
    board = open_board(fragment=f"#due=range&dueBefore=2030-12-24&assignee={ann.id}")
    person = filters(board).get_by_role("combobox", name="Person")
    expect(person).to_have_attribute("placeholder", "ann")  # the names of users are loaded
    add(board, "eve")
    said = board.says("Added “eve”, due Tuesday, December 24, 2030, assigned to ann")
    expect(said).to_be_visible()
    expect(board.card("eve")).to_be_visible()
    board.saved()
    assert only(client).expires_at == datetime.date(2030, 12, 24)
    board.press("Escape", "n")
    due = board.dialog("New task").get_by_label("Due date", exact=True)
    expect(due).to_have_value("2030-12-24")


def test_a_message_tells_that_the_search_or_the_filters_hide_a_task(
    open_board: OpenBoard, client: Client
) -> None:
    client.tasks.create("plan")
    board = open_board()
    board.page.get_by_role("searchbox").fill("plan")
    add(board, "other thing")
    expect(board.says("Added “other thing”. The search hides it.")).to_be_visible()
    board.press("Escape")
    board.link("plan").click()
    board.page.get_by_label("Name").fill("another")
    board.press("ControlOrMeta+Enter")
    expect(board.says("Saved “another”. The search hides it.")).to_be_visible()
    expect(board.page.get_by_role("dialog")).to_have_count(0)
    board.page.get_by_role("searchbox").fill("")
    expect(board.card("another")).to_be_visible()
    board.link("another").click()
    board.page.get_by_label("Name").fill("plan")
    board.press("ControlOrMeta+Enter")
    expect(board.says("Saved “plan”")).not_to_contain_text("hide")
    board.saved()
    assert {task.name for task in client.tasks.list()} == {"plan", "other thing"}


def urls_asked(board: Board) -> list[str]:
    """Return a list that grows with each request of the page."""
    asked: list[str] = []
    board.page.on("request", lambda request: asked.append(request.url))
    return asked


@pytest.mark.parametrize("name", ["Due", "Created"])
def test_dates_in_the_wrong_order_are_told_at_the_field_and_not_asked_for(
    open_board: OpenBoard, client: Client, name: str
) -> None:
    client.tasks.create("plan")
    board = open_board()
    asked = urls_asked(board)
    panel = filters(board)
    if name == "Due":
        panel.get_by_label("Due", exact=True).select_option("Between…")
    panel.get_by_label(f"{name} from").fill("2026-11-25")
    panel.get_by_label(f"{name} to").fill("2026-11-20")
    expect(panel.get_by_role("alert")).to_have_text("The second date is before the first.")
    expect(panel.get_by_label(f"{name} to")).to_have_attribute("aria-invalid", "true")
    expect(board.page.get_by_text("No task matches.")).to_have_count(0)
    expect(board.says("No tasks are shown, because the filters are wrong.")).to_be_visible()
    board.page.reload()
    expect(board.says("The second date is before the first.")).to_be_visible()
    board.page.get_by_role("button", name="Clear the filters").click()
    expect(board.card("plan")).to_be_visible()
    assert not [url for url in asked if "after=2026-11-25" in url and "before=2026-11-20" in url]
    assert board.visit.complaints == []


def test_a_year_of_two_digits_is_told_at_the_filter_and_not_asked_for(
    open_board: OpenBoard, client: Client
) -> None:
    client.tasks.create("plan")
    board = open_board()
    asked = urls_asked(board)
    panel = filters(board)
    panel.get_by_label("Created from").fill("0026-11-25")
    panel.get_by_label("Created to").focus()
    expect(panel.get_by_role("alert")).to_have_text("The year needs four digits.")
    expect(board.card("plan")).to_be_visible()
    with board.sends("GET"):
        panel.get_by_role("button", name="Clear all").click()
    expect(panel.get_by_role("alert")).to_have_count(0)
    expect(panel.get_by_label("Created from")).to_have_value("")
    assert not [url for url in asked if "created_after" in url]


def test_the_buttons_of_statuses_show_that_only_open_tasks_are_overdue(
    open_board: OpenBoard, client: Client
) -> None:
    client.tasks.create("late", expires_at="2020-01-01")
    board = open_board(fragment="#statuses=PENDING,DONE")
    panel = filters(board)
    panel.get_by_label("Due", exact=True).select_option("Overdue")
    status = panel.get_by_role("group", name="Status")
    for name, pressed in (("Pending", "true"), ("In progress", "false"), ("Done", "false")):
        button = status.get_by_role("button", name=name, exact=True)
        expect(button).to_have_attribute("aria-pressed", pressed)
    for name in ("Done", "Cancelled"):
        expect(status.get_by_role("button", name=name, exact=True)).to_be_disabled()
    expect(board.page).to_have_url(re.compile("statuses=PENDING&|statuses=PENDING$"))
    status.get_by_role("button", name="In progress", exact=True).click()
    expect(board.column("In progress")).to_be_visible()
    expect(board.card("late")).to_be_visible()
    expect(board.page).to_have_url(re.compile("#due=overdue$"))
    assert board.visit.complaints == []


@pytest.mark.parametrize(
    ("fragment", "text"),
    [
        ("#due=today&createdAfter=2026-01-01", "Choose dates of creation or due dates, not both."),
        ("#due=overdue&statuses=DONE", "Only open tasks can be overdue."),
    ],
)
def test_filters_that_exclude_each_other_are_told_once(
    open_board: OpenBoard, client: Client, fragment: str, text: str
) -> None:
    client.tasks.create("plan")
    board = open_board(load=False)
    page = board.page
    page.goto(f"{board.url}/{fragment}")
    for view in ("board", "list"):
        page.get_by_title(f"Show the {view} (v)").click()
        expect(page.get_by_text(text)).to_have_count(1)
        expect(page.get_by_text("No task matches.")).to_have_count(0)
    filters(board)
    expect(page.get_by_text(text)).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_text(text)
    page.get_by_role("button", name="Clear all").click()
    expect(board.link("plan")).to_be_visible()
    assert board.visit.complaints == []
