"""Write the IAM policies of bootstrap.json as a page: `python -m infrastructure.policies`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).with_name("bootstrap.json")
PURPOSES = {
    "OperatorPolicy": "For people and roles that run `billet migrate`, `token`, `seed`, "
    "`doctor`, `backup`, `export`, `import`, `explain` and `top`.",
    "DeployerPolicy": "For people and roles that run `billet deploy` and `billet destroy`. They "
    "need the operator's policy, too, because a deployment migrates the database and creates a "
    "token for its test.",
    "StackPolicy": "For CloudFormation, which deploys with the role StackRole: functions, API, "
    "roles.",
    "StackMonitoringPolicy": "For the same role: logs, alarms, canary deployments.",
    "PermissionsBoundary": "Limits every role that CloudFormation makes. StackRole can't make a "
    "role without it, so a deployment can't give itself or a function more than this.",
}
UNLIMITED = {
    "codedeploy:StopDeployment": "stops a canary deployment when a stack is rolled back",
    "dynamodb:ListBackups": "`billet backup list`",
    "dynamodb:ListTables": "`billet destroy --with-data` finds the tables of the stage",
    "logs:DescribeLogGroups": "CloudFormation reads back a log group that it made",
    "sts:GetCallerIdentity": "prints the account before a command writes; everyone may call it",
    "xray:PutTelemetryRecords": "the functions' traces",
    "xray:PutTraceSegments": "the functions' traces",
}
"""Why actions that AWS can't limit to some resources are needed."""
INTRODUCTION = """\
# IAM policies

This page is for administrators who decide what people and roles may do. It lists the policies of
`infrastructure/bootstrap.json`, which [deploying.md](deploying.md#2-bootstrap) deploys for each
stage. To create them without CloudFormation, copy the statements from that file and replace its
variables.

This page is generated. To update it, run `python -m infrastructure.policies > docs/iam.md`. The
tests compare the policies with the calls that the commands make, and with AWS's list of the
actions that CloudFormation needs for each type of resource.

- All names contain the stage: the policies of one stage allow nothing in the tables, functions,
  logs or roles of another. Three kinds of resources have no name of ours, or are shared by the
  stages: the API (AWS makes its id), the web ACL (yours), and the bucket for packages. If people
  who deploy dev must not be able to touch prod at all, use two accounts.
- `billet backup restore` can make tables only under a prefix that begins with the stage's:
  `--prefix billet-prod-2`.
- A stage whose name is the beginning of another's (`dev` and `dev-2`) has access to the other.
  Use names like `dev` and `test2`.
"""


def page() -> str:
    """Return the page."""
    resources = json.loads(TEMPLATE.read_text())["Resources"]
    parts = [INTRODUCTION.rstrip() + "\n", "\n".join(_unlimited(resources))]
    parts += ["\n".join(_section(name, resources[name])) for name in PURPOSES]
    return "\n".join(f"{part.rstrip()}\n" for part in parts)


def _unlimited(resources: Mapping[str, Any]) -> Iterator[str]:
    yield "## Actions on all resources\n"
    yield "AWS can't limit these actions to some resources, so they have `*`. No others have.\n"
    yield "| action | needed because |\n|---|---|"
    used = {
        action
        for resource in resources.values()
        for statement in _statements(resource)
        if statement["Resource"] == "*"
        for action in _listed(statement["Action"])
    }
    for action in sorted(used):
        yield f"| `{action}` | {UNLIMITED[action]} |"


def _section(name: str, resource: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {name}\n"
    yield f"{PURPOSES[name]}\n"
    yield "| statement | actions | resources | condition |\n|---|---|---|---|"
    for statement in _statements(resource):
        actions = _codes(_listed(statement["Action"]))
        resources = _codes([_text(one) for one in _listed(statement["Resource"])])
        condition = " and ".join(
            f"{key} is {_codes([_text(one) for one in _listed(value)])}"
            for pairs in statement.get("Condition", {}).values()
            for key, value in pairs.items()
        )
        yield f"| {statement['Sid']} | {actions} | {resources} | {condition} |"


def _statements(resource: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
    document = resource["Properties"].get("PolicyDocument", {"Statement": []})
    statements: Sequence[dict[str, Any]] = document["Statement"]
    return statements


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _codes(texts: Sequence[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)


def _text(value: Any) -> str:
    """Return an ARN with short variables."""
    if isinstance(value, dict):
        [value] = value.values()
    if isinstance(value, list):
        value = value[0]
    for long, short in (("AWS::Partition", "aws"), ("AWS::Region", "REGION"), ("Stage", "STAGE")):
        value = value.replace(f"${{{long}}}", short)
    text: str = value.replace("${AWS::AccountId}", "ACCOUNT")
    return text


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201
