"""The values of the template's parameters."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from chalicelib.settings import between

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/.+")
NUMBER = re.compile(r"0|-?[1-9][0-9]{0,17}")
"""A number as the settings accept it: decimal digits of ASCII, without zeros in front."""
ROLLOUT, AT_ONCE = "Rollout", "AllAtOnce"
Definitions = Mapping[str, Mapping[str, Any]]
"""The section Parameters of a template."""


def read(given: Iterable[str], file: Path | None) -> dict[str, str]:
    """Return values by name, from a file of JSON and from NAME=VALUE, which comes first.

    Raises:
        click.ClickException: the file or a pair has another form.
    """
    values = _read_file(file) if file else {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals:
            raise click.ClickException(f"--parameter {pair}: must have the form NAME=VALUE")
        values[name] = value
    return values


def _read_file(file: Path) -> dict[str, str]:
    try:
        content = json.loads(file.read_bytes())
        return {str(name): str(value) for name, value in content.items()}
    except (AttributeError, ValueError) as error:
        raise click.ClickException(
            f'--parameters {file}: must be JSON with names and values, such as {{"Lanes": 4}}'
        ) from error


def check(values: Mapping[str, str], definitions: Definitions) -> None:
    """Check names and values against the template.

    Raises:
        click.ClickException: a name does not exist, or a value is not allowed.
    """
    for name, value in values.items():
        if name not in definitions:
            raise click.ClickException(
                f"--parameter {name}: does not exist; allowed are {', '.join(sorted(definitions))}"
            )
        if rule := _broken_rule(value, definitions[name]):
            raise click.ClickException(f"--parameter {name}: {rule}")


def check_role(arn: str | None) -> None:
    """Check that --role-arn is the ARN of a role, if it is given.

    Raises:
        click.ClickException: it is not.
    """
    if arn and not _ROLE.fullmatch(arn):
        raise click.ClickException(
            "--role-arn: must be the ARN of a role such as arn:aws:iam::123456789012:role/deploy"
        )


def check_domain(values: Mapping[str, str]) -> None:
    """Check that a domain has a certificate, as a rule of the template does.

    Raises:
        click.ClickException: it has none.
    """
    if values.get("DomainName") and not values.get("CertificateArn"):
        raise click.ClickException("--parameter DomainName: needs CertificateArn, too")


def _broken_rule(value: str, definition: Mapping[str, Any]) -> str | None:
    """Return what is allowed if the value is not."""
    allowed = [str(one) for one in definition.get("AllowedValues", ())]
    if allowed and value not in allowed:
        return f"must be one of {', '.join(one or '(empty)' for one in allowed)}"
    if definition.get("Type") == "Number":
        least, most = (definition.get(name) for name in ("MinValue", "MaxValue"))
        least, most = (None if limit is None else int(limit) for limit in (least, most))
        if not NUMBER.fullmatch(value) or not _in_range(int(value), least, most):
            return between(least or 0, most)
    longest = definition.get("MaxLength")
    if longest is not None and len(value) > int(longest):
        return f"must have at most {longest} characters"
    pattern = definition.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        return str(definition.get("ConstraintDescription", f"must match {pattern}"))
    return None


def _in_range(value: int, least: int | None, most: int | None) -> bool:
    return (least is None or value >= least) and (most is None or value <= most)


def to_send(
    values: Mapping[str, str], definitions: Definitions, previous: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Return CloudFormation's form: given values, and else the previous ones, not the defaults."""
    return [
        {"ParameterKey": name, "ParameterValue": values[name]}
        if name in values
        else {"ParameterKey": name, "UsePreviousValue": True}
        for name in definitions
        if name in values or name in previous
    ]


def in_effect(
    values: Mapping[str, str], definitions: Definitions, previous: Mapping[str, str]
) -> dict[str, str]:
    """Return the value of each parameter after the deployment."""
    defaults = {name: str(one.get("Default", "")) for name, one in definitions.items()}
    kept = {name: value for name, value in previous.items() if name in definitions}
    return {**defaults, **kept, **values}


def of_roll_back(values: Mapping[str, str]) -> list[list[dict[str, Any]]]:
    """Return CloudFormation's form of the two changes that bring previous values back.

    The first takes over at once: the alarms that the failed version has set off would stop a
    gradual rollout of the previous one. The second only brings the previous rollout back.
    """
    changes = [values]
    if values.get(ROLLOUT, AT_ONCE) != AT_ONCE:
        changes = [{**values, ROLLOUT: AT_ONCE}, values]
    return [
        [{"ParameterKey": name, "ParameterValue": value} for name, value in one.items()]
        for one in changes
    ]
