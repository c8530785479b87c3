"""The zip and the template of a stage: built now, or taken from a folder of `billet package`."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click

from billet.deploy import fixed
from billet.package import PackagingError, build
from billet.package import template as templates
from chalicelib.release import Release
from chalicelib.settings import Settings

FILES = ("deployment.zip", "sam.json", "build.json")


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
    def fixed(self) -> Settings:
        """The settings that are fixed in the template."""
        return fixed.of_template(self.template, self.template["Metadata"]["Billet"]["stage"])

    def settings(self, lanes: str) -> Settings:
        """Return the settings with which the deployed API finds its tables.

        Raises:
            click.ClickException: the number of lanes is not allowed.
        """
        found = {"STAGE": self.fixed.stage, "TABLE_PREFIX": self.fixed.prefix, "LANES": lanes}
        try:
            return Settings.from_environ(found)
        except ValueError as error:
            raise click.ClickException(
                f"Lanes: {Settings.allowed('LANES')}; give --parameter Lanes=N"
            ) from error

    def with_code_in(self, bucket: str, key: str) -> dict[str, Any]:
        """Return the template with the place of the uploaded zip."""
        template: dict[str, Any] = json.loads(json.dumps(self.template))
        for resource in template["Resources"].values():
            if resource["Type"] == "AWS::Serverless::Function":
                resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
        return template


@contextmanager
def of_stage(
    stage: str,
    folder: Path | None,
    runtime: str,
    architecture: str,
    *,
    deployed: Settings | None,
    given: fixed.Given,
) -> Iterator[Package]:
    """Yield the package of a stage; its files exist within the block.

    Args:
        folder: a folder of `billet package`; None builds one.
        deployed: the settings that are fixed in the template of the deployed stack, which are kept.
        given: those that the user wants to change.

    Raises:
        click.ClickException: it can't be built or read.
    """
    try:
        if folder:
            yield _read(stage, folder, deployed, given)
            return
        kept = fixed.values(deployed) if deployed else {}
        settings = fixed.of_stage(stage, {**kept, **given})
        with tempfile.TemporaryDirectory() as scratch:
            build(
                stage,
                Path(scratch),
                runtime=runtime,
                architecture=architecture,
                table_prefix=settings.table_prefix,
                auth_cache_seconds=settings.auth_cache_seconds,
                cognito_user_pool_arn=settings.cognito_user_pool_arn,
            )
            yield _read(stage, Path(scratch), settings, {})
    except PackagingError as error:
        raise click.ClickException(str(error)) from error


def _read(stage: str, folder: Path, deployed: Settings | None, given: fixed.Given) -> Package:
    """Read a package. It gets another template if it was made for another stage or other settings.

    Raises:
        click.ClickException: the folder has no package, or one with settings that would be lost.
    """
    zip_file, sam, facts = (folder / name for name in FILES)
    try:
        made = json.loads(facts.read_bytes())
        template = json.loads(sam.read_bytes())
        found = hashlib.sha256(zip_file.read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise click.ClickException(f"{folder}: not made by `billet package`: {error}") from error
    if found != made["sha256"]:
        raise click.ClickException(f"{zip_file}: is not the zip of {facts}: package it again")
    package = Package(zip_file, template, made)
    own = package.fixed
    if own.stage == stage:
        wanted = fixed.of_stage(stage, {**fixed.values(deployed or own), **given})
        if wanted == own:
            return package
        _require_no_loss(folder, own, wanted, given)
    else:
        kept = fixed.values(deployed) if deployed else {}
        wanted = fixed.of_stage(stage, {**kept, **given})
        own = fixed.of_stage(own.stage, {})
    if _template(own, made) != template:
        raise click.ClickException(
            f"{folder}: sam.json has options of `billet package` or changes that would be lost; "
            "package it without them, and give the options to `billet deploy`"
        )
    return package._replace(template=_template(wanted, made))


def _require_no_loss(folder: Path, own: Settings, wanted: Settings, given: fixed.Given) -> None:
    """Require that the options of a package have their effect, or are replaced by given ones.

    Raises:
        click.ClickException: a setting of the package differs from that of the deployed stack.
    """
    default = fixed.values(fixed.of_stage(own.stage, {}))
    kept = fixed.values(wanted)
    for name, value in fixed.values(own).items():
        if name not in given and value not in (default[name], kept[name]):
            raise click.ClickException(
                f"{folder}: was packaged with {name}={value}, and the deployed stack has "
                f"{kept[name] or 'none'}; {fixed.option(name)} says which to use"
            )


def _template(settings: Settings, made: Mapping[str, str]) -> dict[str, Any]:
    """Return the template with these settings for the same zip, in the form of JSON."""
    release = Release(made["version"], made["commit"])
    template = templates.build(settings, release, made["runtime"], made["architecture"])
    normalised: dict[str, Any] = json.loads(json.dumps(template))
    return normalised
