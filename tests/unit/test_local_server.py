"""The commands find the database of the local server, and never another one."""

import fcntl
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click import ClickException

from billet.emulators import local_server
from billet.emulators.local_server import advertise, advertise_address, use_running_server
from billet.people import session
from billet.people.command import WrongUsage

URL = "http://127.0.0.1:4699"


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Remove the variables that select a database."""
    saved = dict(os.environ)
    for name in (*local_server.DATABASE_VARIABLES, *local_server.TABLE_SETTINGS):
        os.environ.pop(name, None)
    yield
    os.environ.clear()
    os.environ.update(saved)


def test_a_running_servers_database_is_found_and_reported(tmp_path: Path) -> None:
    os.environ["STAGE"] = "dev"
    with advertise(tmp_path, URL):
        [file] = tmp_path.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        del os.environ["STAGE"]
        message = use_running_server(tmp_path)
    assert message == f"Database: {URL}, of the local server with process id {os.getpid()}"
    assert os.environ["AWS_ENDPOINT_URL_DYNAMODB"] == URL
    assert os.environ["STAGE"] == "dev"
    assert "127.0.0.1" in os.environ["NO_PROXY"]
    assert list(tmp_path.iterdir()) == []


def test_a_command_does_not_remove_the_file_of_a_server_that_just_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def lock_late(file: Any, operation: int) -> None:
        if operation == fcntl.LOCK_EX:
            assert use_running_server(tmp_path) is None
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", lock_late)
    with advertise(tmp_path, URL):
        assert use_running_server(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", local_server.DATABASE_VARIABLES)
def test_an_environment_variable_overrides_the_local_server(tmp_path: Path, name: str) -> None:
    os.environ[name] = "another"
    with advertise(tmp_path, URL):
        assert use_running_server(tmp_path) is None
    assert os.environ[name] == "another"
    assert os.environ.get("AWS_SECRET_ACCESS_KEY") != "local"


def test_the_state_file_of_a_killed_server_is_removed(tmp_path: Path) -> None:
    with advertise(tmp_path, URL):
        [file] = tmp_path.iterdir()
        text = file.read_text()
    file.write_text(text)
    assert use_running_server(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_several_running_servers_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with advertise(tmp_path, URL), advertise_address(tmp_path, "http://localhost:3000"):
        monkeypatch.setattr(os, "getpid", lambda: 2)
        with advertise(tmp_path, "http://127.0.0.1:4698"), pytest.raises(ClickException) as error:
            use_running_server(tmp_path)
        with (
            advertise(tmp_path, "http://127.0.0.1:4698"),
            advertise_address(tmp_path, "http://localhost:3413"),
            pytest.raises(ClickException) as both,
        ):
            use_running_server(tmp_path)
    set_one = "several servers run; set AWS_ENDPOINT_URL_DYNAMODB to one of"
    first = f"{URL} (the database of http://localhost:3000)"
    assert sorted(error.value.message.removeprefix(f"{set_one} ").split(", ")) == sorted(
        [first, "http://127.0.0.1:4698"]
    )
    assert sorted(both.value.message.removeprefix(f"{set_one} ").split(", ")) == sorted(
        [first, "http://127.0.0.1:4698 (the database of http://localhost:3413)"]
    )


def test_a_server_runs_with_a_read_only_folder(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with advertise(Path("/dev/null/x"), URL):
        assert "cannot find this database" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("answer", "message", "left"), [("n\n", "Nothing was deleted\n", True), ("y\n", "", False)]
)
def test_make_clean_data_deletes_only_after_confirmation(
    tmp_path: Path, answer: str, message: str, left: bool
) -> None:
    (tmp_path / ".billet").mkdir()
    makefile = Path(__file__).parents[2] / "Makefile"
    ended = subprocess.run(
        ["make", "-s", "-f", str(makefile), "clean-data"],
        cwd=tmp_path,
        input=answer,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert ended.stdout == f"Delete all local data in .billet? [y/N] {message}"
    assert (tmp_path / ".billet").exists() is left


def test_of_several_servers_the_default_one_is_used_or_a_choice_is_demanded(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert session.url() == session.DEFAULT_URL
    folder = tmp_path / local_server.DATA
    folder.mkdir()
    with advertise_address(folder, URL):
        assert session.url() == URL
        for path in folder.iterdir():
            path.rename(folder / "address-1.json")
        with advertise_address(folder, "http://localhost:4698"), pytest.raises(WrongUsage) as error:
            session.url()
        assert str(error.value) == (
            f"several servers run; set BILLET_URL to one of {URL}, http://localhost:4698"
        )
        with advertise_address(folder, session.DEFAULT_URL):
            assert session.url() == session.DEFAULT_URL
