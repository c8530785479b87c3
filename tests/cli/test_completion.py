"""Completion of commands, tasks and users, by what a shell asks `billet`."""

import pytest

from tests.support.people import Billet

pytestmark = pytest.mark.backend("moto")


def complete(billet: Billet, words: str, *, kind: str = "bash", **environ: str) -> list[str]:
    """Return what the shell gets for a line, of which the last word is incomplete."""
    count = str(len(words.split(" ")) - 1)
    variables = {"_BILLET_COMPLETE": f"{kind}_complete", "COMP_WORDS": words, "COMP_CWORD": count}
    done = billet(**variables, **environ)
    assert (done.exit_code, done.stderr) == (0, "")
    return [line.removeprefix("plain,") for line in done.stdout.splitlines() if line]


def test_commands_open_tasks_and_users_are_completed(billet: Billet) -> None:
    for name in ("ann", "anna", "bob"):
        billet.lines("user", "add", name)
    billet.lines("task", "add", "Write the report")
    billet.lines("task", "add", "Closed", "--status", "done")
    billet.lines("task", "add", "Urgent", "--due", "today")
    assert complete(billet, "billet ta") == ["task"]
    assert complete(billet, "billet b", STAGE="no stage") == ["backup", "bench", "board"]
    assert complete(billet, "billet --v") == ["--version"]
    assert complete(billet, "billet task una") == ["unassign"]
    assert complete(billet, "billet task done ") == ["3", "1"]
    assert complete(billet, "billet task done 3 1") == ["1"]
    assert complete(billet, "billet task assign 1 An") == ["anna", "ann"]
    assert complete(billet, "billet task assign ") == ["3", "1"]
    assert complete(billet, "billet task assign 3 1 --to b") == ["bob"]
    assert complete(billet, "billet task assign --to bob 3 ") == ["3", "1"]
    assert complete(billet, "billet task add x --assign b") == ["bob"]
    assert complete(billet, "billet task list --sort ") == ["due", "created"]
    assert complete(billet, "billet task list --status c") == ["closed", "cancelled"]
    assert complete(billet, "billet task add x --status d") == ["done"]
    zsh = complete(billet, "billet task done ", kind="zsh")
    assert zsh == ["plain", "3", "Urgent", "plain", "1", "Write the report"]


def test_a_server_that_does_not_respond_completes_nothing(billet: Billet) -> None:
    assert complete(billet, "billet task done ", BILLET_URL="http://127.0.0.1:9") == []


def test_scripts_are_printed_for_each_shell(billet: Billet) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert f"_BILLET_COMPLETE={shell}_complete" in "\n".join(billet.lines("completion", shell))
