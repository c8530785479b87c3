"""The IAM policies of the two functions: exactly the calls that they make, on their own tables.

tests/architecture/test_policies.py calls every endpoint and compares. docs/policies has the
policies of the stage prod, so that a change of permissions can be reviewed.
"""

from collections.abc import Iterable
from typing import Any

Statement = dict[str, Any]

API: dict[str, tuple[str, ...]] = {
    "users": ("ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "UpdateItem"),
    "usernames": ("DeleteItem", "GetItem", "PutItem"),
    "tasks": (
        "BatchGetItem",
        "ConditionCheckItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "UpdateItem",
    ),
    "assignments": ("DeleteItem", "Query", "UpdateItem"),
    "counters": ("BatchGetItem", "ConditionCheckItem", "GetItem", "PutItem", "UpdateItem"),
    "replies": ("DeleteItem", "PutItem", "UpdateItem"),
    "quotas": ("UpdateItem",),
    "users/index/newest": ("Query",),
    "tasks/index/newest": ("Query",),
    "tasks/index/most_urgent": ("Query",),
    "tasks/index/newest_by_status": ("Query",),
    "tasks/index/most_urgent_by_status": ("Query",),
    "tasks/index/most_urgent_unassigned": ("Query",),
    "assignments/index/most_urgent": ("Query",),
    "assignments/index/newest_by_status": ("Query",),
    "assignments/index/most_urgent_by_status": ("Query",),
}
"""The actions of the API's function by table or index, without the prefix."""
AUTHORIZER: dict[str, tuple[str, ...]] = {"tokens": ("GetItem",)}
"""The actions of the authorizer's function."""


def document(access: dict[str, tuple[str, ...]], prefix: str, log_group: str) -> dict[str, Any]:
    """Return the policy of a function.

    Args:
        access: `API` or `AUTHORIZER`.
        prefix: that of the names of the tables.
        log_group: the logical id of the function's log group.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            *_tables(access, prefix),
            _allow(
                ("logs:CreateLogStream", "logs:PutLogEvents"),
                {"Fn::GetAtt": [log_group, "Arn"]},
            ),
            # X-Ray has no resources: its actions can only be allowed on *.
            _allow(("xray:PutTelemetryRecords", "xray:PutTraceSegments"), "*"),
        ],
    }


def rollout(functions: Iterable[str], alias: str) -> dict[str, Any]:
    """Return the policy of CodeDeploy, which moves the alias of the functions to a new version.

    AWS documents some of the actions for the function and some for its alias; both are allowed.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            _allow(
                ("lambda:GetAlias", "lambda:GetProvisionedConcurrencyConfig", "lambda:UpdateAlias"),
                [
                    {"Fn::Sub": f"${{{name}.Arn}}{qualifier}"}
                    for name in functions
                    for qualifier in ("", f":{alias}")
                ],
            ),
            _allow(
                ("cloudwatch:DescribeAlarms",), [_arn("cloudwatch", "alarm:${AWS::StackName}-*")]
            ),
        ],
    }


def _tables(access: dict[str, tuple[str, ...]], prefix: str) -> list[Statement]:
    """Return one statement for each group of tables and indexes with the same actions."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for table, actions in access.items():
        groups.setdefault(actions, []).append(table)
    return [
        _allow(
            [f"dynamodb:{action}" for action in actions],
            [_arn("dynamodb", f"table/{prefix}-{table}") for table in tables],
        )
        for actions, tables in groups.items()
    ]


def _allow(actions: Iterable[str], resource: Any) -> Statement:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource}


def _arn(service: str, resource: str) -> dict[str, str]:
    account = "${AWS::Region}:${AWS::AccountId}"
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{account}:{resource}"}
