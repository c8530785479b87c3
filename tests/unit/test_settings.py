"""Settings come from the environment, and errors name the invalid setting."""

import importlib
import re
from collections.abc import Iterator

import click
import pytest
from click.testing import CliRunner
from msgspec.structs import fields

from billet.cli import COMMANDS, main
from chalicelib.settings import Settings

ORIGINS = "must be * or origins such as https://a.example, separated by commas"
POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Abc123"
SWITCH = "must be one of on, off"
ALLOWED = {
    "STAGE": (
        "pr-7",
        "must be up to 32 lower-case letters, digits and hyphens, begin with a letter, and not end "
        "with a hyphen",
    ),
    "TABLE_PREFIX": ("a", "must be up to 64 letters, digits, dots, hyphens and underscores"),
    "LANES": ("1", "must be a whole number between 1 and 64"),
    "REQUIRE_IF_MATCH": ("on", SWITCH),
    "AUTH": ("on", SWITCH),
    "AUTH_CACHE_SECONDS": ("0", "must be a whole number between 0 and 3600"),
    "COGNITO_USER_POOL_ARN": (POOL, f"must be an ARN such as {POOL}"),
    "PORT": ("0", "must be a whole number between 0 and 65535"),
    "DOCS": ("off", SWITCH),
    "BOARD": ("off", SWITCH),
    "LOG_LEVEL": ("INFO", "must be one of DEBUG, INFO, WARNING, ERROR"),
    "SERVER_TIMING": ("on", SWITCH),
    "REQUEST_SECONDS": ("5", "must be a whole number between 5 and 900"),
    "CORS_ORIGINS": ("https://a.example", ORIGINS),
    "PUBLIC_URL": (
        "https://a.example",
        "must be a scheme and a host such as https://tasks.example, without a path",
    ),
    "RATE_QUOTA": ("0", "must be a whole number of 0 or more"),
    "RATE_WINDOW_SECONDS": ("1", "must be a whole number between 1 and 86400"),
    "RATE_BURST": ("1", "must be a whole number of 1 or more"),
    "RATE_SHARED": ("off", SWITCH),
}
"""For each setting a valid value, and the message for an invalid one."""


@pytest.mark.parametrize("name", [field.encode_name for field in fields(Settings)])
def test_each_setting_documents_its_values_and_rejects_line_breaks(name: str) -> None:
    value, allowed = ALLOWED[name]
    on = {} if name == "AUTH" else {"AUTH": "on"}
    Settings.from_environ({name: value} | on)
    for wrong in ("/ /", f"{value}\n", f"\n{value}"):
        with pytest.raises(ValueError, match=f"^{name}: {re.escape(allowed)}$"):
            Settings.from_environ({name: wrong} | on)


def test_each_command_option_rejects_invalid_values_in_one_line() -> None:
    errors = {}
    for words, option in _options():
        if isinstance(option.type, click.Choice | click.IntRange) or option.type is click.INT:
            arguments = [*words, max(option.opts, key=len), "/"]
            ended = CliRunner().invoke(main, arguments)
            assert ended.exit_code == 2, arguments
            assert re.fullmatch(r"Error: (\S+): must be [^\n']+\n", ended.stderr), arguments
            errors[" ".join(arguments[:-1])] = ended.stderr
    assert errors["serve --port"] == "Error: --port: must be a whole number between 0 and 65535\n"
    assert errors["serve --db"] == "Error: --db: must be one of auto, local, memory\n"
    assert len(errors) >= 8


def _options() -> Iterator[tuple[list[str], click.Option]]:
    """Yield each option of each command with its command words; bench and openapi are optional."""
    for name in sorted(COMMANDS.keys() - {"bench", "openapi"}):
        module, _, attribute = COMMANDS[name].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        inner = getattr(command, "commands", {}).items()
        for words, one in [([name], command), *(([name, word], one) for word, one in inner)]:
            yield from (
                (words, option) for option in one.params if isinstance(option, click.Option)
            )


def test_an_unset_or_empty_setting_has_its_default() -> None:
    assert Settings.from_environ({"LANES": "", "PATH": "/bin"}) == Settings()


def test_a_setting_is_parsed_as_its_type() -> None:
    environ = {"STAGE": "prod", "LANES": "16", "PORT": "0", "LOG_LEVEL": "DEBUG", "RATE_QUOTA": "0"}
    read = Settings.from_environ(environ)
    assert (read.stage, read.lanes, read.port, read.log_level) == ("prod", 16, 0, "DEBUG")
    assert read.quota == 0


def test_origins_are_separated_by_commas() -> None:
    assert Settings().origins == ()
    environ = {"CORS_ORIGINS": "https://a.example,http://localhost:8080"}
    assert Settings.from_environ(environ).origins == ("https://a.example", "http://localhost:8080")


def test_tables_are_named_after_the_stage_by_default() -> None:
    assert Settings.from_environ({"STAGE": "dev"}).prefix == "billet-dev"
    assert Settings.from_environ({"STAGE": "dev", "TABLE_PREFIX": "mine"}).prefix == "mine"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGE", "Prod"),
        ("TABLE_PREFIX", "a b"),
        ("LANES", "0"),
        ("LANES", "65"),
        ("LANES", "two"),
        ("PORT", "65536"),
        ("LOG_LEVEL", "TRACE"),
        ("REQUEST_SECONDS", "4"),
        ("CORS_ORIGINS", "https://a.example/"),
        ("CORS_ORIGINS", "https://a.example,*"),
        ("CORS_ORIGINS", "a.example"),
        ("PUBLIC_URL", "tasks.example"),
        ("PUBLIC_URL", "https://tasks.example/"),
        ("PUBLIC_URL", "https://me@tasks.example"),
        ("PUBLIC_URL", "https://tasks.example\n"),
        ("RATE_QUOTA", "-1"),
        ("RATE_WINDOW_SECONDS", "0"),
        ("RATE_BURST", "0"),
        ("AUTH", "yes"),
        ("AUTH_CACHE_SECONDS", "3601"),
        ("COGNITO_USER_POOL_ARN", "us-east-1_abc"),
    ],
)
def test_an_invalid_value_is_rejected_with_the_name_of_the_setting(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        Settings.from_environ({name: value})


@pytest.mark.parametrize(
    ("stage", "auth", "authenticated"),
    [
        ("local", "", False),
        ("local", "off", False),
        ("local", "on", True),
        ("dev", "", True),
        ("prod", "on", True),
    ],
)
def test_authentication_is_off_only_in_the_stage_local(
    stage: str, auth: str, authenticated: bool
) -> None:
    read = Settings.from_environ({"STAGE": stage, "AUTH": auth})
    assert read.authenticated is authenticated


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_deployed_stage_without_authentication_is_rejected(stage: str) -> None:
    with pytest.raises(ValueError, match=f"^AUTH: can't be off in the stage {stage}$"):
        Settings.from_environ({"STAGE": stage, "AUTH": "off"})


def test_a_user_pool_without_authentication_is_rejected() -> None:
    pool = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"
    assert Settings.from_environ({"STAGE": "dev", "COGNITO_USER_POOL_ARN": pool}).authenticated
    with pytest.raises(ValueError, match=r"^COGNITO_USER_POOL_ARN: needs AUTH=on$"):
        Settings.from_environ({"COGNITO_USER_POOL_ARN": pool})
