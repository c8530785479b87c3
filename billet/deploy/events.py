"""The events of a stack: the progress of a change, and why a resource failed."""

import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import click
from botocore.exceptions import ClientError

from billet.deploy.place import Place

POLL_SECONDS = 2.0
MAX_WAIT_SECONDS = 2 * 3600.0
"""The longest time that a change may take. A canary deployment takes up to half an hour."""
CONSEQUENCE = ("cancelled", "rollback requested", "The following resource(s) failed")
"""Parts of reasons that follow from another failure."""
COLORS = {"COMPLETE": "green", "FAILED": "red"}
Event = Mapping[str, Any]


def seen(place: Place, stack_id: str) -> set[str]:
    """Return the ids of the stack's events until now."""
    return {event["EventId"] for event in _events(place, stack_id)}


def wait(place: Place, stack_id: str, before: Collection[str], wanted: Collection[str]) -> None:
    """Print the stack's events until its change has ended.

    Args:
        before: the ids of the events of earlier changes.
        wanted: the states of the stack in which the change has succeeded.

    Raises:
        click.ClickException: it failed. The text has the reason of the first resource that failed.
    """
    end = time.monotonic() + MAX_WAIT_SECONDS
    known, failures = set(before), list[Event]()
    status = ""
    while True:
        for event in reversed(list(_new_events(place, stack_id, known))):
            known.add(event["EventId"])
            if event.get("PhysicalResourceId") == stack_id:
                status = event["ResourceStatus"]
            else:
                _show(event)
            if event["ResourceStatus"].endswith("_FAILED"):
                failures.append(event)
        if status and not status.endswith("_IN_PROGRESS"):
            break
        if time.monotonic() >= end:
            raise click.ClickException(f"{place.stack} is still in {status}; see its events")
        time.sleep(POLL_SECONDS)
    if status not in wanted:
        raise click.ClickException(failure(place.stack, status, failures))


def failure(stack: str, status: str, failures: Collection[Event]) -> str:
    """Return a line with the resource that failed first and its own reason."""
    causes = [event for event in failures if not _is_consequence(event)] or list(failures)
    if not causes:
        return f"{stack} is in {status}"
    cause = causes[0]
    reason = " ".join(cause.get("ResourceStatusReason", "no reason is given").split())
    name, kind = cause["LogicalResourceId"], cause["ResourceType"]
    return f"{name} ({kind}): {reason} ({stack} is in {status})"


def _is_consequence(event: Event) -> bool:
    reason = event.get("ResourceStatusReason", "")
    return any(part in reason for part in CONSEQUENCE)


def _new_events(place: Place, stack_id: str, known: Collection[str]) -> Iterator[Event]:
    """Yield the events after the known ones, newest first."""
    for event in _events(place, stack_id):
        if event["EventId"] in known:
            return
        yield event


def _events(place: Place, stack_id: str) -> Iterator[Event]:
    pages = place.client("cloudformation").get_paginator("describe_stack_events")
    try:
        for page in pages.paginate(StackName=stack_id):
            yield from page["StackEvents"]
    except ClientError as error:
        if "does not exist" not in error.response["Error"]["Message"]:
            raise


def _show(event: Event) -> None:
    status = event["ResourceStatus"]
    if status.endswith("_IN_PROGRESS"):
        return
    color = COLORS.get(status.rpartition("_")[2])
    kind = event["ResourceType"].removeprefix("AWS::")
    click.echo(f"  {click.style(status, fg=color)} {event['LogicalResourceId']} ({kind})")
