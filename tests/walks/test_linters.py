"""Linters that take seconds to start: actionlint for workflows, cfn-lint for templates.

`make check` runs cfn-lint on the templates themselves.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import actionlint, iam
from tests.support.workflows import WORKFLOWS, broken

cfnlint = pytest.importorskip("cfnlint.api", reason="the image has no cfn-lint")

EXPRESSIONS = [
    ("ci.yml", "${{ matrix.python }}", "${{ matrix.pyhton }}", '"pyhton" is not defined'),
    ("deploy.yml", "needs: dev", "needs: deploy", "does not exist"),
    ("deploy-stage.yml", "${{ inputs.stage }}", "${{ inputs.stag }}", '"stag" is not defined'),
    ("deploy-stage.yml", "ubuntu-latest", "ubuntu-latst", 'label "ubuntu-latst" is unknown'),
]
"""Replacements in a workflow that actionlint refuses, with its reason."""


@pytest.mark.walk
def test_actionlint_finds_faults_and_none_in_the_workflows(tmp_path: Path) -> None:
    copies = [
        broken(name, old, new, tmp_path / str(number))
        for number, (name, old, new, _) in enumerate(EXPRESSIONS)
    ]
    found = actionlint.lint([*WORKFLOWS, *copies])
    assert [fault for fault in found if Path(fault["file"]) in WORKFLOWS] == []
    for copy, (*_, reason) in zip(copies, EXPRESSIONS, strict=True):
        assert any(reason in one["message"] for one in found if one["file"] == str(copy)), reason


def faults(content: dict[str, Any]) -> list[str]:
    regions = cfnlint.ManualArgs(regions=["us-east-1"])
    found = cfnlint.lint(json.dumps(content), config=regions)
    return [one.rule.id for one in found]


@pytest.mark.walk
def test_cfn_lint_finds_faults_in_the_templates() -> None:
    wrong = iam.template("bootstrap.json")
    resources = wrong["Resources"]
    resources["OperatorPolicy"]["Properties"]["PolicyDocument"]["Statement"][0]["Effect"] = "allow"
    resources["StackRole"]["Properties"]["ManagedPolicyArns"] = [{"Ref": "StackPolcy"}]
    assert {"E3510", "E1020"} <= set(faults(wrong))
