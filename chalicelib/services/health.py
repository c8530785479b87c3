"""Whether the API can do its work."""

from chalicelib.dynamodb import queries


def check() -> None:
    """Read from the database.

    Raises:
        Unavailable: the database does not respond.
    """
    queries.ping()
