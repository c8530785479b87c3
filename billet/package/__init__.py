"""python -m billet package: the zip for Lambda and the template that deploys it."""

import tempfile
from pathlib import Path

import click

from billet.package import chalice, slim

STAGES = ("dev", "prod")


@click.command()
@click.option("--stage", type=click.Choice(STAGES), required=True, help="Which one to deploy.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for deployment.zip and sam.json, which are overwritten.",
)
def package(stage: str, out: Path) -> None:
    """Makes the zip for Lambda, and the CloudFormation template, of one stage.

    Needs a package index: the libraries come as wheels for Lambda, not from here.
    """
    click.echo(f"chalice packages the stage {stage}, with libraries from the package index …")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            built = chalice.package(stage, Path(scratch))
        except chalice.Failed as failure:
            raise click.ClickException(str(failure)) from failure
        out.mkdir(parents=True, exist_ok=True)
        click.echo("compiling what Lambda needs of it …")
        slim.write(built.zip, out / "deployment.zip")
        (out / "sam.json").write_bytes(built.template.read_bytes())
        sizes = f"{_megabytes(out / 'deployment.zip')}, was {_megabytes(built.zip)}"
    click.echo(f"{out / 'deployment.zip'}: {sizes}; for {built.runtime} on {built.architecture}")
    click.echo(f"{out / 'sam.json'}: deploys it, see docs/packaging.md")


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"
