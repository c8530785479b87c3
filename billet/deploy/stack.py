"""The state of a stack."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import click
from botocore.exceptions import ClientError

from billet.deploy import events
from billet.deploy.place import Place

NEW = "REVIEW_IN_PROGRESS"
"""The state of a stack that has only a change set."""
FAILED_FIRST = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED")
"""The states of a stack that CloudFormation can only delete."""
STUCK = "UPDATE_ROLLBACK_FAILED"


class Stack(NamedTuple):
    """A stack as CloudFormation describes it."""

    id: str
    status: str
    parameters: dict[str, str]
    outputs: dict[str, str]
    protected: bool
    """Whether it can't be deleted until the protection is removed."""
    description: str


def find(place: Place) -> Stack | None:
    """Return the stack of the stage, or None if it does not exist."""
    try:
        [one] = place.client("cloudformation").describe_stacks(StackName=place.stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return Stack(
        one["StackId"],
        one["StackStatus"],
        {pair["ParameterKey"]: pair["ParameterValue"] for pair in one.get("Parameters", ())},
        {pair["OutputKey"]: pair["OutputValue"] for pair in one.get("Outputs", ())},
        one.get("EnableTerminationProtection", False),
        one.get("Description", ""),
    )


def deployed(place: Place) -> Stack | None:
    """Return the stack if it can be changed; None if it has to be created.

    Raises:
        click.ClickException: the stack is being changed, or its owner has to repair it.
    """
    found = find(place)
    if found is None or found.status == NEW or found.status in FAILED_FIRST:
        return None
    if found.status == STUCK:
        raise click.ClickException(
            f"{place.stack} is in {STUCK}: `aws cloudformation continue-update-rollback "
            f"--stack-name {place.stack}` finishes the roll-back"
        )
    if found.status.endswith("_IN_PROGRESS"):
        raise click.ClickException(
            f"{place.stack} is being changed ({found.status}); try again when that is complete"
        )
    return found


@contextmanager
def resumable() -> Iterator[None]:
    """Say after Ctrl-C what goes on.

    Raises:
        click.ClickException: the user has pressed Ctrl-C.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise click.ClickException(
            "stopped; CloudFormation goes on with what it has begun: run the same command again"
        ) from error


def running(place: Place) -> click.ClickException:
    """Return the error for two changes of a stack at the same time."""
    return click.ClickException(
        f"another deployment of {place.stage} is running; try again when it is complete"
    )


def delete(place: Place, found: Stack, role: str | None = None) -> None:
    """Delete the stack and wait until it is gone.

    Raises:
        click.ClickException: a resource can't be deleted.
    """
    cloudformation = place.client("cloudformation")
    if found.protected:
        cloudformation.update_termination_protection(
            StackName=place.stack, EnableTerminationProtection=False
        )
    seen = events.seen(place, found.id)
    cloudformation.delete_stack(StackName=place.stack, **({"RoleARN": role} if role else {}))
    events.wait(place, found.id, seen, {"DELETE_COMPLETE"})


def template(place: Place) -> dict[str, Any]:
    """Return the template that the stack was made from."""
    reply = place.client("cloudformation").get_template(
        StackName=place.stack, TemplateStage="Original"
    )
    body: dict[str, Any] = reply["TemplateBody"]
    return body
