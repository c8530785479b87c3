"""The history of the browser: Back closes a form, and the address says what is shown."""

import re

import pytest
from playwright.sync_api import expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard

pytestmark = pytest.mark.walk

REOPEN = """async ([first, second]) => {
  document.getElementById(first).click();
  await null;  // it is rendered
  document.querySelector("dialog [aria-label=Close]").click();
  await null;
  document.getElementById(second).click();
}"""
"""Opens a task, closes it, and opens another one before the browser can go back."""
IN_FRONT = "() => !history.state?.form"
"""Whether the browser is at the entry before that of a form."""


@pytest.mark.parametrize("by", ["click", "bookmark", "new"])
def test_back_closes_a_form_and_keeps_the_draft(
    open_board: OpenBoard, client: Client, by: str
) -> None:
    task = client.tasks.create("plan", expires_at="2030-01-01")
    board = open_board(
        fragment=f"#due=range&dueAfter=2030-01-01{'&task=' * (by == 'bookmark')}"
        f"{task.id if by == 'bookmark' else ''}"
    )
    page = board.page
    if by == "click":
        board.link("plan").click()
    elif by == "new":
        board.press("n")
    form = page.get_by_role("dialog")
    form.get_by_label("Description").fill("a long text")
    page.go_back()
    expect(form).to_have_count(0)
    expect(board.says("kept as a draft")).to_be_visible()
    expect(board.card("plan")).to_be_visible()
    expect(page).to_have_url(re.compile("#due=range&dueAfter=2030-01-01$"))
    if by == "new":
        board.press("n")
    else:
        page.go_forward()
    expect(form.get_by_label("Description")).to_have_value("a long text")
    assert board.visit.complaints == []


def test_a_form_that_is_closed_leaves_no_entry_in_the_history(
    open_board: OpenBoard, client: Client
) -> None:
    first, second = client.tasks.create("first"), client.tasks.create("second")
    board = open_board()
    page = board.page
    start = page.url
    page.get_by_role("searchbox").fill("s")
    for task in (first, second):
        board.link(task.name).click()
        expect(board.dialog(f"Task {task.id}")).to_be_visible()
        expect(page).to_have_url(f"{start}#task={task.id}")
        board.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page).to_have_url(start)
    expect(page.get_by_role("searchbox")).to_have_value("s")
    page.evaluate(REOPEN, [f"task-{first.id}", f"task-{second.id}"])
    expect(board.dialog(f"Task {second.id}")).to_be_visible()
    expect(page).to_have_url(f"{start}#task={second.id}")
    board.press("Escape")
    expect(page).to_have_url(start)
    page.wait_for_function(IN_FRONT)
    page.go_back()
    expect(page).to_have_url("about:blank")
    assert [client.tasks.get(task.id) for task in (first, second)] == [first, second]


def test_an_address_that_changes_while_a_form_is_open_shows_what_it_says(
    open_board: OpenBoard, client: Client
) -> None:
    late = client.tasks.create("late", expires_at="2020-01-01")
    later = client.tasks.create("later", expires_at="2999-01-01")
    board = open_board()
    page = board.page
    board.link("later").click()
    expect(board.dialog(f"Task {later.id}")).to_be_visible()
    page.evaluate("location.hash = 'due=overdue'")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(board.card("later")).to_have_count(0)
    expect(board.card("late")).to_be_visible()
    page.evaluate(f"location.hash = 'task={late.id}'")
    expect(board.dialog(f"Task {late.id}")).to_be_visible()
    page.evaluate(f"location.hash = 'task={later.id}'")
    expect(board.dialog(f"Task {later.id}")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(1)
    page.reload()
    expect(board.dialog(f"Task {later.id}")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(board.card("later")).to_be_visible()
    assert board.visit.complaints == []
