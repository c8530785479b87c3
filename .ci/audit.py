"""Asks PyPI, by pip-audit, for known vulnerabilities of the libraries that are installed.

pip-audit passes over what its service does not know, or a mirror does not tell. So that no answer
is never taken for a good one, this says so, and fails where an answer is required.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import click

COMMAND = ("-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off")


@click.command()
@click.option("--require", is_flag=True, help="Fail where something could not be audited.")
def main(require: bool) -> None:
    """Exit status 1: there are vulnerabilities, or an answer that is required is missing."""
    asked = subprocess.run([sys.executable, *COMMAND], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        found = json.loads(asked.stdout)["dependencies"]
    except ValueError:
        raise SystemExit(unaudited(asked.stderr.strip().rpartition("\n")[2], require)) from None
    raise SystemExit(verdict(found, require))


def verdict(found: Sequence[dict[str, Any]], require: bool) -> int:
    """Tells what pip-audit found; gives the exit status."""
    vulnerable = [one for one in found if one.get("vulns")]
    for one in vulnerable:
        ids = ", ".join(vulnerability["id"] for vulnerability in one["vulns"])
        click.secho(f"{one['name']} {one['version']}: {ids}", fg="red")
    skipped = [one["name"] for one in found if "skip_reason" in one]
    if len(skipped) == len(found):
        return unaudited("the service knows none of the libraries; is it PyPI itself?", require)
    click.echo(f"pip-audit: {len(found) - len(skipped)} audited, {len(vulnerable)} vulnerable")
    missed = unaudited(f"no answer about {', '.join(skipped)}", require) if skipped else 0
    return 1 if vulnerable else missed


def unaudited(why: str, require: bool) -> int:
    """Says that there was no answer; gives the exit status."""
    click.secho(f"NOT AUDITED for known vulnerabilities: {why}", fg="yellow", err=True)
    return int(require)


if __name__ == "__main__":
    main()
