"""Which database a command uses: the account or an emulator's endpoint, the region, the tables."""

import boto3
import click
from botocore.config import Config
from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as NotConnected

from chalicelib.dynamodb import client

SHORT_TIMEOUTS = Config(connect_timeout=3, read_timeout=3, retries={"total_max_attempts": 1})


def announce() -> None:
    """Print to standard error which database the command uses.

    Raises:
        BotoCoreError: there are no credentials.
    """
    context = click.get_current_context(silent=True)
    if context is not None and (line := context.find_root().obj):
        click.echo(line, err=True)
        return
    where = f"endpoint {endpoint}" if (endpoint := client.endpoint()) else f"account {_account()}"
    click.echo(f"{where}, region {client.region()}, tables {_tables()}", err=True)


def missing() -> str:
    """Return the error for tables that do not exist."""
    place = f"{endpoint}, " if (endpoint := client.endpoint()) else ""
    return (
        f"the tables {_tables()} in {place}region {client.region()} do not exist: check STAGE; "
        "`billet deploy` or `billet migrate up` creates them"
    )


def _tables() -> str:
    return f"{client.database.settings.prefix}-*"


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
