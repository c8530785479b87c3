"""The tables of the first release. `billet tables create` of that release made the same."""

from billet.migrations.migration import Migration
from billet.migrations.schema import Index, Table

MIGRATION = Migration(
    file=__file__,
    title="create the tables, or adopt those that exist",
    tables=(
        Table(
            "users",
            ("id N",),
            (Index("newest", ("lane N", "recency S"), include=("username", "created_at")),),
        ),
        Table("usernames", ("name S",)),
        Table(
            "tasks",
            ("id N",),
            (
                Index("newest", ("lane N", "recency S")),
                Index("most_urgent", ("lane N", "urgency S")),
                Index("newest_by_status", ("status_lane S", "recency S")),
                Index("most_urgent_by_status", ("status_lane S", "urgency S")),
            ),
        ),
        Table(
            "assignments",
            ("user_id N", "recency S"),
            (
                Index("most_urgent", ("user_id N", "urgency S"), local=True),
                Index("newest_by_status", ("user_id N", "status_recency S"), local=True),
                Index("most_urgent_by_status", ("user_id N", "status_urgency S"), local=True),
            ),
        ),
        Table("counters", ("name S",)),
        Table("tokens", ("digest S",)),
        Table("replies", ("key S",)),
    ),
    expiries={"replies": "expires"},
)
