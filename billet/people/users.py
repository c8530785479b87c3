"""`billet user`: add, list, show, rename and delete users, and their calendar feeds."""

from itertools import islice

import click

from billet.people import completion, names, output, session, text
from billet.people.command import PeopleGroup, json_option
from billet.people.listing import LIMIT, MOST_A_PAGE
from billet.people.questions import confirm

one_user = click.argument("name", metavar="USER", shell_complete=completion.users)


@click.group(cls=PeopleGroup)
def user() -> None:
    """Add, list, rename and delete users.

    A USER is a username, an id, or @me. To add, rename and delete users, a token needs the role
    admin.
    """


@user.command()
@click.argument("username")
@json_option
def add(username: str, as_json: bool) -> None:
    """Add a user."""
    from billet.people.client_errors import refusals

    with session.connect() as billet, refusals({"username": username}):
        output.report_user("Added", billet.users.create(username), as_json)


@user.command("list")
@click.option(
    "--limit", type=click.IntRange(1), default=LIMIT, show_default=True, help="The most to show."
)
@json_option
def list_command(limit: int, as_json: bool) -> None:
    """List users, the newest first.

    In a pipe, the columns are id, username and the date of creation, with tabs between them.
    """
    with session.connect() as billet:
        users = billet.users.list(page_size=min(limit + 1, MOST_A_PAGE))
        found = list(islice(users, limit + 1))
    shown = found[:limit]
    if as_json:
        output.print_json(shown)
    elif found or not output.is_terminal():
        output.print_users(shown)
    else:
        click.echo("There are no users; `billet user add NAME` adds one")
    if len(found) > limit and output.is_terminal():
        click.echo(f"\n--limit {10 * limit} shows more", err=True)


@user.command()
@one_user
@json_option
def show(name: str, as_json: bool) -> None:
    """Show a user."""
    with session.connect() as billet:
        found = billet.users.get(names.user_id(billet, name))
        output.report_user("This is", found, as_json)


@user.command()
@one_user
@click.argument("username", metavar="NEW-NAME")
@json_option
def rename(name: str, username: str, as_json: bool) -> None:
    """Rename a user. Their tasks stay assigned to them."""
    from billet.people.client_errors import refusals

    with session.connect() as billet:
        found = names.user_id(billet, name)
        with refusals({"username": username}):
            renamed = billet.users.rename(found, username, if_match=session.ANY_VERSION)
        output.report_user("Renamed", renamed, as_json)


@user.command()
@one_user
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
def rm(name: str, yes: bool, as_json: bool) -> None:
    """Delete a user, after a question. Their tasks stay, without them."""
    with session.connect() as billet:
        found = billet.users.get(names.user_id(billet, name))
        if not yes:
            confirm(
                f"Delete user {found.id}, {text.one_line(found.username)}?",
                refusal="add --yes to delete without a question",
            )
        billet.users.delete(found.id, if_match=session.ANY_VERSION)
    output.report_user("Deleted", found, as_json)


@user.command()
@one_user
@click.option("--revoke", is_flag=True, help="End the URL; make no new one.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def feed(name: str, revoke: bool, yes: bool) -> None:
    """Print a new URL with which a calendar program subscribes to a user's tasks.

    Whoever has the URL can read these tasks. A new URL ends an earlier one. The server does not
    tell whether there is one, so the command always asks first; in a pipe it needs --yes.
    """
    with session.connect() as billet:
        found = billet.users.get(names.user_id(billet, name))
        username = text.one_line(found.username)
        if revoke:
            billet.users.revoke_feed(found.id)
            click.echo(f"No URL for the tasks of user {found.id}, {username}, works any more")
            return
        if not yes:
            confirm(
                f"Make a new URL for the tasks of user {found.id}, {username}? "
                "If there is an earlier one, it stops working.",
                refusal="add --yes to make a new URL, which ends an earlier one",
            )
        url = billet.users.create_feed(found.id)
    click.echo(url)
