"""Whether the product can do its work."""

from chalicelib.dynamodb import queries


def check() -> None:
    """Asks the database for anything.

    Raises:
        Unavailable: it does not answer.
    """
    queries.ping()
