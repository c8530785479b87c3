"""People are chosen by their names, and created only on purpose."""

import pytest
from playwright.sync_api import Locator, Route, expect

from billet_client import Client
from tests.browser.board.conftest import OpenBoard
from tests.browser.board.site import Board, only

pytestmark = pytest.mark.walk

LEFT = "Choose a person, or clear the field."


def new_plan(board: Board) -> tuple[Locator, Locator]:
    """Open the form of a new task called plan. Return it and its field for assignees."""
    board.press("n")
    board.page.keyboard.type("plan")
    form = board.dialog("New task")
    return form, form.get_by_role("combobox", name="Assignees")


def test_a_name_that_is_typed_and_not_chosen_is_assigned_or_stops_the_save(
    open_board: OpenBoard, client: Client
) -> None:
    ann, carla = client.users.create("ann@example.com"), client.users.create("carla")
    board = open_board()
    form, people = new_plan(board)
    people.fill("carl")
    board.press("ControlOrMeta+Enter")
    expect(form.get_by_role("alert")).to_have_text(LEFT)
    expect(people).to_be_focused()
    expect(people).to_have_attribute("aria-invalid", "true")
    assert list(client.tasks.list()) == []
    people.fill("Carla")
    form.get_by_role("button", name="Create task").click()
    expect(form).to_have_count(0)
    assert only(client).assignees == (carla.id,)

    board.link("plan").click()
    form = board.dialog(f"Task {only(client).id}")
    form.get_by_role("combobox", name="Assignees").fill("nobody")
    board.press("ControlOrMeta+Enter")
    expect(form.get_by_role("alert")).to_have_text(LEFT)
    form.get_by_role("combobox", name="Assignees").fill("ANN@example.com")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    assert set(only(client).assignees) == {ann.id, carla.id}


def test_a_short_name_is_found_though_the_users_are_still_loading(
    open_board: OpenBoard, client: Client
) -> None:
    ann = client.users.create("ann@example.com")
    board = open_board(load=False)
    saving = board.page.get_by_role("button", name="Saving…")

    def load_during_save(route: Route) -> None:
        expect(saving).to_be_visible()
        route.continue_()

    board.page.route("**/v1/users?page_size=*", load_during_save)
    board.open()
    form, people = new_plan(board)
    people.fill("ann")
    board.press("ControlOrMeta+Enter")
    expect(form).to_have_count(0)
    assert only(client).assignees == (ann.id,)


def test_a_user_is_created_by_choice_and_only_when_the_form_is_saved(
    open_board: OpenBoard, client: Client
) -> None:
    client.users.create("ann@example.com")
    board = open_board()
    form, people = new_plan(board)
    people.fill("a")  # as in "@example.com"
    options = form.get_by_role("listbox", name="People").get_by_role("option")
    expect(options).to_have_text(["Aann@example.com", "Add “a” as a new user"])
    people.fill("z")
    expect(form.get_by_role("option", name="Add “z”")).to_have_attribute("aria-selected", "false")
    board.press("Enter")
    expect(form.get_by_role("alert")).to_have_text("No user is named “z”.")
    people.fill("x")
    expect(options).to_have_text(["Add “x” as a new user"])
    people.fill("dave")
    form.get_by_role("option", name="Add “dave” as a new user").click()
    expect(form.get_by_role("list", name="Chosen people")).to_contain_text("new user")
    assert len(list(client.users.list())) == 1
    form.get_by_role("button", name="Create task").click()
    expect(board.says("Added “plan” and the new user dave")).to_be_visible()
    expect(form).to_have_count(0)
    [dave] = client.users.list(username="dave")
    assert only(client).assignees == (dave.id,)
    with board.sends("DELETE"):
        board.press("z")
    expect(board.says("Undone: Added “plan”. The user dave stays.")).to_be_visible()
    expect(board.card("plan")).to_have_count(0)
    assert list(client.tasks.list()) == []
    assert len(list(client.users.list())) == 2


def test_a_name_that_nobody_has_gets_one_message(open_board: OpenBoard, client: Client) -> None:
    client.users.create("ann")
    board = open_board()
    form, people = new_plan(board)
    people.fill("gus")
    expect(form.get_by_role("option", name="Add “gus” as a new user")).to_be_visible()
    board.press("Enter")
    expect(form.get_by_role("alert")).to_have_text("No user is named “gus”.")
    form.get_by_role("button", name="Create task").click()
    expect(form.get_by_role("alert")).to_have_text(LEFT)
    expect(people).to_have_accessible_description(LEFT)
    expect(form.get_by_text("No user is named")).to_have_count(0)
    assert list(client.tasks.list()) == []


def test_names_are_split_at_commas_and_who_you_are_is_never_a_new_user(
    open_board: OpenBoard, client: Client
) -> None:
    ids = {client.users.create(name).id for name in ("ann@example.com", "bob@example.com")}
    client.tasks.create("plan")
    board = open_board()
    board.link("plan").click()
    people = board.page.get_by_role("combobox", name="Assignees")
    people.press_sequentially("ann, bob")
    board.press("ControlOrMeta+Enter")
    expect(board.page.get_by_role("dialog")).to_have_count(0)
    assert set(only(client).assignees) == ids
    board.press("i")
    who = board.dialog("Who are you?")
    who.get_by_role("combobox").fill("dave")
    expect(who.get_by_text("No user is named “dave”.")).to_be_visible()
    board.press("Enter")
    expect(who.get_by_role("option")).to_have_count(0)
    assert len(list(client.users.list())) == 2
