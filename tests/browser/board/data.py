"""Realistic tasks for the board."""

from datetime import date, timedelta

from billet_client import Client, Status

NAMES = (
    "Write the report",
    "Call the landlord about the heating",
    "Order paper",
    "Review the draft of the contract with Ann and send all comments to the lawyer by e-mail",
    "Plan the summer party 🎉",
    "Fix the printer on the second floor",
    "Überweisung an die Stadtwerke prüfen",
)
STATUSES: tuple[Status, ...] = ("PENDING", "IN_PROGRESS", "PENDING", "DONE", "PENDING", "CANCELLED")


def fill(client: Client, count: int) -> None:
    """Create three people and `count` tasks, each third of them assigned."""
    people = [client.users.create(f"{name}@example.com").id for name in ("ann", "bob", "cem")]
    for number in range(count):
        day = date.today() + timedelta(days=number % 40 - 5)  # noqa: DTZ011, as the board
        task = client.tasks.create(
            f"{NAMES[number % len(NAMES)]} ({number + 1})",
            desc="Two pages, with figures.\n" * (number % 2),
            status=STATUSES[number % len(STATUSES)],
            expires_at=day if number % 4 else None,
        )
        for person in people[: number % 4]:
            client.tasks.assign(task.id, person)
