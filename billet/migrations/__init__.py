"""The migrations of the database, in order. `billet migrate` runs them.

docs/migrations.md tells how they work, and how to write one."""

from billet.migrations import (
    m0001_tables,
    m0002_quotas,
    m0003_last_day,
    m0004_lane_count,
    m0005_reservations,
    m0006_token_expiry,
    m0007_table_settings,
    m0008_unassigned,
)
from billet.migrations.migration import Migration

MIGRATIONS: tuple[Migration, ...] = (
    m0001_tables.MIGRATION,
    m0002_quotas.MIGRATION,
    m0003_last_day.MIGRATION,
    m0004_lane_count.MIGRATION,
    m0005_reservations.MIGRATION,
    m0006_token_expiry.MIGRATION,
    m0007_table_settings.MIGRATION,
    m0008_unassigned.MIGRATION,
)
