"""Whether the product can do its work."""

from chalicelib.storage import reads


def check() -> None:
    """Asks the database for anything.

    Raises:
        Unavailable: it does not answer.
    """
    reads.ping()
