"""Where a stage is deployed."""

import os
from functools import cached_property
from typing import Any

import boto3
import click

from billet.cli import target
from billet.cli.errors import NO_REGION, aws_errors
from chalicelib.dynamodb import client
from chalicelib.settings import LOCAL, Settings


class Place:
    """An account, a region and a stage.

    Raises:
        click.ClickException: the name is not allowed, there is no region, or the credentials are
            not valid.
    """

    @aws_errors()
    def __init__(self, stage: str) -> None:
        _require_valid(stage)
        region = client.region()
        if region is None:
            raise click.ClickException(f"no region; {NO_REGION}")
        _require_one_endpoint()
        self.stage = stage
        self.region = region
        self.session: boto3.Session = target.session()
        self._clients: dict[str, Any] = {}
        identity = self.client("sts").get_caller_identity()
        self.account: str = identity["Account"]
        self.partition: str = identity["Arn"].split(":")[1]

    def client(self, service: str) -> Any:
        """Return boto3's client of a service."""
        if service not in self._clients:
            self._clients[service] = self.session.client(service)
        return self._clients[service]

    @cached_property
    def stack(self) -> str:
        """The name of the stack."""
        return f"billet-tasks-{self.stage}"

    @cached_property
    def bucket(self) -> str:
        """The name of the bucket for artifacts, which all stages of the region share."""
        return f"billet-tasks-artifacts-{self.account}-{self.region}"

    def url_of(self, key: str) -> str:
        """Return the URL of an object in the bucket."""
        suffix = "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"
        return f"https://{self.bucket}.s3.{self.region}.{suffix}/{key}"


def _require_valid(stage: str) -> None:
    """Require a name that the settings accept, and that is not the local server's.

    Raises:
        click.ClickException: it is not.
    """
    if not stage:  # which the settings take for the stage local
        raise click.ClickException(f"--stage: {Settings.allowed('STAGE')}")
    try:
        Settings.from_environ({"STAGE": stage})
    except ValueError as error:
        raise click.ClickException(f"--stage: {str(error).partition(': ')[2]}") from error
    if stage == LOCAL:
        raise click.ClickException(f"--stage: {LOCAL} is the stage of `billet serve`")


def _require_one_endpoint() -> None:
    """Require that the tables are where the stack is.

    Raises:
        click.ClickException: they are not.
    """
    database, services = map(os.environ.get, client.ENDPOINTS)
    if database and database != services:
        raise click.ClickException(
            "AWS_ENDPOINT_URL_DYNAMODB: must not be set, because the tables have to be where the "
            "stack is; AWS_ENDPOINT_URL sets the endpoint of all services"
        )


def bind(settings: Settings) -> None:
    """Use the tables of these settings, and print where they are."""
    client.bind(settings)
    target.announce()
