"""People use `billet` on a terminal and in their shells, with a server and tokens."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import pytest

from tests.support.servers import ROOT, Serve

pytestmark = pytest.mark.walk
SECONDS = 120


class Shell:
    """Where a person types: a home, a folder with `billet` on PATH, and a server."""

    def __init__(self, home: Path, url: str) -> None:
        program = home / "bin/billet"
        program.parent.mkdir()
        program.write_text(f"#!{sys.executable}\nfrom billet.cli import main\nmain()\n")
        program.chmod(0o700)
        self.environ = {
            "PATH": f"{program.parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / "config"),
            "PYTHONPATH": str(ROOT),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "BILLET_URL": url,
            "TERM": "dumb",
            "LANG": "C.UTF-8",
        }

    def spawn(self, command: str, *arguments: str) -> pexpect.spawn:
        """Start a program on a terminal."""
        return pexpect.spawn(
            command,
            list(arguments),
            env=self.environ,
            timeout=SECONDS,
            encoding="utf-8",
            # The tests may run in the background, where a shell makes programs ignore it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def run(self, script: str) -> "subprocess.CompletedProcess[str]":
        """Run a script of bash without a terminal."""
        return subprocess.run(
            ["bash", "-c", script],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )


def ended(program: pexpect.spawn) -> tuple[int, str]:
    """Return the exit code of a program and the rest of what it showed."""
    program.expect(pexpect.EOF)
    shown: str = program.before
    program.close()
    return program.exitstatus, shown.replace("\r\n", "\n")


def test_a_person_logs_in_keeps_tasks_and_says_no(
    serve: Serve, user_environment: dict[str, str], tmp_path: Path
) -> None:
    data = str(tmp_path / "data")
    served = serve("--db", "memory", "--data", data, AUTH="on")
    create = ["token", "create", "--name", "me", "--role", "admin"]
    token = subprocess.run(
        [sys.executable, "-m", "billet", "--data", data, *create],
        env=user_environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=SECONDS,
    ).stdout.strip()
    shell = Shell(tmp_path, served.url)
    assert "requires a token; run `billet login`" in shell.run("billet user list").stderr

    login = shell.spawn("billet", "login")
    login.expect("Token for http://.*: ")
    login.sendline(token)
    login.expect(r"Your username \(Enter for none\): ")
    assert token not in login.before
    login.sendline("ann")
    login.expect("no user is called 'ann'")
    login.expect(r"Your username \(Enter for none\): ")
    login.sendline("")
    code, shown = ended(login)
    assert code == 0
    assert f"Your token is in {tmp_path}/config/billet/config.json" in shown
    assert shell.run("billet user add ann && billet login --as ann < /dev/null").returncode == 2
    assert shell.run(f"billet login --as ann <<< {token}").returncode == 0

    code, shown = ended(
        shell.spawn("billet", "task", "add", "Pay", "--due", "2999-12-24", "--assign", "@me")
    )
    assert (code, shown.split(", due")[0]) == (0, "Added task 1: Pay, pending")
    code, shown = ended(shell.spawn("billet", "task", "list", "--mine"))
    assert code == 0
    assert shown.splitlines()[0] == "1 open task of yours"
    assert " ".join(shown.splitlines()[3].split()) == "1 Pay pending Tue 24 Dec 2999 ann"
    assert shell.run("billet task list --mine | cut -f 2").stdout == "Pay\n"
    for answer, code, end in (
        ("n\n", 1, "Error: nothing was changed\n"),
        ("\x03", 130, "\n"),
        ("y\n", 0, "Deleted task 1\n"),
    ):
        removal = shell.spawn("billet", "task", "rm", "1")
        removal.expect(r"  1  Pay\s+Delete this task\? \[y/N\]: ")
        removal.send(answer)
        status, shown = ended(removal)
        assert (status, shown.endswith(end)) == (code, True), shown

    piped = shell.run("billet user list | true; echo ${PIPESTATUS[0]}")
    assert (piped.stdout, piped.stderr) == ("1\n", "")


def test_a_conflict_in_the_editor_is_decided_on_the_terminal(serve: Serve, tmp_path: Path) -> None:
    shell = Shell(tmp_path, serve("--db", "memory", "--data", str(tmp_path / "data")).url)
    assert shell.run("billet task add Draft --desc Old").returncode == 0
    editor = tmp_path / "editor"
    editor.write_text(
        "#!/bin/sh\nset -e\nif grep -q someday $1; then sed -i s/someday/2030-12-24/ $1; exit; fi\n"
        "sed -i -e s/Draft/Mine/ -e 's/^due:.*/due: someday/' $1\n"
        "billet task edit 1 --name Theirs --desc New > /dev/null\n"
    )
    editor.chmod(0o700)
    shell.environ["EDITOR"] = str(editor)
    edit = shell.spawn("billet", "task", "edit", "1")
    edit.expect("'someday' is no date; .*Edit again\\? \\[Y/n\\]: ")
    edit.sendline("y")
    edit.expect("Someone else has changed task 1 since you opened it:")
    edit.expect("Save your change on top of theirs\\? \\[y/N\\]: ")
    assert "name: 'Draft' -> 'Theirs'\r\n  desc: 'Old' -> 'New'\r\n" in edit.before
    assert "name: 'Draft' -> 'Mine'\r\n  due: none -> Tue 24 Dec 2030\r\n" in edit.before
    edit.sendline("y")
    code, shown = ended(edit)
    assert (code, shown.splitlines()[-1]) == (
        0,
        "Changed task 1: Mine, pending, due Tue 24 Dec 2030",
    )
    assert shell.run("billet task show 1 | tail -1").stdout == "New\n"


def test_ctrl_c_ends_a_command_that_waits_for_the_server(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(SECONDS)
        shell = Shell(tmp_path, f"http://127.0.0.1:{silent.getsockname()[1]}")
        listing = shell.spawn("billet", "task", "list")
        connection, _ = silent.accept()
        with connection:
            listing.sendintr()
            assert ended(listing) == (130, "^C\n")


def complete_in_bash(shell: Shell) -> str:
    bash = shell.spawn("bash", "--norc", "--noprofile", "-i")
    bash.sendline('eval "$(billet completion bash)"; echo re""ady')
    bash.expect("ready")
    return _typed(bash)


def complete_in_zsh(shell: Shell) -> str:
    zsh = shell.spawn("zsh", "-f", "-i")
    zsh.sendline("autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste")
    zsh.sendline('eval "$(billet completion zsh)"; echo re""ady')
    zsh.expect("ready")
    return _typed(zsh)


def _typed(shell: pexpect.spawn) -> str:
    """Return the line after Tab has completed it."""
    shell.send("echo billet; billet task do\t")
    shell.expect("billet task done")
    shell.send("\t")
    shell.expect("42|1")
    shown: str = shell.after
    shell.kill(signal.SIGKILL)
    shell.wait()
    shell.close()
    return shown


def complete_in_fish(shell: Shell) -> str:
    script = "billet completion fish | source; complete -C 'billet task done '"
    done = subprocess.run(
        ["fish", "--no-config", "-c", script],
        env=shell.environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    number, _, name = done.stdout.strip().partition("\t")
    assert name == "Write the report"
    return number


@pytest.mark.parametrize(
    "complete",
    [complete_in_bash, complete_in_zsh, complete_in_fish],
    ids=["bash", "zsh", "fish"],
)
def test_tab_completes_commands_and_tasks(
    serve: Serve, tmp_path: Path, complete: Callable[[Shell], str], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.id
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed; its completion is NOT TESTED")
    shell = Shell(tmp_path, serve("--db", "memory", "--data", str(tmp_path / "data")).url)
    assert shell.run("billet task add 'Write the report'").returncode == 0
    assert complete(shell) == "1"
