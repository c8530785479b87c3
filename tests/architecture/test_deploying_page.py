"""The commands of docs/deploying.md, the workflows, buildspec.yml and pipeline.json exist."""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest
import yaml

from billet.cli import COMMANDS
from billet.package import parameters

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "deploying.md").read_text()
PIPELINES = (
    "buildspec.yml",
    "infrastructure/pipeline.json",
    *(str(path.relative_to(ROOT)) for path in (ROOT / ".github" / "workflows").glob("deploy*.yml")),
)
CALL = re.compile(r"(?:^|[\s`])(?:python -m )?billet ((?:[a-z]+ )+--[^`&\n]*)")


def calls(text: str) -> Iterator[list[str]]:
    """Yield the words of each call of the command with options."""
    for found in CALL.findall(text.replace("\\\n", " ").replace('\\"', '"').replace("\\n", "\n")):
        yield shlex.split(found.replace("`", ""))


def unknown_options(words: list[str]) -> set[str]:
    """Return the options of a call that its command does not have."""
    module, _, name = COMMANDS[words[0]].partition(":")
    command: click.Command = getattr(import_module(module), name)
    rest = words[1:]
    while isinstance(command, click.Group):
        command = command.commands[rest.pop(0)]
    known = {option for parameter in command.params for option in parameter.opts}
    return {word for word in rest if word.startswith("--")} - known


@pytest.mark.parametrize("path", ["docs/deploying.md", *PIPELINES])
def test_the_commands_have_the_options_that_are_used(path: str) -> None:
    for words in calls((ROOT / path).read_text()):
        assert unknown_options(words) == set(), words


def test_calls_are_found_and_an_unknown_option_is_noticed() -> None:
    text = (
        "run `billet package --stage dev --oot build` or\n"
        "    python -m billet token create --name a \\\n  --role b"
    )
    first, second = calls(text)
    assert unknown_options(first) == {"--oot"}
    assert (second[-1], unknown_options(second)) == ("b", set())


def test_the_parameters_in_the_page_exist() -> None:
    named = re.findall(r"--parameter (\w+)=|^\| [^|]+ \| `(\w+)=", PAGE, re.MULTILINE)
    names = {one or other for one, other in named} - {"NAME"}
    assert len(names) > 8
    assert names <= parameters.definitions().keys()


def test_the_artifact_of_the_build_has_what_the_deployment_needs() -> None:
    specification = yaml.safe_load((ROOT / "buildspec.yml").read_text())
    assert specification["version"] == 0.2
    assert set(specification) == {"version", "phases", "artifacts"}
    assert set(specification["phases"]) <= {"install", "pre_build", "build", "post_build"}
    patterns = [one for one in specification["artifacts"]["files"] if not one.startswith("build/")]
    found = {path.relative_to(ROOT).parts[0] for one in patterns for path in ROOT.glob(one)}
    assert {"app.py", "billet", "chalicelib", ".chalice", "requirements-serve.txt"} <= found
