"""python -m billet openapi: the API's description, made from what the code declares."""

import click


@click.command()
@click.option("--write", is_flag=True, help="Put it where the API serves it from.")
def openapi(write: bool) -> None:
    """Prints the API's description, in OpenAPI 3.1."""
    from billet.openapi import document
    from chalicelib.http.routes import docs

    text = document.text()
    if write:
        (docs.FILES / "openapi.json").write_text(text)
    else:
        click.echo(text, nl=False)
