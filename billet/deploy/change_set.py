"""Change sets: create one, show its changes, apply it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import click
from botocore.exceptions import ClientError
from rich.console import Console
from rich.table import Table

from billet.deploy import events, stack
from billet.deploy.place import Place

POLL_SECONDS = 1.0
MAX_WAIT_SECONDS = 600.0
NO_CHANGE = ("didn't contain changes", "No updates are to be performed")
CAPABILITIES = ["CAPABILITY_IAM"]
ANOTHER_CHANGE = ("AlreadyExistsException", "InvalidChangeSetStatus")
"""The codes of CloudFormation if another deployment was faster."""
SUCCESS = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
NOTES = {
    "True": "is replaced",
    "Conditional": "may be replaced",
}


class ChangeSet(NamedTuple):
    """A change set that can be applied."""

    id: str
    stack_id: str
    changes: Sequence[Mapping[str, Any]]


def create(
    place: Place,
    template_url: str,
    parameters: Sequence[Mapping[str, Any]],
    *,
    new: bool,
    role: str | None,
) -> ChangeSet | None:
    """Create a change set and wait for it.

    Args:
        new: whether the stack has to be created.
        role: the ARN of a role for CloudFormation.

    Returns:
        The change set, or None if it would change nothing.

    Raises:
        click.ClickException: CloudFormation refuses it.
    """
    cloudformation = place.client("cloudformation")
    with _one_at_a_time(place):
        made = cloudformation.create_change_set(
            StackName=place.stack,
            ChangeSetName=f"billet-{time.time_ns()}",
            ChangeSetType="CREATE" if new else "UPDATE",
            TemplateURL=template_url,
            Parameters=parameters,
            Capabilities=CAPABILITIES,
            Tags=[{"Key": "app", "Value": "billet-tasks"}, {"Key": "stage", "Value": place.stage}],
            **({"RoleARN": role} if role else {}),
        )
    described = _await(place, made["Id"])
    if described["Status"] == "CREATE_COMPLETE":
        return ChangeSet(made["Id"], made["StackId"], _changes(place, made["Id"]))
    _discard(place, made["Id"], new=new)
    reason = described.get("StatusReason", "no reason is given")
    if any(text in reason for text in NO_CHANGE):
        return None
    raise click.ClickException(f"{place.stack}: {reason}")


def show(change_set: ChangeSet) -> None:
    """Print the changes as a table."""
    table = Table("change", "resource", "type", "note", box=None)
    for change in sorted(change_set.changes, key=_order):
        note = NOTES.get(change.get("Replacement", ""), "")
        name, kind = change["LogicalResourceId"], change["ResourceType"]
        table.add_row(change["Action"], name, kind.removeprefix("AWS::"), note)
    Console(width=None if Console().is_terminal else 120).print(table)


def _order(change: Mapping[str, Any]) -> tuple[str, str]:
    return change["Action"], change["LogicalResourceId"]


def apply(place: Place, change_set: ChangeSet) -> None:
    """Apply a change set and wait.

    Raises:
        click.ClickException: it failed, and CloudFormation has restored what was before.
    """
    before = events.seen(place, change_set.stack_id)
    with _one_at_a_time(place):
        place.client("cloudformation").execute_change_set(ChangeSetName=change_set.id)
    events.wait(place, change_set.stack_id, before, SUCCESS)


@contextmanager
def _one_at_a_time(place: Place) -> Iterator[None]:
    """Turn CloudFormation's refusals of a second change into an error that says so.

    Raises:
        click.ClickException: another change of the stack runs, or was faster.
    """
    try:
        yield
    except ClientError as error:
        details = error.response["Error"]
        if details["Code"] in ANOTHER_CHANGE or "_IN_PROGRESS" in details["Message"]:
            raise stack.running(place) from error
        raise


def _await(place: Place, change_set: str) -> Mapping[str, Any]:
    end = time.monotonic() + MAX_WAIT_SECONDS
    while True:
        described: Mapping[str, Any] = place.client("cloudformation").describe_change_set(
            ChangeSetName=change_set
        )
        if described["Status"] not in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
            return described
        if time.monotonic() >= end:
            raise click.ClickException(f"{place.stack}: the change set is still being created")
        time.sleep(POLL_SECONDS)


def _changes(place: Place, change_set: str) -> list[Mapping[str, Any]]:
    pages = place.client("cloudformation").get_paginator("describe_change_set")
    return [
        change["ResourceChange"]
        for page in pages.paginate(ChangeSetName=change_set)
        for change in page["Changes"]
    ]


def _discard(place: Place, change_set: str, *, new: bool) -> None:
    """Delete a change set, and the empty stack that it has made."""
    place.client("cloudformation").delete_change_set(ChangeSetName=change_set)
    found = stack.find(place) if new else None
    if found and found.status == stack.NEW:
        place.client("cloudformation").delete_stack(StackName=place.stack)
