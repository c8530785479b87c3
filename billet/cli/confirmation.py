"""Questions before a command changes or deletes something."""

import sys

import click


def require_terminal(refusal: str) -> None:
    """Require a terminal to ask on.

    Raises:
        click.ClickException: there is none; the text is `refusal`.
    """
    if not sys.stdin.isatty():
        raise click.ClickException(refusal)


def ask(question: str, refusal: str) -> None:
    """Ask whether to go on.

    Raises:
        click.Abort: the user says no.
        click.ClickException: there is no terminal to ask on; the text is `refusal`.
    """
    require_terminal(refusal)
    click.confirm(question, abort=True, err=True)
