"""The command `billet openapi`: the OpenAPI document, made from the endpoints."""

import click


@click.command()
@click.option("--write", is_flag=True, help="Write the file that the API serves instead.")
def openapi(write: bool) -> None:
    """Print the OpenAPI 3.1 document."""
    from billet.openapi import document
    from chalicelib.http.routes import static_files

    text = document.text()
    if write:
        (static_files.FILES / "openapi.json").write_text(text)
    else:
        click.echo(text, nl=False)
