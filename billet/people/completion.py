"""`billet completion`, and the values that the shell completes: tasks and users of the server."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

import click

from billet.people import session, text
from billet.people.command import PeopleCommand
from billet.people.statuses import OPEN

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from billet_client import Client

SHELLS = ("bash", "zsh", "fish")
PROGRAM, VARIABLE = "billet", "_BILLET_COMPLETE"
SECONDS = 1.0
"""A server that takes longer completes nothing."""
MOST = 100


@click.command(cls=PeopleCommand)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which a shell completes commands, tasks and users.

    \b
    bash: echo 'eval "$(billet completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(billet completion zsh)"' >> ~/.zshrc
    fish: billet completion fish > ~/.config/fish/completions/billet.fish
    """
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    assert found  # noqa: S101 (SHELLS are click's)
    root = context.find_root().command
    click.echo(found(root, {}, PROGRAM, VARIABLE).source())


def open_tasks(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Return the ids of open tasks, the most urgent first, with their names."""

    def found(billet: "Client") -> Iterator[tuple[str, str]]:
        tasks = billet.tasks.list(status=OPEN, sort="expires_at", page_size=MOST)
        return ((str(task.id), task.name) for task in tasks)

    return _items(found, incomplete)


def users(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Return usernames."""

    def found(billet: "Client") -> Iterator[tuple[str, str]]:
        return ((user.username, "") for user in billet.users.list(page_size=MOST))

    return _items(found, incomplete)


def tasks_or_users(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Return open tasks for the first word and if an option has the users, and users otherwise."""
    first = not context.params.get(str(parameter.name)) or context.params.get("users")
    return (open_tasks if first else users)(context, parameter, incomplete)


def _items(
    find: Callable[["Client"], Iterator[tuple[str, str]]], incomplete: str
) -> "list[CompletionItem]":
    """Return those of the first values that begin with the word; none if the server is slow."""
    from click.shell_completion import CompletionItem

    try:
        with session.connect(timeout=SECONDS, retries=0) as billet:
            pairs = list(islice(find(billet), MOST))
    except click.ClickException:
        return []
    return [
        CompletionItem(value, help=text.one_line(help_text) or None)
        for value, help_text in pairs
        if value.casefold().startswith(incomplete.casefold())
    ]
