"""The region of the operator's commands, and the line that says where they write."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from billet.backup.commands import backup
from billet.cli import main, target
from billet.cli.doctor import doctor
from billet.cli.migrate import migrate
from billet.cli.seed import seed
from billet.cli.tokens import token
from billet.explain.command import explain
from billet.serve.databases import open_database
from billet.transfer.commands import export_command
from chalicelib.dynamodb import client
from chalicelib.settings import Settings

CONFIG = """
[default]
region = eu-north-1
[profile emulated]
endpoint_url = http://127.0.0.1:9
"""
VARIABLES = (
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_PROFILE",
)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Remove the variables of AWS and return the path of botocore's configuration."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "config"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(path))
    return path


@pytest.mark.parametrize(
    ("text", "variables", "region"),
    [
        (CONFIG, {}, "eu-north-1"),
        (CONFIG, {"AWS_DEFAULT_REGION": "eu-west-1"}, "eu-west-1"),
        (CONFIG, {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-2"}, "eu-west-2"),
        (CONFIG, {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "eu-north-1"),
        (CONFIG, {"AWS_PROFILE": "emulated"}, "us-east-1"),
        ("", {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "us-east-1"),
        ("", {"AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}, "us-east-1"),
        ("", {"AWS_ENDPOINT_URL": "https://dynamodb.eu-west-1.amazonaws.com"}, None),
        ("", {}, None),
    ],
)
def test_the_region_is_botocores_and_only_an_emulator_has_another_one(
    text: str,
    variables: Mapping[str, str],
    region: str | None,
    config: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config.write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert client.region() == region


def test_a_command_that_writes_names_the_account_of_the_credentials(
    moto_endpoint: str, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text(CONFIG)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", moto_endpoint)
    monkeypatch.setattr(client.database, "settings", Settings(stage="prod"), raising=False)
    assert written() == "account 123456789012, region eu-north-1, tables billet-prod-*"


def test_without_sts_the_account_is_unknown(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config.write_text(CONFIG)
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    monkeypatch.setattr(client.database, "settings", Settings(stage="prod"), raising=False)
    assert written() == "account unknown, region eu-north-1, tables billet-prod-*"


def written() -> str:
    runner = CliRunner()
    with runner.isolation() as (_, errors, _):
        target.announce()
        return errors.getvalue().decode().strip()


@pytest.mark.backend("moto")
@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (migrate, "up"),
        (migrate, "contract --to 1"),
        (token, "create --name me --role reader"),
        (token, "revoke nothing"),
        (seed, "--users 0 --tasks 0"),
        (doctor, "--repair"),
        (doctor, ""),
        (migrate, "status"),
        (migrate, "plan"),
        (migrate, "verify"),
        (token, "list"),
        (backup, "list"),
        (export_command, "-"),
        (explain, "GET /v1/tasks"),
    ],
)
def test_each_command_says_first_which_database_it_uses(
    command: object, arguments: str, database: Settings, endpoint: str
) -> None:
    ended = CliRunner().invoke(command, arguments.split())  # type: ignore[arg-type]
    place = f"endpoint {endpoint}, region us-east-1, tables {database.prefix}-*"
    assert ended.stderr.splitlines()[0] == place
    assert place not in ended.stdout


@pytest.mark.parametrize("command", ["doctor", "token list", "export -"])
def test_a_stage_without_tables_is_named(
    command: str, moto_endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_endpoint)
    monkeypatch.setenv("STAGE", "dve")
    assert refusal(command, tmp_path) == (
        f"Error: the tables billet-dve-* in {moto_endpoint}, region us-east-1 do not exist: check "
        "STAGE; `billet deploy` or `billet migrate up` creates them"
    )


HTML = b"<!doctype html>\n<html lang=en>\n<title>Not Found</title>"


class _OtherHandler(BaseHTTPRequestHandler):
    """Answers as a server that is no service of AWS."""

    status = 404
    body = HTML

    def do_POST(self) -> None:
        body = self.body
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def other_server(status: int, body: bytes) -> Iterator[str]:
    """Respond to each request as another server than AWS within the block, and yield the URL."""

    class Handler(_OtherHandler):
        pass

    Handler.status, Handler.body = status, body
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


WRONG_URLS = (
    "127.0.0.1:9",
    "nonsense",
    "http://",
    "http://a b",
    "http://127.0.0.1:99999",
    "ftp://a",
)
AWS_COMMANDS = (
    "backup list",
    "deploy --stage dev --dry-run",
    "destroy --stage dev",
    "doctor",
    "migrate status",
    "token list",
    "top --once --log-group group",
)


def refusal(command: str, folder: Path) -> str:
    """Return the line with which a command fails."""
    ended = CliRunner().invoke(main, ["--data", str(folder), *command.split()])
    assert ended.exit_code == 1, ended.output
    assert isinstance(ended.exception, SystemExit), ended.exception
    lines: list[str] = ended.stderr.splitlines()
    return lines[-1]


@pytest.mark.parametrize("command", AWS_COMMANDS)
@pytest.mark.parametrize(
    ("text", "variables", "error"),
    [
        (CONFIG, {"AWS_PROFILE": "nope"}, "AWS_PROFILE: The config profile (nope) could not be"),
        ("[[[", {}, "Unable to parse config file: "),
        (CONFIG, {"AWS_ENDPOINT_URL": "127.0.0.1:9"}, "AWS_ENDPOINT_URL: must be a URL such as "),
        ("[default]\nregion=eu-north-1\nendpoint_url=no", {}, "of AWS: must be a URL such as "),
    ],
)
def test_a_wrong_configuration_of_aws_is_one_line(
    command: str,
    text: str,
    variables: Mapping[str, str],
    error: str,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config.write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert error in refusal(command, tmp_path)


@pytest.mark.parametrize("name", client.ENDPOINTS)
@pytest.mark.parametrize("url", WRONG_URLS)
@pytest.mark.usefixtures("config")
def test_an_endpoint_that_is_no_url_is_one_line(
    name: str, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, url)
    error = f"{name}: must be a URL such as http://127.0.0.1:4566, not {url}"
    assert refusal("doctor", tmp_path) == f"Error: {error}"


def test_the_server_refuses_an_endpoint_that_is_no_url(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "127.0.0.1:8000")
    with (
        pytest.raises(click.ClickException, match="AWS_ENDPOINT_URL_DYNAMODB: must be"),
        open_database("auto", tmp_path),
    ):
        pass


@pytest.mark.parametrize(
    ("command", "status", "body"),
    [
        *((command, *reply) for command in AWS_COMMANDS for reply in ((404, HTML), (405, b"no"))),
        *((command, 200, HTML) for command in ("doctor", "migrate status", "token list")),
        ("doctor", 200, b""),
    ],
)
def test_an_endpoint_that_is_another_server_is_one_line(
    command: str,
    status: int,
    body: bytes,
    config: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config.write_text(CONFIG)
    with other_server(status, body) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        line = refusal(command, tmp_path)
    assert line.startswith("Error: ")
    assert f"the endpoint {url} " in line
    assert "check AWS_ENDPOINT_URL_DYNAMODB and AWS_ENDPOINT_URL" in line
