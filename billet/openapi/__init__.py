"""The command `billet openapi`: the OpenAPI document, made from the endpoints."""

import click


@click.command()
@click.option(
    "--write", is_flag=True, help="Write the file that the API serves, and billet_client/models.py."
)
def openapi(write: bool) -> None:
    """Print the OpenAPI 3.1 document."""
    from billet.openapi import client_models, document
    from chalicelib.http.routes import static_files

    text = document.text()
    if write:
        (static_files.FILES / "openapi.json").write_text(text)
        client_models.FILE.write_text(client_models.text(document.build()))
    else:
        click.echo(text, nl=False)
