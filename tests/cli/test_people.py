"""`billet task` and `billet user`, which people use."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from billet.emulators import local_server
from billet.people import config, session
from chalicelib.services import users
from tests.support.people import Billet
from tests.support.servers import ROOT

pytestmark = pytest.mark.backend("moto")
WEEK = timedelta(days=7)
NO_RESPONSE = (
    "start the server (`make serve`), or if it has another address, set BILLET_URL or run "
    "`billet login --url`"
)


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> Iterator[date]:
    """Choose a time zone in which it is noon, so that the date stays the same; return the date."""
    hours = datetime.now(UTC).hour - 12
    with monkeypatch.context() as patched:
        patched.setenv("TZ", f"NOON{hours:+d}")  # POSIX: + is west of Greenwich
        time.tzset()
        yield date.today()  # noqa: DTZ011 (the user's time zone)
    time.tzset()


@pytest.fixture
def team(billet: Billet) -> Billet:
    """Return the command for a server with the users 1 ann, 2 bob and 3 cy."""
    for name in ("ann", "bob@example.com", "cy"):
        users.create(name)
    return billet


def test_a_task_is_added_listed_shown_changed_and_deleted(team: Billet, today: date) -> None:
    due = today + WEEK
    row = f"1\tWrite the report\tPENDING\t{due}\tann,bob@example.com"
    arguments = ["Write the report", "--due", str(due), "--desc", "Two\npages"]
    assert team.lines("task", "add", *arguments, "--assign", "ann", "--assign", "2") == [row]
    assert team.lines("task", "list") == [row]
    shown = team.lines("task", "show", "1")
    assert shown[:5] == [
        "id\t1",
        "name\tWrite the report",
        "status\tPENDING",
        f"due\t{due}",
        "assignees\tann,bob@example.com",
    ]
    assert shown[-3:] == ["--", "Two", "pages"]
    assert team.lines("task", "start", "1") == [row.replace("PENDING", "IN_PROGRESS")]
    edited = team.json("task", "edit", "1", "--name", "Report", "--due", "none", "--desc", "")
    assert (edited["name"], edited["expires_at"], edited["desc"]) == ("Report", None, "")
    assert team.lines("task", "unassign", "1", "ann", "cy") == [
        "1\tReport\tIN_PROGRESS\t\tbob@example.com"
    ]
    assert team.lines("task", "rm", "1", "--yes") == ["1"]
    assert team.error("task", "show", "1") == "task 1 does not exist"


def test_a_task_is_assigned_to_several_users_at_once(team: Billet) -> None:
    team.lines("task", "add", "Pay", "--assign", "cy")
    assert team.lines("task", "assign", "1", "ann", "cy", "2") == [
        "1\tPay\tPENDING\t\tann,bob@example.com,cy"
    ]
    assert team.json("task", "unassign", "1", "ann", "cy")["assignees"] == [2]
    assert team.error("task", "assign", "1", "9") == "user 9 does not exist"
    assert team.error("task", "assign", "7", "ann") == "task 7 does not exist"


def test_several_tasks_are_done_at_once_and_each_that_is_missing_is_named(team: Billet) -> None:
    for name in ("a", "b", "c"):
        team.lines("task", "add", name)
    ended = team("task", "done", "1", "7", "3", "3")
    assert ended.exit_code == 1
    assert ended.stdout == "1\ta\tDONE\t\t\n3\tc\tDONE\t\t\n"
    assert ended.stderr.count("\n") == 1
    assert "task 7 does not exist" in ended.stderr
    assert [one["status"] for one in team.json("task", "list", "--status", "all")] == [
        "DONE",
        "PENDING",
        "DONE",
    ]
    assert team.json("task", "cancel", "2")[0]["status"] == "CANCELLED"
    assert team.json("task", "rm", "1", "2", "--yes") == [{"id": 1}, {"id": 2}]


@pytest.mark.settings(require_if_match="on")
def test_each_change_has_the_condition_that_a_server_may_require(team: Billet) -> None:
    for name in ("a", "b"):
        team.lines("task", "add", name)
    assert len(team.lines("task", "done", "1", "2")) == 2
    assert team.json("task", "assign", "1", "ann")["assignees"] == [1]
    assert team.json("task", "edit", "1", "--name", "c")["name"] == "c"
    assert team.lines("task", "rm", "1", "2", "--yes") == ["1", "2"]
    assert team.json("user", "rename", "ann", "anna")["username"] == "anna"
    assert team.json("user", "rm", "anna", "--yes")["id"] == 1


def test_lists_show_open_tasks_with_the_most_urgent_first_and_filter_them(
    team: Billet, today: date
) -> None:
    late, soon, later = today - WEEK, today + timedelta(days=1), today + WEEK
    team.lines("task", "add", "none", "--assign", "cy")
    team.lines("task", "add", "later", "--due", str(later), "--assign", "ann")
    team.lines("task", "add", "late", "--due", str(late), "--status", "in-progress")
    team.lines("task", "add", "soon", "--due", "tomorrow", "--assign", "ann", "--assign", "cy")
    team.lines("task", "add", "was late", "--due", str(late), "--status", "done")

    def names(*options: str) -> list[str]:
        return [line.split("\t")[1] for line in team.lines("task", "list", *options)]

    assert names() == ["late", "soon", "later", "none"]
    assert names("--sort", "created") == ["soon", "late", "later", "none"]
    assert names("--overdue") == ["late"]
    assert names("--overdue", "--status", "all") == ["late", "was late"]
    assert names("--status", "closed") == ["was late"]
    assert names("--status", "in_progress,done") == ["late", "was late"]
    assert names("--due-after", "today", "--due-before", str(soon)) == ["soon"]
    assert names("--due-before", str(later)) == ["late", "soon", "later"]
    assert names("--unassigned") == ["late"]
    assert names("--user", "cy") == ["soon", "none"]
    assert names("--user", "1", "--due-before", "tomorrow") == ["soon"]
    assert names("--limit", "2") == ["late", "soon"]
    everything = ["soon", "late", "later", "none"]
    created = datetime.now(UTC).date()
    after = ("--created-after", str(created - WEEK))
    assert names(*after, "--created-before", str(created)) == everything
    assert names("--created-before", str(created - WEEK)) == []


def test_mine_is_who_one_is_by_login_or_by_variable(team: Billet) -> None:
    team.lines("task", "add", "Ann's", "--assign", "ann")
    hint = "who are you? Run `billet login --as USERNAME`, or set BILLET_USER"
    assert team.misuse("task", "list", "--mine") == hint
    assert team.misuse("task", "add", "x", "--assign", "@me") == hint
    assert team("login", "--as", "ann").exit_code == 0
    assert len(team.lines("task", "list", "--mine")) == 1
    assert team.lines("task", "list", "--mine", BILLET_USER="cy") == []
    assert team.lines("task", "add", "x", "--assign", "@me", BILLET_USER="3")[0].endswith("\tcy")
    assert team.lines("user", "rename", "ann", "anna") == [f"1\tanna\t{_created(team)}"]
    assert len(team.lines("task", "list", "--mine")) == 1


def _created(team: Billet) -> str:
    created: str = team.json("user", "show", "1")["created_at"]
    return created


def test_a_terminal_shows_tables_with_relative_dates(team: Billet, today: date) -> None:
    assert team.on_terminal("task", "list") == "There are no open tasks\n"
    late = today - timedelta(days=3)
    added = team.on_terminal("task", "add", "Pay", "--due", "today", "--assign", "ann")
    assert added == f"Added task 1: Pay, pending, due {today:%a %-d %b %Y}, assigned to ann\n"
    team.lines("task", "add", "Call the bank", "--due", str(late))
    table = [line.rstrip() for line in team.on_terminal("task", "list").splitlines()]
    overdue = f"{late:%a %-d %b}" if late.year == today.year else f"{late:%a %-d %b %Y}"
    assert table[0] == "2 open tasks"
    assert [line.split(maxsplit=1)[0] for line in table[2:]] == ["ID", "2", "1"]
    assert f"{overdue} (3 days late)" in table[3]
    assert table[4].split() == ["1", "Pay", "pending", "today", "ann"]
    coloured = team("task", "list", BILLET_FORCE_TTY="80", TERM="xterm", NO_COLOR="").stdout
    assert f"\x1b[31m{overdue}" in coloured
    assert "\x1b[33mtoday" in coloured
    few = team.on_terminal("task", "list", "--limit", "1", "--due-before", "today")
    assert few.startswith(f"The first open task due by {today:%a %-d %b %Y}\n")


def test_a_list_says_which_days_it_has(team: Billet, today: date) -> None:
    def heading(*options: str) -> str:
        return team.on_terminal("task", "list", *options).splitlines()[0]

    none, first = "There are no open tasks due", ("--due-after", "2027-11-20")
    assert heading(*first, "--due-before", "25.11.2027") == (
        f"{none} from Sat 20 Nov 2027 to Thu 25 Nov 2027"
    )
    assert heading(*first, "--due-before", "2027-11-20") == f"{none} on Sat 20 Nov 2027"
    assert heading(*first) == f"{none} on Sat 20 Nov 2027 or later"
    assert heading("--created-before", "2020-11-20") == (
        "There are no open tasks created by Fri 20 Nov 2020"
    )
    yesterday = today - timedelta(days=1)
    assert heading("--due-after", f"{yesterday:%-d.%-m.}") == (
        f"{none} on {yesterday:%a %-d %b %Y} or later"
    )


@pytest.mark.parametrize("width", [60, 80])
def test_on_a_narrow_terminal_the_names_get_the_most(team: Billet, today: date, width: int) -> None:
    name = "Write the yearly report of the garden committee and send it to all"
    people = ("--assign", "ann", "--assign", "bob@example.com", "--assign", "cy")
    late = today - timedelta(days=40)
    team.lines("task", "add", name, "--due", str(late), "--status", "in_progress", *people)
    shown = team("task", "list", BILLET_FORCE_TTY=str(width), NO_COLOR="1", TERM="xterm").stdout
    table = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()[2:]
    assert max(map(len, table)) <= width
    heading = table[0]
    starts = {word: heading.index(word) for word in heading.split()}
    widths = {
        "NAME": starts["STATUS"] - starts["NAME"],
        "STATUS": starts["DUE"] - starts["STATUS"],
        "DUE": starts["ASSIGNEES"] - starts["DUE"],
        "ASSIGNEES": width - starts["ASSIGNEES"],
    }
    assert max(widths, key=lambda column: widths[column]) == "NAME"
    assert widths["NAME"] >= width // 3
    assert "(40 days late)" in table[2]


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (50, ["ID", "NAME", "STATUS", "DUE"]),
        (40, ["ID", "NAME", "STATUS"]),
        (30, ["ID", "NAME", "STATUS"]),
        (20, ["ID", "NAME"]),
    ],
)
def test_a_very_narrow_terminal_leaves_out_columns_and_splits_no_word(
    team: Billet, today: date, width: int, headings: list[str]
) -> None:
    late = ("--due", str(today - timedelta(days=40)))
    people = ("--assign", "ann", "--assign", "bob@example.com")
    team.lines("task", "add", "Write the report", *late, "--status", "in_progress", *people)
    team.lines("task", "add", "Pay", "--status", "cancelled", *late)
    shown = team(
        "task", "list", "--status", "all", BILLET_FORCE_TTY=str(width), NO_COLOR="1", TERM="xterm"
    ).stdout
    table = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()[2:]
    assert table[0].split() == headings
    assert max(map(len, table)) <= width
    words = {"Write", "the", "report", "Pay"}
    assert words <= set(" ".join(table).split())
    if "STATUS" in headings:
        assert {"in", "progress", "cancelled"} <= set(" ".join(table).split())


def test_what_people_write_cannot_control_the_terminal(team: Billet) -> None:
    team.lines("task", "add", "a\u202eb", "--desc", "\x1b[2J\x07tab\there")
    for shown in (team.on_terminal("task", "show", "1"), team.on_terminal("task", "list")):
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
    assert "tab\there" in team.on_terminal("task", "show", "1")


def test_unknown_users_are_refused_with_the_names_that_are_near(team: Billet) -> None:
    assert team.error("task", "add", "x", "--assign", "bob") == (
        "no user is called 'bob'; did you mean bob@example.com?"
    )
    assert team.error("task", "list", "--user", "anne").endswith("did you mean ann?")
    assert team.error("task", "list", "--user", "zoe") == (
        "no user is called 'zoe'; `billet user list` shows who exists, "
        "`billet user add` adds someone"
    )
    assert team.lines("task", "list") == []


def test_wrong_usage_exits_with_2_and_says_what_is_allowed(team: Billet) -> None:
    for arguments, error in (
        (("add", "x", "--due", "03/04/2027"), "'03/04/2027' could be '3 apr' or '4 mar'"),
        (("add", "x", "--status", "finished"), "must be one of pending, in_progress, done, c"),
        (("list", "--status", "late"), "must be open, closed, all, or some of pending, in_p"),
        (("list", "--mine", "--unassigned"), "give only one of --mine and --unassigned"),
        (("list", "--overdue", "--due-before", "fri"), "give only one of --overdue and --due-b"),
        (("list", "--overdue", "--sort", "created"), "--overdue lists by due date; leave out --s"),
        (
            ("list", "--created-after", "fri", "--due-before", "fri"),
            "give only one of --due-before and --created-after",
        ),
        (
            ("list", "--created-before", "fri", "--sort", "due"),
            "--created-before lists by creation; leave out --sort due",
        ),
        (("done", "1", "2", "3x"), "ID...: must be the number of a task, not '3x'"),
        (("show", "0"), "ID: must be the number of a task, not '0'"),
        (("edit", "9" * 20), f"ID: must be the number of a task, not '{'9' * 20}'"),
        (("lst",), "no command is called 'lst'; did you mean 'list'?"),
        (("exports",), "did you mean 'export'"),
        (("rm", "1"), "there is no terminal to ask on; add --yes to delete without a question"),
    ):
        assert error in team.misuse("task", *arguments)


def test_a_wrong_command_is_refused_with_those_that_are_near(billet: Billet) -> None:
    assert billet.misuse("tasks", "list") == "no command is called 'tasks'; did you mean 'task'?"
    assert billet.misuse("frobnicate") == "No such command 'frobnicate'."


def test_a_change_that_is_already_made_is_reported(team: Billet) -> None:
    for name in ("a", "b"):
        team.lines("task", "add", name, "--assign", "ann")
    team.lines("task", "done", "1")
    assert team.on_terminal("task", "done", "1", "2").splitlines() == [
        "Already done: task 1: a, done, assigned to ann",
        "Finished task 2: b, done, assigned to ann",
    ]
    start = team.on_terminal("task", "start", "2").splitlines()
    assert start == ["Started task 2: b, in progress, assigned to ann"]
    etag = team.json("task", "show", "1")["etag"]
    assert team.on_terminal("task", "assign", "1", "ann") == (
        "Already assigned: task 1: a, done, assigned to ann\n"
    )
    assert team.on_terminal("task", "unassign", "1", "bob@example.com") == (
        "Not assigned before: task 1: a, done, assigned to ann\n"
    )
    assert team.lines("task", "assign", "1", "ann") == ["1\ta\tDONE\t\tann"]
    assert team.json("task", "show", "1")["etag"] == etag


def test_several_tasks_are_assigned_to_several_users_at_once(team: Billet) -> None:
    for name in ("a", "b", "c"):
        team.lines("task", "add", name)
    ended = team("task", "assign", "1", "9", "3", "3", "--to", "ann", "--to", "cy")
    assert ended.exit_code == 1
    assert ended.stdout == "1\ta\tPENDING\t\tann,cy\n3\tc\tPENDING\t\tann,cy\n"
    assert ended.stderr == "Error: task 9 does not exist\n"
    both = team.json("task", "unassign", "1", "3", "--from", "ann")
    assert [one["assignees"] for one in both] == [[3], [3]]
    assert team.misuse("task", "assign", "1", "ann", "--to", "cy") == (
        "ID: must be the number of a task, not 'ann'"
    )
    assert "give users, as in 1 ann, or 1 2 --to ann" in team.misuse("task", "assign", "1")
    assert team.error("task", "assign", "1", "--to", "ann,bob") == (
        "no user is called 'ann,bob'; give one user at a time, as in `--assign ann --assign bob`"
    )


def _editor(home: Path, script: str) -> str:
    """Write an editor that is a shell script; its file is $1."""
    path = home / "editor"
    path.write_text(f"#!/bin/sh\nset -e\n{script}\n")
    path.chmod(0o700)
    return str(path)


def test_edit_opens_the_editor_with_all_fields(team: Billet, today: date, home: Path) -> None:
    team.lines("task", "add", "Draft", "--desc", "Old", "--due", str(today))
    script = "sed -i -e s/Draft/Final/ -e 's/^status: .*/status: done/' -e 's/^due:.*/due:/' $1"
    editor = _editor(home, f"cp $1 {home}/opened\n{script}\necho '\n# more' >> $1")
    assert team.lines("task", "edit", "1", EDITOR=editor) == ["1\tFinal\tDONE\t\t"]
    assert team.json("task", "show", "1")["desc"] == "Old\n\n# more"
    opened = (home / "opened").read_text().partition("name:")[2]
    assert opened == f" Draft\nstatus: pending\ndue: {today}\n\nOld\n"
    assert team.error("task", "edit", "1", EDITOR="true") == "nothing was changed"
    touched = _editor(home, "touch -d tomorrow $1")
    assert team.on_terminal("task", "edit", "1", EDITOR=touched).startswith("Unchanged: task 1: F")


MISTAKES = {
    "s/^due:.*/due: someday/": "due: 'someday' is no date; write today",
    "s/^status:.*/status: late/": "status: must be one of pending, in_progress, done, c",
    "s/^name:.*/name:/": "name: must have 1 to 200 characters, at least one of which is visible; i",
    "s/^name:.*/nam: x/": "'nam: x': must be a line with name:, status: or due:",
    r"s/^name:.*/name: \xff/": "the file must be UTF-8",
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_editor_loses_nothing(team: Billet, home: Path, mistake: str) -> None:
    team.lines("task", "add", "Draft")
    editor = _editor(home, f"LC_ALL=C sed -i '{mistake}' $1; echo long text >> $1")
    ended = team("task", "edit", "1", EDITOR=editor)
    kept, error = ended.stderr.splitlines()
    assert ended.exit_code == 1
    assert error.startswith(f"Error: {MISTAKES[mistake]}")
    _assert_kept(kept)


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize(("answer", "status"), [("n\n", 1), ("\4", 130)])
def test_a_mistake_in_the_editor_can_be_left_and_loses_nothing(
    team: Billet, home: Path, mistake: str, answer: str, status: int
) -> None:
    team.lines("task", "add", "Draft")
    editor = _editor(home, f"LC_ALL=C sed -i '{mistake}' $1; echo long text >> $1")
    ended = team.answering(answer, "task", "edit", "1", EDITOR=editor)
    assert ended.exit_code == status
    assert f"Error: {MISTAKES[mistake]}" in ended.stderr
    assert "Edit again? [Y/n]" in ended.stderr
    _assert_kept(next(line for line in ended.stderr.splitlines() if "your text is in" in line))


def test_enter_opens_the_editor_again_with_the_text(team: Billet, home: Path) -> None:
    team.lines("task", "add", "Draft")
    mistake = "sed -i 's/^due:.*/due: someday/' $1; echo long text >> $1"
    mend = "sed -i 's/^due: someday/due:/' $1"
    script = f"echo $1 > {home}/path; if grep -q someday $1; then {mend}; else {mistake}; fi"
    ended = team.answering("\n", "task", "edit", "1", EDITOR=_editor(home, script))
    assert ended.exit_code == 0, ended.stderr
    assert team.json("task", "show", "1")["desc"].strip() == "long text"
    assert not Path((home / "path").read_text().strip()).exists()


def test_a_text_that_is_not_saved_the_second_time_is_kept(team: Billet, home: Path) -> None:
    team.lines("task", "add", "Draft")
    script = "grep -q someday $1 || { sed -i 's/^due:.*/due: someday/' $1; echo long text >> $1; }"
    ended = team.answering("\n", "task", "edit", "1", EDITOR=_editor(home, script))
    assert ended.exit_code == 1
    *_, kept, error = ended.stderr.splitlines()
    assert error == "Error: nothing was changed"
    _assert_kept(kept)


def _assert_kept(line: str) -> None:
    """Assert that a line names the file with the text of the editor."""
    kept = Path(line.partition("your text is in ")[2])
    assert kept.read_bytes().endswith(b"long text\n")
    kept.unlink()


@pytest.mark.parametrize("script", [": > $1", "sed -i '/^[^#]/d' $1", "rm $1"])
def test_an_empty_file_in_the_editor_changes_nothing(team: Billet, home: Path, script: str) -> None:
    team.lines("task", "add", "Draft", "--desc", "Old")
    ended = team("task", "edit", "1", EDITOR=_editor(home, f"echo $1 > {home}/path\n{script}"))
    assert ended.exit_code == 1
    assert "nothing was changed" in ended.stderr
    assert not Path((home / "path").read_text().strip()).exists()
    assert team.json("task", "show", "1")["desc"] == "Old"


def test_the_removal_of_a_description_is_told(team: Billet, home: Path) -> None:
    team.lines("task", "add", "Draft", "--desc", "Old")
    ended = team("task", "edit", "1", EDITOR=_editor(home, "sed -i '/^Old/d' $1"))
    assert ended.exit_code == 0
    assert ended.stderr == "Task 1 no longer has a description\n"
    assert team.lines("task", "edit", "1", "--desc", "") == ["1\tDraft\tPENDING\t\t"]


def test_a_change_of_others_is_shown_and_not_overwritten(team: Billet, home: Path) -> None:
    team.lines("task", "add", "Draft", "--desc", "Old")
    patch = f"curl -sfX PATCH {team.url}/v1/tasks/1 -H 'Content-Type: application/json' -d"
    others = f"""{patch} '{{"status": "DONE", "desc": "Theirs", "assignees": [1]}}' > /dev/null"""
    ended = team("task", "edit", "1", EDITOR=_editor(home, f"sed -i s/Old/Mine/ $1\n{others}"))
    assert ended.exit_code == 1
    assert ended.stdout == ""
    kept = Path(ended.stderr.partition("your text is in ")[2].partition("\n")[0])
    assert ended.stderr.splitlines() == [
        "Someone else has changed task 1 since you opened it:",
        "  status: 'PENDING' -> 'DONE'",
        "  desc: 'Old' -> 'Theirs'",
        "  assignees: none -> ann",
        "Your change, which is not saved:",
        "  desc: 'Old' -> 'Mine'",
        f"your text is in {kept}",
        "Error: nothing was saved; run the command again to change the new version",
    ]
    assert "\nMine\n" in kept.read_text()
    kept.unlink()
    assert team.json("task", "show", "1")["desc"] == "Theirs"


def test_users_are_added_listed_renamed_and_deleted(team: Billet) -> None:
    assert [line.split("\t")[:2] for line in team.lines("user", "list")] == [
        ["3", "cy"],
        ["2", "bob@example.com"],
        ["1", "ann"],
    ]
    assert team.error("user", "add", "ANN").startswith("username: ")
    assert team.json("user", "rename", "bob@example.com", "bob")["username"] == "bob"
    assert team.on_terminal("user", "show", "BOB") == "This is user 2: bob\n"
    assert team.error("user", "show", "9") == "user 9 does not exist"
    assert team.misuse("user", "rm", "bob") == (
        "there is no terminal to ask on; add --yes to delete without a question"
    )
    assert team.on_terminal("user", "rm", "bob", "--yes") == "Deleted user 2: bob\n"
    table = team.on_terminal("user", "list", "--limit", "1").splitlines()
    assert [line.split()[:2] for line in table[:2]] == [["ID", "NAME"], ["3", "cy"]]


@pytest.mark.settings(require_if_match="on")
def test_a_feed_is_a_url_that_can_be_revoked(team: Billet) -> None:
    [url] = team.lines("user", "feed", "ann", "--yes")
    assert url.startswith(f"{team.url}/v1/users/1/tasks.ics?token=")
    assert httpx.get(url).status_code == 200
    assert team.misuse("user", "feed", "ann") == (
        "there is no terminal to ask on; add --yes to make a new URL, which ends an earlier one"
    )
    assert httpx.get(url).status_code == 200
    ended = ["No URL for the tasks of user 1, ann, works any more"]
    assert team.lines("user", "feed", "ann", "--revoke") == ended
    assert httpx.get(url).status_code == 404
    assert team.lines("user", "feed", "ann", "--revoke") == ended


def test_a_server_that_does_not_respond_and_one_of_something_else_are_reported(
    billet: Billet,
) -> None:
    nothing = "http://127.0.0.1:9"
    assert billet.error("task", "list", BILLET_URL=nothing) == (
        f"{nothing} (from BILLET_URL) does not respond; {NO_RESPONSE}"
    )
    with _server_of_a_folder() as url:
        error = billet.error("task", "list", BILLET_URL=url)
    assert error.startswith(f"{url} (from BILLET_URL) is not a server of Billet Tasks (")
    assert error.endswith("); set BILLET_URL or run `billet login --url`")
    assert billet.misuse("task", "list", BILLET_URL="localhost") == (
        "url: must begin with http:// or https:// and a host, not be 'localhost'"
    )
    assert billet.misuse("task", "list", BILLET_TOKEN="tökén").startswith("token: must have print")


def test_the_error_about_a_server_says_where_its_address_comes_from(
    billet: Billet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = "http://127.0.0.1:9"
    folder = ("--data", str(tmp_path))
    monkeypatch.setattr(session, "DEFAULT_URL", nothing)
    error = billet.error(*folder, "task", "list", BILLET_URL="")
    assert error == f"{nothing} (the default) does not respond; {NO_RESPONSE}"
    with local_server.advertise_address(tmp_path, nothing):
        error = billet.error(*folder, "task", "list", BILLET_URL="")
    assert error == f"{nothing} (the server of this folder) does not respond; {NO_RESPONSE}"
    config.store(config.Config(url=nothing))
    error = billet.error(*folder, "task", "list", BILLET_URL="")
    assert error == f"{nothing} (from the last `billet login`) does not respond; {NO_RESPONSE}"
    other = "http://127.0.0.1:7"
    error = billet.error(*folder, "login", "--url", other)
    assert error == f"{other} does not respond; {NO_RESPONSE}"


def test_the_server_of_the_folder_is_used_if_no_other_is_given(
    billet: Billet, home: Path, tmp_path: Path
) -> None:
    def users_of(folder: Path) -> list[str]:
        return billet.lines("--data", str(folder), "user", "list", BILLET_URL="")

    with local_server.advertise_address(tmp_path, billet.url):
        assert users_of(tmp_path) == []
        other = tmp_path / "address-1.json"
        shutil.copy(next(tmp_path.glob("address-*")), other)
        with local_server.advertise_address(tmp_path / "missing", "http://127.0.0.1:9"):
            assert users_of(tmp_path) == []  # the copy has no lock
        assert not other.exists()
    assert list(tmp_path.glob("address-*")) == []


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


@contextmanager
def _server_of_a_folder() -> Iterator[str]:
    """Serve files, and yield the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _QuietHandler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_the_board_is_the_servers_first_page(billet: Billet) -> None:
    assert billet.lines("board", "--no-browser") == [f"{billet.url}/"]
    assert "does not respond" in billet.error("board", BILLET_URL="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("task list --user ann --user cy", "give --user only once"),
        ("task list --status done --limit 3 --status=pending", "give --status only once"),
        ("task add x --due fri --due fri", "give --due only once"),
        ("task edit 1 --name a --name b", "give --name only once"),
        ("task export --csv --json", "give only one of --csv and --json"),
        ("task import x.csv --format csv --format ics", "give --format only once"),
        ("login --as ann --as cy", "give --as only once"),
    ],
)
def test_an_option_is_refused_where_a_second_one_would_replace_it(
    team: Billet, words: str, error: str
) -> None:
    assert team.misuse(*words.split()) == error


def test_options_with_several_values_and_flags_may_be_repeated(team: Billet) -> None:
    row = team.lines("task", "add", "x", "--assign", "ann", "--assign", "cy", "--json", "--json")
    assert '"assignees":[1,3]' in row[0]
    assert "Usage" in team("task", "list", "--user", "a", "--user", "b", "--help").stdout


def test_digits_are_an_id_or_else_the_user_who_is_called_so(team: Billet) -> None:
    team.lines("user", "add", "7")
    team.lines("task", "add", "x")
    assert team.json("task", "assign", "1", "7")["assignees"] == [4]
    assert team.json("task", "list", "--user", "7")[0]["id"] == 1
    assert team.json("user", "rename", "7", "2")["username"] == "2"
    assert team.error("user", "show", "2") == (
        "'2' could be user 2, bob@example.com, or user 4, 2; "
        "give the username of the first, or the id of the second"
    )
    assert team.json("user", "show", "4")["username"] == "2"
    assert team.json("user", "show", "bob@example.com")["id"] == 2
    assert team.json("user", "rename", "4", "4")["username"] == "4"
    assert team.json("user", "show", "4")["id"] == 4
    assert team.error("user", "show", "9" * 20).startswith(f"no user is called '{'9' * 20}'")
    assert team.error("user", "show", "9") == "user 9 does not exist"


def test_the_user_of_the_login_is_an_id_even_if_another_user_is_called_so(team: Billet) -> None:
    assert team("login", "--as", "ann").exit_code == 0
    team.lines("user", "add", "1")
    assert team.lines("task", "add", "x", "--assign", "@me")[0].endswith("\tann")


def test_the_error_about_the_length_of_a_text_says_how_long_it_is(team: Billet) -> None:
    team.lines("task", "add", "x")
    name = "name: must have 1 to 200 characters, at least one of which is visible; it has"
    assert team.error("task", "add", f" {'n' * 240} ") == f"{name} 240"
    assert team.error("task", "add", "\u200b") == f"{name} 1"
    assert team.error("task", "edit", "1", "--name", "n" * 201) == f"{name} 201"
    username = "username: must have 1 to 254 characters, at least one of which is visible; it has"
    assert team.error("user", "add", "u" * 300) == f"{username} 300"
    assert team.error("user", "rename", "ann", "u" * 255) == f"{username} 255"
    assert team.error("task", "add", "x", "--desc", "d" * 10_001).endswith(" it has 10001")
    assert "it has" not in team.error("task", "add", "a\nb")


def test_edit_names_the_commands_that_change_assignees(team: Billet) -> None:
    for option in ("--assign", "--unassign", "--assignees"):
        assert team.misuse("task", "edit", "1", option, "ann") == (
            "edit does not change assignees; `billet task assign ID USER` and "
            "`billet task unassign ID USER` do"
        )
    assert team.misuse("task", "edit", "1", "--nam", "x").startswith("No such option '--nam'")


def test_a_name_may_begin_with_a_hyphen(team: Billet) -> None:
    assert team.lines("task", "add", "--due", "2030-01-01", "--", "-5 degrees") == [
        "1\t-5 degrees\tPENDING\t2030-01-01\t"
    ]
    assert team.json("task", "edit", "1", "--name", "-x")["name"] == "-x"


@pytest.mark.parametrize(
    "words",
    [
        "task add: NAME",
        "task add x --due: --due",
        "task add x --assign: --assign",
        "task edit 1 --name: --name",
        "task edit 1 --due: --due",
        "task list --user: --user",
        "task list --due-before: --due-before",
        "task assign 1: ID USER... | ID...",
        "task assign 1 --to: --to",
        "task export --csv --user: --user",
        "task export --csv --out: --out",
        "user show: USER",
        "user rm --yes: USER",
        "user rename ann: NEW-NAME",
        "login --as: --as",
        "login --url: --url",
    ],
)
def test_an_empty_value_is_refused(team: Billet, words: str) -> None:
    arguments, _, name = words.partition(": ")
    team.lines("task", "add", "Old", "--due", "2030-01-01", "--assign", "ann")
    for empty in ("", "  "):
        assert team.misuse(*arguments.split(), empty).startswith(f"{name}: ")
    assert team.lines("task", "list") == ["1\tOld\tPENDING\t2030-01-01\tann"]
    assert len(team.lines("user", "list")) == 3


def test_the_error_about_an_empty_due_date_says_what_removes_it(team: Billet) -> None:
    error = team.misuse("task", "edit", "1", "--due", "")
    assert error == "--due: must not be empty; none removes the date"


@pytest.mark.parametrize(
    "words",
    [
        "task add: NAME",
        "user add: USERNAME",
        "task edit 1 --desc: --desc",
        "task add x --assign: --assign",
        "task list --user: --user",
        "task assign 1: ID USER... | ID...",
        "user rename ann: NEW-NAME",
        "login --url: --url",
    ],
)
def test_text_that_is_not_utf_8_is_refused(team: Billet, words: str) -> None:
    team.lines("task", "add", "x")
    arguments, _, name = words.partition(": ")
    error = f"{name}: must be UTF-8, and has the byte 0xff"
    assert team.misuse(*arguments.split(), "bad \udcff byte") == error


def test_variables_that_are_not_utf_8_are_refused(team: Billet) -> None:
    for name in ("BILLET_USER", "BILLET_URL", "BILLET_TOKEN"):
        error = team.misuse("task", "list", "--mine", **{name: "bad \udcff byte"})
        assert error == f"{name}: must be UTF-8, and has the byte 0xff"


@pytest.mark.parametrize("terminal", [{}, {"BILLET_FORCE_TTY": "80", "TERM": "dumb"}])
def test_an_output_that_cannot_encode_a_name_has_an_escape(
    team: Billet, terminal: dict[str, str]
) -> None:
    team.lines("task", "add", "Größe → 5")
    latin = {"PYTHONIOENCODING": "latin-1", **terminal}

    def output_of(*arguments: str) -> bytes:
        done = subprocess.run(
            [sys.executable, "-m", "billet", "task", *arguments],
            env={**os.environ, "BILLET_URL": team.url, **latin},
            cwd=ROOT,
            capture_output=True,
            timeout=60,
        )
        assert (done.returncode, b"Traceback" in done.stderr) == (0, False), done.stderr
        return done.stdout

    assert "Größe \\u2192 5".encode("latin-1") in output_of("list")
    assert "Größe \\u2192 5".encode("latin-1") in output_of("show", "1")
    assert b"in_progress\\u2026" in output_of("add", "--help")
    for option in ("--csv", "--json", "--ics"):
        assert "Größe → 5".encode() in output_of("export", option)


def test_the_error_about_an_option_of_a_command_with_a_name_says_how_to_begin_with_a_hyphen(
    team: Billet,
) -> None:
    hint = "No such option '--weird'. Text that begins with a hyphen comes last, after --."
    assert team.misuse("task", "add", "--weird") == hint
    assert team.misuse("user", "add", "--weird") == hint
    assert team.misuse("task", "done", "--weird") == "No such option '--weird'."


@pytest.mark.parametrize("command", ["list", "export --csv", "export --json", "export --ics"])
def test_a_pipe_whose_reader_ends_is_no_error(team: Billet, command: str) -> None:
    team.lines("task", "add", "x")
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "billet", "task", *command.split()],
        env={**os.environ, "BILLET_URL": team.url},
        cwd=ROOT,
        stdout=write,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_url_with_a_path_is_refused_with_what_it_must_be(billet: Billet) -> None:
    hint = "must be the address of the server without /v1 or another path"
    hint += "; set BILLET_URL or run `billet login --url`"
    for path in ("/v1", "/v1/", "/docs"):
        url = f"{billet.url}{path}"
        named = url.rstrip("/")
        assert billet.error("task", "list", BILLET_URL=url) == f"{named} (from BILLET_URL) {hint}"
        assert billet.error("login", "--url", url) == f"{named} {hint}"


def test_a_range_that_ends_before_it_begins_is_refused_without_a_request(billet: Billet) -> None:
    nothing = "http://127.0.0.1:9"
    for command, what in (("list", "due"), ("list", "created"), ("export --csv", "due")):
        first, last = (f"--{what}-after", "2030-01-04"), (f"--{what}-before", "2030-01-03")
        error = billet.misuse("task", *command.split(), *first, *last, BILLET_URL=nothing)
        assert error == (
            f"--{what}-before: must not be before --{what}-after, which is Fri 4 Jan 2030; "
            "it is Thu 3 Jan 2030"
        )
    error = billet.misuse("task", "list", "--overdue", "--due-after", "today", BILLET_URL=nothing)
    assert error == "--due-after: must be before today if --overdue is given"


def test_a_question_counts_only_the_tasks_that_exist(team: Billet) -> None:
    for name in ("a", "b"):
        team.lines("task", "add", name)
    ended = team.answering("y\n", "task", "rm", "1", "9")
    assert "  1  a\n  9  (does not exist)\nDelete this task? [y/N]" in ended.stderr
    assert (ended.exit_code, ended.stdout) == (1, "1\n")
    ended = team.answering("y\n", "task", "rm", "7", "9")
    assert "Delete" not in ended.stderr
    assert "Error: task 7 does not exist\nError: task 9 does not exist\n" in ended.stderr
    assert len(team.lines("task", "list")) == 1
