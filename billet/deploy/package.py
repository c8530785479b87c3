"""The zip and the template of a stage: built now, or taken from a folder of `billet package`."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from billet.package import PackagingError, build
from billet.package import template as templates
from chalicelib.release import Release
from chalicelib.settings import Settings

FILES = ("deployment.zip", "sam.json", "build.json")
FUNCTION = "APIHandler"


class Package(NamedTuple):
    """What is deployed."""

    zip: Path
    template: dict[str, Any]
    build: Mapping[str, str]
    """The version, commit, runtime, architecture and the zip's sha256."""

    def __str__(self) -> str:
        made_for = f"{self.build['runtime']} on {self.build['architecture']}"
        commit = self.build["commit"] or "unknown"
        return f"{self.build['version']}, commit {commit}, {made_for}"

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The parameters of the template."""
        found: Mapping[str, Any] = self.template.get("Parameters", {})
        return found

    @property
    def variables(self) -> Mapping[str, Any]:
        """The environment variables of the API's function."""
        properties = self.template["Resources"][FUNCTION]["Properties"]
        found: Mapping[str, Any] = properties["Environment"]["Variables"]
        return found

    def settings(self, lanes: str) -> Settings:
        """Return the settings with which the deployed API finds its tables."""
        names = ("STAGE", "TABLE_PREFIX")
        fixed = {name: self.variables[name] for name in names if name in self.variables}
        return Settings.from_environ({**fixed, "LANES": lanes})

    def with_code_in(self, bucket: str, key: str) -> dict[str, Any]:
        """Return the template with the place of the uploaded zip."""
        template: dict[str, Any] = json.loads(json.dumps(self.template))
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
        return template


@contextmanager
def of_stage(stage: str, folder: Path | None, runtime: str, architecture: str) -> Iterator[Package]:
    """Yield the package of a stage; its files exist within the block.

    Args:
        folder: a folder of `billet package`; None builds one.

    Raises:
        click.ClickException: it can't be built or read.
    """
    try:
        if folder:
            yield _read(stage, folder)
            return
        with tempfile.TemporaryDirectory() as scratch:
            build(stage, Path(scratch), runtime=runtime, architecture=architecture)
            yield _read(stage, Path(scratch))
    except PackagingError as error:
        raise click.ClickException(str(error)) from error


def _read(stage: str, folder: Path) -> Package:
    """Read a package. One that was made for another stage gets the template of this stage."""
    zip_file, sam, facts = (folder / name for name in FILES)
    try:
        made = json.loads(facts.read_bytes())
        template = json.loads(sam.read_bytes())
        found = hashlib.sha256(zip_file.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{folder}: not made by `billet package`: {error}") from error
    if found != made["sha256"]:
        raise click.ClickException(f"{zip_file}: is not the zip of {facts}: package it again")
    packaged_for = template["Metadata"]["Billet"]["stage"]
    if packaged_for == stage:
        return Package(zip_file, template, made)
    if _template(packaged_for, made) != template:
        raise click.ClickException(
            f"{folder}: was packaged for {packaged_for} with options of `billet package`, which "
            f"are not in build.json; package it for {stage} with the same options"
        )
    return Package(zip_file, _template(stage, made), made)


def _template(stage: str, made: Mapping[str, str]) -> dict[str, Any]:
    """Return the template of a stage for the same zip, in the form of JSON."""
    release = Release(made["version"], made["commit"])
    settings = Settings.from_environ({"STAGE": stage})
    template = templates.build(settings, release, made["runtime"], made["architecture"])
    normalised: dict[str, Any] = json.loads(json.dumps(template))
    return normalised
