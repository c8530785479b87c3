"""Questions before something is lost."""

import sys

import click

from billet.people.command import NothingDone, WrongUsage


def is_interactive() -> bool:
    """Return whether there is a terminal to ask on."""
    return sys.stdin.isatty()


def confirm(question: str, refusal: str) -> None:
    """Ask whether to go on.

    Args:
        refusal: what to do where there is no terminal to ask on.

    Raises:
        NothingDone: the user says no.
        WrongUsage: there is no terminal.
    """
    if not is_interactive():
        raise WrongUsage(f"there is no terminal to ask on; {refusal}")
    if not click.confirm(question, err=True):
        raise NothingDone
