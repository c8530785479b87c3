"""`billet board`: open the board in the browser."""

import webbrowser

import click

from billet.people import session
from billet.people.command import PeopleCommand


@click.command(cls=PeopleCommand)
@click.option("--no-browser", is_flag=True, help="Only print the address.")
def board(no_browser: bool) -> None:
    """Open the board in the browser, and print its address."""
    with session.connect() as billet:
        billet.health()
    address = f"{session.url()}/"
    click.echo(address)
    if not no_browser and not webbrowser.open(address):
        click.echo("no browser was found; open the address yourself", err=True)
