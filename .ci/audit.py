"""Check the installed libraries for known vulnerabilities with pip-audit.

pip-audit skips packages that its vulnerability service does not know, which a mirror can cause.
This script reports skipped packages, and fails if `--require` is given.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import click

COMMAND = ("-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off")


@click.command()
@click.option("--require", is_flag=True, help="Fail if a package could not be audited.")
def main(require: bool) -> None:
    """Exit with status 1 if there are vulnerabilities, or if a required result is missing."""
    audit = subprocess.run([sys.executable, *COMMAND], capture_output=True, text=True, check=False)  # noqa: S603
    try:
        packages = json.loads(audit.stdout)["dependencies"]
    except ValueError:
        last_line = audit.stderr.strip().rpartition("\n")[2]
        raise SystemExit(report_unaudited(last_line, require)) from None
    raise SystemExit(report(packages, require))


def report(packages: Sequence[dict[str, Any]], require: bool) -> int:
    """Print the results of pip-audit and return the exit status."""
    vulnerable = [package for package in packages if package.get("vulns")]
    for package in vulnerable:
        ids = ", ".join(vulnerability["id"] for vulnerability in package["vulns"])
        click.secho(f"{package['name']} {package['version']}: {ids}", fg="red")
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        reason = "the service knows none of the packages; check that it is PyPI"
        return report_unaudited(reason, require)
    audited = len(packages) - len(skipped)
    click.echo(f"pip-audit: {audited} audited, {len(vulnerable)} vulnerable")
    if skipped:
        status = report_unaudited(f"the service does not know {', '.join(skipped)}", require)
    else:
        status = 0
    return 1 if vulnerable else status


def report_unaudited(reason: str, require: bool) -> int:
    """Print why packages were not audited and return the exit status."""
    click.secho(f"NOT AUDITED for known vulnerabilities: {reason}", fg="yellow", err=True)
    return int(require)


if __name__ == "__main__":
    main()
