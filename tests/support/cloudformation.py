"""The template of `billet package`, as it is written and as CloudFormation makes it from that."""

import copy
import json
from collections.abc import Iterator
from typing import Any

from samtranslator.translator.transform import transform

from billet.package import template
from chalicelib.release import Release
from chalicelib.settings import Settings

RELEASE = Release("1.2.3", "0123456")


def sam(**settings: Any) -> dict[str, Any]:
    """Return the template of a stage, by default prod."""
    chosen = Settings(**{"stage": "prod", **settings})
    return template.build(chosen, RELEASE, "python3.13", "arm64")


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def translated(written: dict[str, Any], key: str = "a.zip") -> dict[str, Any]:
    """Return what AWS's own translator makes of the template once the zip is in a bucket."""
    uploaded = copy.deepcopy(written)
    for resource in uploaded["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": "billet-tasks-artifacts", "Key": key}
    result: dict[str, Any] = transform(uploaded, {}, _NoManagedPolicies())
    plain: dict[str, Any] = json.loads(json.dumps(result))
    return plain


def of_type(found: dict[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of the resources of a type, by their logical ids."""
    resources = found["Resources"].items()
    return {name: one.get("Properties", {}) for name, one in resources if one["Type"] == kind}


def references(part: Any) -> Iterator[str]:
    """Yield the logical ids and parameters to which a part of the template refers."""
    if isinstance(part, list):
        for one in part:
            yield from references(one)
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        if name == "Ref":
            yield value
        elif name == "Fn::GetAtt":
            yield value[0]
        elif name == "Fn::Sub":
            text = value if isinstance(value, str) else value[0]
            yield from (piece.partition("}")[0].partition(".")[0] for piece in text.split("${")[1:])
        else:
            yield from references(value)
