"""The command `billet package`: the zip for Lambda and the template that deploys it."""

import tempfile
from pathlib import Path

import click

from billet.package import chalice, slim

STAGES = ("dev", "prod")


@click.command()
@click.option("--stage", type=click.Choice(STAGES), required=True, help="The stage to deploy.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder for deployment.zip and sam.json; existing ones are replaced.",
)
def package(stage: str, out: Path) -> None:
    """Build the zip for Lambda and the CloudFormation template of a stage.

    Downloads the libraries as wheels for Lambda from the package index.
    """
    click.echo(f"Packaging the stage {stage}, with libraries from the package index …")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            built = chalice.package(stage, Path(scratch))
        except chalice.PackagingError as failure:
            raise click.ClickException(str(failure)) from failure
        out.mkdir(parents=True, exist_ok=True)
        click.echo("Compiling the modules that Lambda needs …")
        slim.write(built.zip, out / "deployment.zip")
        (out / "sam.json").write_bytes(built.template.read_bytes())
        sizes = f"{_megabytes(out / 'deployment.zip')} of {_megabytes(built.zip)}"
    click.echo(f"{out / 'deployment.zip'}: {sizes}, for {built.runtime} on {built.architecture}")
    click.echo(f"{out / 'sam.json'}: the template; docs/packaging.md says how to deploy it")


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:.1f} MB"
