"""IAM policies of a CloudFormation template, and whether they allow a call."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CALLER = {"Partition": "aws", "Region": "eu-central-1", "AccountId": "123456789012"}
# The container's image has no cfn-lint.
CFN_LINT = Path(pytest.importorskip("cfnlint").__file__).parent / "data"
SERVICES: dict[str, Any] = json.loads((CFN_LINT / "AdditionalSpecs/Policies.json").read_text())
"""Each service's actions with the types of resources to which AWS can limit them."""


@dataclass(frozen=True)
class Statement:
    """A statement of a policy, with its variables replaced."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[str]
    condition: Any

    def allows(self, action: str, resource: str) -> bool:
        return action in self.actions and any(
            fnmatchcase(resource, pattern) for pattern in self.resources
        )


def template(name: str) -> dict[str, Any]:
    """Return a template of the folder infrastructure."""
    content: dict[str, Any] = json.loads((ROOT / "infrastructure" / name).read_text())
    return content


def policies(content: Mapping[str, Any], **parameters: str) -> Iterator[tuple[str, Any]]:
    """Yield each policy document of a template, with the name of its resource.

    Args:
        content: the template.
        parameters: the values of its parameters, if they are not the defaults.
    """
    values = {name: one.get("Default", name) for name, one in content["Parameters"].items()}
    variables = values | {f"AWS::{name}": text for name, text in CALLER.items()} | parameters
    for name, resource in content["Resources"].items():
        properties = resolved(resource["Properties"], variables)
        if "PolicyDocument" in properties:
            yield name, properties["PolicyDocument"]
        for policy in properties.get("Policies", ()):
            yield name, policy["PolicyDocument"]


def resolved(value: Any, variables: Mapping[str, str]) -> Any:
    """Replace Ref, Fn::Sub and Fn::GetAtt; what is not in the variables is its own name."""
    if isinstance(value, list):
        return [resolved(one, variables) for one in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return variables.get(value["Ref"], arn(value["Ref"]))
    if set(value) == {"Fn::GetAtt"}:
        return f"arn:aws:iam::123456789012:role/{value['Fn::GetAtt'][0]}"
    if set(value) == {"Fn::Sub"}:
        return re.sub(
            r"\${([\w:.]+)}", lambda found: variables.get(found[1], "x"), value["Fn::Sub"]
        )
    return {name: resolved(one, variables) for name, one in value.items()}


def statements(document: Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a policy that allow something."""
    return [
        Statement(
            one.get("Sid", ""), listed(one["Action"]), listed(one["Resource"]), one.get("Condition")
        )
        for one in document["Statement"]
        if one["Effect"] == "Allow"
    ]


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def can_be_limited(action: str) -> bool:
    """Return whether AWS can limit the action to some resources."""
    service, _, name = action.partition(":")
    return bool(SERVICES[service]["Actions"][name.lower()].get("Resources"))


def arn(policy: str) -> str:
    """Return the ARN of a managed policy of a template."""
    return f"arn:aws:iam::123456789012:policy/{policy}"


def full_match(content: Mapping[str, Any], parameter: str, value: str) -> bool:
    """Return whether a parameter of a template accepts a value."""
    return re.fullmatch(content["Parameters"][parameter]["AllowedPattern"], value) is not None
