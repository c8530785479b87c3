"""Questions before something is lost."""

import sys

import click

from billet.people.command import NothingDone, WrongUsage


def is_interactive() -> bool:
    """Return whether there is a terminal to ask on."""
    return sys.stdin.isatty()


def require_terminal(refusal: str) -> None:
    """Do nothing if there is a terminal to ask on.

    Args:
        refusal: what to do where there is none.

    Raises:
        WrongUsage: there is none.
    """
    if not is_interactive():
        raise WrongUsage(f"there is no terminal to ask on; {refusal}")


def confirm(question: str, refusal: str, *, default: bool = False) -> None:
    """Ask whether to go on.

    Args:
        refusal: what to do where there is no terminal to ask on.
        default: the answer of Enter.

    Raises:
        NothingDone: the user says no.
        WrongUsage: there is no terminal.
    """
    require_terminal(refusal)
    if not click.confirm(question, default=default, err=True):
        raise NothingDone
