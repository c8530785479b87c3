"""The quotas that all processes share."""

from billet.migrations.migration import Migration
from billet.migrations.schema import Table

MIGRATION = Migration(
    file=__file__,
    title="create the table of quotas",
    tables=(Table("quotas", ("principal S", "window S")),),
    expiries={"quotas": "expires"},
)
