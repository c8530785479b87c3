"""The deployer's IAM policy allows the calls that `billet deploy` and `billet destroy` make."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from botocore import xform_name
from botocore.session import get_session

from tests.support import iam

SOURCES = sorted((Path(__file__).parents[2] / "billet" / "deploy").glob("*.py"))
SERVICES = ("cloudformation", "dynamodb", "s3", "sts")
OTHER_NAMES = {
    "s3:DeleteObjects": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
    "s3:HeadBucket": {"s3:ListBucket"},
    "s3:HeadObject": {"s3:GetObject"},
    "s3:ListObjectVersions": {"s3:ListBucketVersions"},
    "s3:PutBucketEncryption": {"s3:PutEncryptionConfiguration"},
    "s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
}
"""Operations whose actions in IAM have other names."""
NOT_CALLED = {
    "cloudformation:ContinueUpdateRollback": "what an error tells the deployer to do",
    "cloudformation:TagResource": "the tags of the stack",
    "iam:PassRole": "the option --role-arn",
    "s3:GetObject": "CloudFormation reads the template with the deployer's rights",
}
"""Actions without a call of boto3 of this name, and what needs them."""


@cache
def operations() -> dict[str, str]:
    """Return the action of each method of boto3's clients."""
    loader = get_session().get_component("data_loader")
    return {
        xform_name(name): f"{service}:{name}"
        for service in SERVICES
        for name in loader.load_service_model(service, "service-2")["operations"]
    }


def called(source: str) -> Iterator[str]:
    """Yield the actions of the methods and paginators in a module."""
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        name = node.func.attr
        if name == "get_paginator" and isinstance(node.args[0], ast.Constant):
            name = str(node.args[0].value)
        if action := operations().get(name):
            yield from OTHER_NAMES.get(action, {action})


def test_the_policy_allows_the_calls_of_the_commands_and_no_others() -> None:
    actions = {action for file in SOURCES for action in called(file.read_text())}
    documents = dict(iam.policies(iam.template("bootstrap.json")))
    deployer, operator = (
        {action for one in iam.statements(documents[f"{name}Policy"]) for action in one.actions}
        for name in ("Deployer", "Operator")
    )
    assert actions <= deployer | operator
    assert deployer == actions - (operator - deployer) | set(NOT_CALLED)


def test_calls_of_methods_and_paginators_are_found() -> None:
    source = "s3.head_bucket(Bucket=b)\nplace.client('x').get_paginator('describe_stack_events')\n"
    assert set(called(source)) == {"s3:ListBucket", "cloudformation:DescribeStackEvents"}
