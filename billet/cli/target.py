"""Where a command writes: the account or an emulator's endpoint, the region, and the tables."""

import boto3
import click
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from chalicelib.dynamodb import client

SHORT_TIMEOUTS = Config(connect_timeout=3, read_timeout=3, retries={"total_max_attempts": 1})


def announce() -> None:
    """Print to standard error where the command writes. Each command that writes does so first.

    The group of commands has already named the database of a local server.

    Raises:
        BotoCoreError: there are no credentials.
    """
    context = click.get_current_context(silent=True)
    if context is not None and context.find_root().obj:
        return
    where = f"endpoint {endpoint}" if (endpoint := client.endpoint()) else f"account {_account()}"
    tables = client.database.settings.prefix
    click.echo(f"{where}, region {client.region()}, tables {tables}-*", err=True)


def session() -> boto3.Session:
    """Return a session in the region of the command."""
    return boto3.Session(region_name=client.region())


def _account() -> str:
    """Return the id of the account; "unknown" if STS does not respond."""
    sts = session().client("sts", config=SHORT_TIMEOUTS)
    try:
        account: str = sts.get_caller_identity()["Account"]
    except (ClientError, NotConnected, HTTPClientError):
        return "unknown"
    return account
