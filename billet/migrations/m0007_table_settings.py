"""The tables of a deployed stage can be restored, are protected from deletion, and have tags."""

from billet.migrations.migration import Migration
from billet.migrations.schema import TableSettings

MIGRATION = Migration(
    file=__file__,
    title="protect the tables of deployed stages",
    settings=TableSettings(
        point_in_time_recovery=True,
        deletion_protection=True,
        tags={"application": "billet-tasks", "stage": "{stage}"},
    ),
)
