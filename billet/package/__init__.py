"""The command `billet package`: the zip for Lambda and the template that deploys it.

    libraries    the libraries of the lock files, as wheels for Lambda
    archive      the zip: small, fast to import, reproducible
    template     the CloudFormation template, with parameters, policies, metrics and api_gateway
    chalice_config  refuses settings of Chalice that have no effect here

`build` is what `billet deploy` calls.
"""

import hashlib
import json
import tempfile
from pathlib import Path
from typing import NamedTuple

import click

from billet.cli import options
from billet.package.errors import PackagingError
from billet.package.target import ARCHITECTURES, RUNTIMES, Target
from chalicelib.settings import LOCAL, Settings

__all__ = ["Built", "PackagingError", "build", "package"]

DEFAULT_RUNTIME, DEFAULT_ARCHITECTURE = RUNTIMES[-1], ARCHITECTURES[0]


class Built(NamedTuple):
    """A package: its files and what they were made from."""

    zip: Path
    template: Path
    version: str
    commit: str
    runtime: str
    architecture: str
    sha256: str
    """Of the zip, in hexadecimal."""


def build(
    stage: str,
    out: Path,
    *,
    runtime: str = DEFAULT_RUNTIME,
    architecture: str = DEFAULT_ARCHITECTURE,
    python: str | None = None,
    commit: str | None = None,
    table_prefix: str = "",
    auth_cache_seconds: int = 300,
    cognito_user_pool_arn: str = "",
) -> Built:
    """Write deployment.zip, sam.json and build.json of a stage into a folder.

    The zip does not depend on the stage.

    Args:
        stage: the name of the deployment; any but local.
        out: the folder, which is created if necessary.
        runtime: Lambda's name for it; one of `RUNTIMES`.
        architecture: one of `ARCHITECTURES`.
        python: an interpreter of the runtime's version; the default is this one or that on PATH.
        commit: the commit that is packaged; the default is what git says.
        table_prefix: the setting TABLE_PREFIX.
        auth_cache_seconds: the setting AUTH_CACHE_SECONDS.
        cognito_user_pool_arn: the setting COGNITO_USER_POOL_ARN.

    Raises:
        PackagingError: there is no package that can run. The text is one line.
    """
    from billet.package import archive, chalice_config, libraries, source, template

    settings = _settings(stage, table_prefix, auth_cache_seconds, cognito_user_pool_arn)
    source.require_repository()
    chalice_config.check()
    target = Target.of(runtime, architecture, python)
    release = source.release(commit)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        libraries.install(target, folder)
        source.copy(release, folder)
        out.mkdir(parents=True, exist_ok=True)
        archive.write(folder, out / "deployment.zip", target)
    described = template.build(settings, release, runtime, architecture)
    (out / "sam.json").write_text(json.dumps(described, indent=1) + "\n")
    sha256 = hashlib.sha256((out / "deployment.zip").read_bytes()).hexdigest()
    facts = {**release._asdict(), "runtime": runtime, "architecture": architecture}
    facts["sha256"] = sha256
    (out / "build.json").write_text(json.dumps(facts, indent=1) + "\n")
    return Built(out / "deployment.zip", out / "sam.json", **facts)


def _settings(stage: str, prefix: str, cache_seconds: int, pool: str) -> Settings:
    if stage == LOCAL:
        raise PackagingError(f"--stage: {LOCAL} is the stage of `billet serve`; use another name")
    if not stage:
        raise PackagingError(f"--stage: {Settings.allowed('STAGE')}")
    try:
        return Settings.from_environ(
            {
                "STAGE": stage,
                "TABLE_PREFIX": prefix,
                "AUTH_CACHE_SECONDS": str(cache_seconds),
                "COGNITO_USER_POOL_ARN": pool,
            }
        )
    except ValueError as error:
        name, _, allowed = str(error).partition(": ")
        raise PackagingError(f"--{name.lower().replace('_', '-')}: {allowed}") from error


@click.command()
@click.option("--stage", required=True, help="The name of the deployment, such as dev or prod.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for deployment.zip, sam.json and build.json; existing ones are replaced.",
)
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default=DEFAULT_RUNTIME,
    show_default=True,
    help="The runtime of Lambda.",
)
@click.option(
    "--architecture",
    type=click.Choice(ARCHITECTURES),
    default=DEFAULT_ARCHITECTURE,
    show_default=True,
    help="The processor in Lambda.",
)
@click.option(
    "--python",
    help="The Python that compiles the modules; it must have the version of the runtime. "
    "[default: this one, or the one on PATH]",
)
@click.option("--commit", help="The commit that is packaged. [default: the one that git has]")
@click.option(
    "--table-prefix",
    callback=options.table_prefix,
    help="The setting TABLE_PREFIX. [default: billet-STAGE]",
)
@click.option(
    "--auth-cache-seconds",
    type=int,
    default=300,
    show_default=True,
    help="The setting AUTH_CACHE_SECONDS.",
)
@click.option("--cognito-user-pool-arn", default="", help="The setting COGNITO_USER_POOL_ARN.")
def package(
    stage: str,
    out: Path,
    runtime: str,
    architecture: str,
    python: str | None,
    commit: str | None,
    table_prefix: str | None,
    auth_cache_seconds: int,
    cognito_user_pool_arn: str,
) -> None:
    """Build the zip for Lambda and the CloudFormation template of a stage.

    Downloads the libraries of the lock file as wheels for Lambda from the package index.
    """
    try:
        built = build(
            stage,
            out,
            runtime=runtime,
            architecture=architecture,
            python=python,
            commit=commit,
            table_prefix=table_prefix or "",
            auth_cache_seconds=auth_cache_seconds,
            cognito_user_pool_arn=cognito_user_pool_arn,
        )
    except PackagingError as failure:
        raise click.ClickException(str(failure)) from failure
    size = built.zip.stat().st_size / 1e6
    made_for = f"{built.version}, commit {built.commit or 'unknown'}, {runtime}, {architecture}"
    click.echo(f"{built.zip}: {size:.1f} MB, {made_for}")
    click.echo(f"{built.template}: the template of {stage}; docs/packaging.md describes it")
