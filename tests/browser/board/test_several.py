"""Several tasks of the board are changed together."""

import re

import pytest
from playwright.sync_api import expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard

pytestmark = pytest.mark.walk


def statuses(client: Client) -> dict[str, str]:
    return {task.name: task.status for task in client.tasks.list()}


def test_selected_tasks_are_moved_assigned_and_undone_together(
    open_board: OpenBoard, client: Client
) -> None:
    ann, bob = client.users.create("ann"), client.users.create("bob")
    for name in ("a", "b", "c"):
        client.tasks.create(name)
    board = open_board()
    page = board.page
    page.get_by_role("button", name="List", exact=True).click()
    for name in ("a", "b"):
        page.get_by_role("checkbox", name=f"Select “{name}”", exact=True).check()
    selection = page.get_by_role("region", name="Selected tasks")
    selection.get_by_role("button", name="Done").click()
    expect(selection).to_have_count(0)
    board.saved()
    assert statuses(client) == {"a": "DONE", "b": "DONE", "c": "PENDING"}
    board.press("z")
    board.saved()
    assert set(statuses(client).values()) == {"PENDING"}

    board.press("v")
    for name in ("a", "b"):
        board.link(name).focus()
        board.press("x")
    people = selection.get_by_role("combobox", name="Assign the selected tasks to")
    people.fill("ann, nobody")
    selection.get_by_role("button", name="Assign", exact=True).click()
    expect(selection.get_by_role("alert")).to_have_text("Choose a person, or clear the field.")
    people.fill("")
    people.press_sequentially("bob, ")
    expect(selection.get_by_text("bob")).to_be_visible()
    people.press("Enter")
    board.saved()
    found = {task.name: set(task.assignees) for task in client.tasks.list()}
    assert found == {"a": {ann.id, bob.id}, "b": {ann.id, bob.id}, "c": set()}
    expect(selection.get_by_text("2 selected")).to_be_visible()  # for the next change
    assert len(list(client.users.list())) == 2


def test_many_are_selected_at_once_and_what_leaves_the_view_leaves_the_selection(
    open_board: OpenBoard, client: Client
) -> None:
    for day, name in enumerate("uvwxyz", start=1):
        client.tasks.create(f"plan {name}", expires_at=f"2030-01-0{day}")
    board = open_board()
    page = board.page
    page.get_by_role("button", name="List", exact=True).click()
    selection = page.get_by_role("region", name="Selected tasks")
    page.get_by_role("checkbox", name="Select all tasks").check()
    expect(selection.get_by_text("6 selected")).to_be_visible()
    page.get_by_role("checkbox", name="Select all tasks").uncheck()
    expect(selection).to_have_count(0)
    page.get_by_role("checkbox", name="Select “plan v”").click()
    page.get_by_role("checkbox", name="Select “plan y”").click(modifiers=["Shift"])
    expect(selection.get_by_text("4 selected")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Select all tasks")).not_to_be_checked()

    page.get_by_role("searchbox").fill("plan y")
    expect(selection.get_by_text("1 selected")).to_be_visible()
    page.get_by_role("searchbox").fill("")
    expect(selection.get_by_text("1 selected")).to_be_visible()

    page.get_by_role("checkbox", name="Select “plan x”").check()
    selection.get_by_role("button", name="Delete").click()
    asks = board.dialog("Delete 2 tasks?")
    expect(asks.get_by_role("listitem")).to_have_text(["plan y", "plan x"])
    board.press("Enter")  # keeps them
    expect(asks).to_have_count(0)
    expect(board.link("plan x")).to_be_visible()
    selection.get_by_role("button", name="Delete").click()
    asks.get_by_role("button", name="Delete 2 tasks").click()
    expect(board.link("plan x")).to_have_count(0)
    board.press("z")
    expect(board.link("plan x")).to_be_visible()
    assert board.visit.complaints == []


def test_the_messages_count_the_tasks_that_were_changed_and_undo_takes_back_all(
    open_board: OpenBoard, client: Client
) -> None:
    for number in range(53):  # more than the steps that can be undone
        client.tasks.create(f"plan {number}", status="DONE" if number < 2 else "PENDING")
    board = open_board()
    page = board.page
    page.get_by_role("button", name="List", exact=True).click()
    board.settle()
    page.locator(".scroller").evaluate("list => list.scrollTop = list.scrollHeight")
    expect(page.get_by_role("checkbox", name=re.compile("^Select “"))).to_have_count(53)
    page.get_by_role("checkbox", name="Select all tasks").check()
    selection = page.get_by_role("region", name="Selected tasks")
    selection.get_by_role("button", name="Done").click()
    expect(board.says("Moved to Done: 51 tasks")).to_be_visible()
    board.press("z")
    expect(board.says("Undone: 51 changes")).to_be_visible()
    board.saved()
    assert sorted(statuses(client).values()) == ["DONE"] * 2 + ["PENDING"] * 51

    page.get_by_role("checkbox", name="Select “plan 0”").check()
    selection.get_by_role("button", name="Done").click()
    expect(board.says("There is nothing to change.")).to_be_visible()
