"""Names in both directions of writing, and long ones."""

import pytest
from playwright.sync_api import Locator, expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.site import only

pytestmark = pytest.mark.walk

TASK = "לקנות חלב (3)"
PERSON = "דנה (2)"


def is_from_right_to_left(text: Locator) -> None:
    expect(text).to_have_css("direction", "rtl")


def test_names_from_right_to_left_are_written_so_wherever_they_are(
    open_board: OpenBoard, client: Client
) -> None:
    user = client.users.create(PERSON)
    task = client.tasks.create(TASK, desc=TASK, assignees=[user.id])
    board = open_board()
    page = board.page
    is_from_right_to_left(board.link(TASK))
    board.press("ArrowDown", "x")
    selection = page.get_by_role("region", name="Selected tasks")
    people = selection.get_by_role("combobox", name="Assign the selected tasks to")
    people.fill("דנה")
    is_from_right_to_left(people)
    board.press("Escape")
    selection.get_by_role("button", name="Done").click()
    is_from_right_to_left(page.locator(".toast bdi", has_text=TASK))
    expect(board.says(f"Moved to Done: “{TASK}”")).to_have_css("direction", "ltr")
    board.saved()

    board.link(TASK).click()
    form = board.dialog(f"Task {task.id}")
    for label in ("Name", "Description"):
        is_from_right_to_left(form.get_by_label(label))
    is_from_right_to_left(form.locator(".person bdi", has_text=PERSON))
    form.get_by_label("Name").fill(f"{TASK}.")
    client.tasks.update(task.id, name=f"{TASK}!")
    board.press("ControlOrMeta+Enter")
    conflict = board.dialog("Someone else changed this task")
    for text in (f"{TASK}!", f"{TASK}."):
        is_from_right_to_left(conflict.get_by_role("radio").locator("..").get_by_text(text))
    conflict.get_by_role("button", name="Keep theirs").click()
    page.get_by_role("button", name="List", exact=True).click()
    is_from_right_to_left(board.link(f"{TASK}!"))
    assert only(client).name == f"{TASK}!"


def test_an_added_user_and_a_new_task_are_named_from_right_to_left(
    open_board: OpenBoard, client: Client
) -> None:
    board = open_board()
    board.page.get_by_role("button", name="Add a task to Pending").click()
    name = board.page.get_by_label("Name of the new task in Pending")
    name.fill(TASK)
    is_from_right_to_left(name)
    name.fill("")
    name.press("Escape")
    board.press("n")
    form = board.dialog("New task")
    form.get_by_label("Name").fill(TASK)
    form.get_by_role("combobox", name="Assignees").fill(PERSON)
    option = form.get_by_role("option", name=f"Add “{PERSON}” as a new user")
    is_from_right_to_left(option.locator("bdi"))
    option.click()
    with board.sends("POST"):
        board.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)
    is_from_right_to_left(board.page.locator(".toast bdi", has_text=PERSON))
    board.saved()
    assert only(client).name == TASK


def test_a_new_user_with_a_long_name_keeps_its_chip_and_the_error_names_it(
    open_board: OpenBoard, client: Client
) -> None:
    board = open_board()
    board.press("n")
    form = board.dialog("New task")
    form.get_by_label("Name").fill("plan")
    name = "x" * 300
    form.get_by_role("combobox", name="Assignees").fill(name)
    form.get_by_role("option", name="as a new user").click()
    chip = form.get_by_role("list", name="Chosen people").get_by_role("listitem")
    line = chip.get_by_text("new user")
    sizes = [part.bounding_box() for part in (chip, chip.get_by_text(name), line)]
    outer, inner, hint = (size for size in sizes if size)
    assert hint["height"] < inner["height"] / 2
    assert outer["y"] + 3 < inner["y"]
    assert inner["x"] + inner["width"] <= hint["x"]
    board.press("ControlOrMeta+Enter")
    expect(form.get_by_role("alert")).to_contain_text(f"“{'x' * 40}…”: must ")
    assert list(client.tasks.list()) == []
