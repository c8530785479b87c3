"""Whether the API can do its work."""

from chalicelib.domain.errors import SchemaMismatch
from chalicelib.dynamodb import schema_version


def read_schema() -> int:
    """Return the schema of the database (strongly consistent read).

    Raises:
        SchemaMismatch: this release can't work with it.
        Unavailable: the database does not respond.
    """
    stored = schema_version.read()
    if stored.mismatch:
        raise SchemaMismatch(stored.mismatch)
    return stored.schema


require_schema = schema_version.require
