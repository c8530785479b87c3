"""The command `billet deploy`."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import click

from billet.cli import confirmation, options
from billet.cli.errors import cli_errors
from billet.deploy import artifacts, change_set, fixed, package, parameters, place, smoke, stack
from billet.deploy.package import Package
from billet.deploy.place import Place
from billet.deploy.stack import Stack
from billet.extras import billet_command
from billet.integrity import lookup
from billet.migrations import runner
from billet.package import DEFAULT_ARCHITECTURE, DEFAULT_RUNTIME
from billet.package.metrics import TIMEOUT_SECONDS
from billet.package.parameters import definitions
from billet.package.target import ARCHITECTURES, RUNTIMES
from chalicelib.dynamodb import client
from chalicelib.dynamodb.models import TokenModel
from chalicelib.settings import Settings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
DRAIN_SECONDS = TIMEOUT_SECONDS + 2
"""The time after which no request of the previous version runs any more."""
FIRST_STEP = "token create --name me --role admin"


class Options(NamedTuple):
    """What the user has chosen."""

    dry_run: bool
    yes: bool
    contract: bool
    role: str | None


@click.command()
@click.option("--stage", required=True, help="The name of the deployment, such as dev or prod.")
@click.option(
    "--package",
    "folder",
    type=_FOLDER,
    help="Deploy this folder of `billet package` instead of building a package. The zip of one "
    "stage can be deployed to another.",
)
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default=DEFAULT_RUNTIME,
    show_default=True,
    help="The runtime of Lambda, if a package is built.",
)
@click.option(
    "--architecture",
    type=click.Choice(ARCHITECTURES),
    default=DEFAULT_ARCHITECTURE,
    show_default=True,
    help="The processor in Lambda, if a package is built.",
)
@click.option(
    "--parameter",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="A parameter of the template, such as Lanes=4. Those that are not given keep their value.",
)
@click.option("--parameters", "file", type=_FILE, help="A JSON file with parameters.")
@click.option(
    "--table-prefix",
    callback=options.table_prefix,
    help="Use the tables PREFIX-*, for example restored ones. [default: kept, or billet-STAGE]",
)
@click.option(
    "--cognito-user-pool-arn",
    help="Accept the tokens of this user pool; empty: tokens of the API. [default: kept]",
)
@click.option(
    "--auth-cache-seconds",
    type=int,
    help="How long API Gateway caches the authentication of a token. [default: kept, or 300]",
)
@click.option("--role-arn", help="The role with which CloudFormation changes the resources.")
@click.option("--dry-run", is_flag=True, help="Print what would be done, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option(
    "--no-contract",
    is_flag=True,
    help="Do not remove what only the previous release needs; `billet migrate contract` does that.",
)
def deploy(
    stage: str,
    folder: Path | None,
    runtime: str,
    architecture: str,
    pairs: tuple[str, ...],
    file: Path | None,
    table_prefix: str | None,
    cognito_user_pool_arn: str | None,
    auth_cache_seconds: int | None,
    role_arn: str | None,
    dry_run: bool,
    yes: bool,
    no_contract: bool,
) -> None:
    """Deploy a stage to AWS, or change it, without downtime.

    Packages the API, migrates the database, changes the CloudFormation stack, and sends requests to
    the new version. If one fails, the stack gets its previous version back, and the exit status is
    1. docs/deploy-reference.md describes each step.
    """
    chosen = Options(dry_run, yes, not no_contract, role_arn or None)
    given = parameters.read(pairs, file)
    settings = {
        "TABLE_PREFIX": table_prefix,
        "COGNITO_USER_POOL_ARN": cognito_user_pool_arn,
        "AUTH_CACHE_SECONDS": None if auth_cache_seconds is None else str(auth_cache_seconds),
    }
    asked = {name: value for name, value in settings.items() if value is not None}
    parameters.check_role(role_arn)
    where = Place(stage)
    with cli_errors(announce=False), stack.resumable():
        current = stack.deployed(where)
        if folder is None:
            known = definitions()
            parameters.check(given, known)
            before = current.parameters if current else {}
            parameters.check_domain(parameters.in_effect(given, known, before))
            click.echo(f"Packaging for {runtime} on {architecture} …")
        deployed = fixed.of_template(stack.template(where), stage) if current else None
        with package.of_stage(
            stage, folder, runtime, architecture, deployed=deployed, given=asked
        ) as made:
            parameters.check(given, made.parameters)
            _Deployment(where, made, given, current, deployed, chosen).run()


class _Deployment:
    """A deployment, step by step."""

    def __init__(
        self,
        where: Place,
        made: Package,
        given: Mapping[str, str],
        current: Stack | None,
        deployed: Settings | None,
        options: Options,
    ) -> None:
        self._place = where
        self._package = made
        self._current = current
        self._deployed = deployed
        self._options = options
        previous = current.parameters if current else {}
        self._to_send = parameters.to_send(given, made.parameters, previous)
        self._values = parameters.in_effect(given, made.parameters, previous)
        self._given = given
        self._step = 0

    def run(self) -> None:
        """Print what will be done, and do it.

        Raises:
            click.ClickException: a step failed.
        """
        place.bind(self._package.settings(self._values.get("Lanes", "1")))
        self._print_plan()
        if self._options.dry_run:
            return
        if not self._options.yes:
            confirmation.ask(
                "Deploy?", "there is no terminal to ask on; --yes deploys without asking"
            )
        self._begin("Bucket and uploads")
        created = artifacts.prepare_bucket(self._place)
        click.echo(f"  {self._place.bucket}: {'created' if created else 'exists'}")
        key = artifacts.upload_zip(self._place, self._package.zip, self._package.build["sha256"])
        template = self._package.with_code_in(self._place.bucket, key)
        url = artifacts.upload_template(self._place, template)
        self._begin("Database: expand and backfill")
        runner.expand()
        runner.backfill()
        self._begin("Stack")
        previous = stack.template(self._place) if self._current else None
        changed = self._change_stack(url)
        self._begin("Smoke test")
        try:
            self._test()
        except smoke.SmokeTestFailed as error:
            raise self._after_failure(error, previous if changed else None, changed) from error
        click.echo("  passed")
        if self._options.contract:
            self._begin("Database: contract")
            if changed and self._current and not runner.status().complete:
                click.echo(f"  waiting {DRAIN_SECONDS} s for requests of the previous version")
                time.sleep(DRAIN_SECONDS)
            runner.contract()
        self._print_end()

    def _print_plan(self) -> None:
        place_, current = self._place, self._current
        click.echo(f"Package: {self._package}")
        facts = (current.status, current.description) if current else ("is created",)
        state = ", ".join(filter(None, facts))
        click.echo(f"Stack {place_.stack}: {state}")
        click.echo(f"Settings: {', '.join(self._settings_in_plan())}")
        if self._given:
            click.echo(f"Parameters: {', '.join(f'{k}={v}' for k, v in self._given.items())}")
        steps = [
            f"Upload the package and the template to the bucket {place_.bucket}",
            "Migrate the database: expand and backfill",
            f"{'Change' if current else 'Create'} the stack by a change set",
            "Send requests to the API; if one fails, restore the previous version",
            "Migrate the database: contract",
        ]
        for number, step in enumerate(steps if self._options.contract else steps[:-1], 1):
            click.echo(f"{number}. {step}")

    def _settings_in_plan(self) -> Iterator[str]:
        """Yield the settings that are fixed in the template, and what they were."""
        after = fixed.values(self._package.fixed)
        before = fixed.values(self._deployed) if self._deployed else after
        for name, value in after.items():
            if value != before[name]:
                yield f"{name}={value} (was {before[name] or 'empty'})"
            elif value:
                yield f"{name}={value}"

    def _begin(self, title: str) -> None:
        self._step += 1
        click.secho(f"[{self._step}] {title}", bold=True)

    def _change_stack(self, url: str) -> bool:
        """Apply the template; return whether it changed anything."""
        if self._current is None:
            self._remove_failed_stack()
        found = change_set.create(
            self._place,
            url,
            self._to_send,
            new=self._current is None,
            role=self._options.role,
        )
        if found is None:
            click.echo("  no change")
            return False
        change_set.show(found)
        change_set.apply(self._place, found)
        return True

    def _remove_failed_stack(self) -> None:
        """Delete the stack if its creation failed; CloudFormation can't change it any more."""
        found = stack.find(self._place)
        if found and found.status in stack.FAILED_FIRST:
            click.echo(f"  {self._place.stack} is in {found.status} and is deleted first")
            stack.delete(self._place, found, self._options.role)

    def _test(self) -> None:
        deployed = stack.find(self._place)
        assert deployed  # noqa: S101  # nosec B101
        build = self._package.build
        expected = {name: build[name] for name in ("version", "commit") if build[name]}
        has_own_tokens = not self._package.fixed.cognito_user_pool_arn
        smoke.run(deployed.outputs["EndpointURL"], expected, own_tokens=has_own_tokens)

    def _after_failure(
        self, error: Exception, previous: dict[str, Any] | None, changed: bool
    ) -> click.ClickException:
        """Restore what was before; return an error that says what is there now."""
        reason = " ".join(str(error).split())
        text = f"the smoke test failed: {reason}"
        if not changed:
            return click.ClickException(f"{text}; the stack was not changed")
        if previous is None or self._current is None:
            return click.ClickException(
                f"{text}; there is no previous version: the stack {self._place.stack} and its "
                f"tables remain, `billet destroy --stage {self._place.stage}` deletes the stack"
            )
        click.echo(f"  failed: {reason}")
        self._begin("Roll-back to the previous version")
        try:
            self._restore(previous, self._current.parameters)
        except click.ClickException as failed:
            return click.ClickException(f"{text}; the roll-back failed, too: {failed.message}")
        return click.ClickException(f"{text}; the previous version is restored")

    def _restore(self, template: dict[str, Any], values: Mapping[str, str]) -> None:
        """Change the stack back to its previous template and parameters."""
        url = artifacts.upload_template(self._place, template)
        role = self._options.role
        for given in parameters.of_roll_back(values):
            found = change_set.create(self._place, url, given, new=False, role=role)
            if found:
                change_set.apply(self._place, found)

    def _print_end(self) -> None:
        deployed = stack.find(self._place)
        assert deployed  # noqa: S101  # nosec B101
        click.echo(f"Deployed {deployed.outputs['EndpointURL']}")
        if emulator := client.endpoint():
            url = urlsplit(deployed.outputs["EndpointURL"])
            click.echo(f"Host: {url.netloc}")
            click.echo(f"curl -s {emulator}{url.path}v1/health -H 'Host: {url.netloc}'")
        if self._needs_a_token():
            variables = f"STAGE={self._place.stage}"
            if (prefix := self._package.fixed.prefix) != Settings(stage=self._place.stage).prefix:
                variables += f" TABLE_PREFIX={prefix}"
            click.echo(f"Create the first token: {variables} {billet_command()} {FIRST_STEP}")

    def _needs_a_token(self) -> bool:
        """Return whether the API takes tokens of its own and has none."""
        if self._package.fixed.cognito_user_pool_arn:
            return False
        return not any(page for page in lookup.items(TokenModel))
