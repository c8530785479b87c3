"""The CloudFormation templates of the folder infrastructure: least privilege and safe defaults.

cfn-lint brings two lists of AWS: the resources to which each action can be limited, and the
actions that CloudFormation needs for each type of resource.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import infrastructure.policies
from tests.support import iam
from tests.support.cloudformation import of_type, sam, translated
from tests.support.iam import Statement

ROOT = Path(__file__).parents[2]
BOOTSTRAP, PIPELINE = (iam.template(f"{name}.json") for name in ("bootstrap", "pipeline"))
MAX_POLICY = 6144
"""The most characters of a managed policy, without white space."""
LOG = "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda/billet-tasks-prod-APIHandler:*"
LONGEST = {"Stage": "a-stage-with-20-char", "AWS::Region": "ap-southeast-5"}
ACCOUNT_WIDE = ("arn:aws:apigateway:", "arn:aws:wafv2:", "arn:aws:s3:::billet-tasks-artifacts-")
"""Resources that all stages share, or whose names AWS makes."""
BOOTSTRAP_MAKES = {"AWS::ApiGateway::Account"}
"""Types of resources that a stack has only with AccountLogRole=create."""
UNUSED = {
    "amplify": "the firewall guards an API of API Gateway",
    "apigateway:UpdateRestApiPolicy": "the API has no resource policy",
    "apprunner": "the firewall guards an API of API Gateway",
    "appsync": "the firewall guards an API of API Gateway",
    "bedrock-agentcore": "the firewall guards an API of API Gateway",
    "codedeploy:RegisterOnPremisesInstance": "Lambda only",
    "cognito-idp": "the firewall guards an API of API Gateway",
    "ec2": "the functions are in no VPC",
    "elasticfilesystem": "the functions mount nothing",
    "elasticloadbalancing": "the firewall guards an API of API Gateway",
    "firehose": "the logs go nowhere else",
    "iam:DeleteRolePermissionsBoundary": "no role may leave its boundary",
    "kms": "AWS's own keys encrypt",
    "lambda:AssociateRuntimeAlias": "the runtime is not managed",
    "lambda:DeleteFunctionCodeSigningConfig": "the code is not signed",
    "lambda:DeleteProvisionedConcurrencyConfig": "no concurrency is provisioned",
    "lambda:GetCodeSigningConfig": "the code is not signed",
    "lambda:GetLayerVersion": "the functions have no layers",
    "lambda:PassCapacityProvider": "no own instances",
    "lambda:PutFunctionCodeSigningConfig": "the code is not signed",
    "lambda:PutFunctionRecursionConfig": "the functions call nothing",
    "lambda:PutFunctionScalingConfig": "no own instances",
    "lambda:PutProvisionedConcurrencyConfig": "no concurrency is provisioned",
    "lambda:PutRuntimeManagementConfig": "the runtime is not managed",
    "logs:AssociateKmsKey": "AWS's own keys encrypt",
    "logs:CreateLogDelivery": "the logs go nowhere else",
    "logs:DeleteDataProtectionPolicy": "the logs hold no personal data",
    "logs:DeleteIndexPolicy": "the logs have no field indexes",
    "logs:DeleteResourcePolicy": "no other service writes to the logs",
    "logs:DescribeResourcePolicies": "no other service writes to the logs",
    "logs:DisassociateKmsKey": "AWS's own keys encrypt",
    "logs:PutBearerTokenAuthentication": "clients do not write to the logs",
    "logs:PutDataProtectionPolicy": "the logs hold no personal data",
    "logs:PutIndexPolicy": "the logs have no field indexes",
    "logs:PutLogGroupDeletionProtection": "`billet destroy` deletes them",
    "logs:PutResourcePolicy": "no other service writes to the logs",
    "s3:REST.PUT.OBJECT": "not an action of IAM",
    "s3files": "the functions mount nothing",
    "sns:PutDataProtectionPolicy": "the topic's messages hold no personal data",
    "wafv2:GetPermissionPolicy": "the web ACL is of the same account",
    "wafv2:PutPermissionPolicy": "the web ACL is of the same account",
}
"""Services and actions that CloudFormation needs for properties that the stack does not have."""


def bootstrap(**parameters: str) -> dict[str, list[Statement]]:
    """Return the statements of each policy of the bootstrap template."""
    found = iam.policies(BOOTSTRAP, **parameters)
    return {name: iam.statements(document) for name, document in found}


def stack() -> dict[str, Any]:
    """Return the template of the stage prod as CloudFormation gets it."""
    return translated(sam())


def handlers(types: set[str]) -> dict[str, set[str]]:
    """Return the actions that CloudFormation needs for types of resources."""
    found: dict[str, set[str]] = {}
    for file in (iam.CFN_LINT / "schemas/resources").glob("*.json"):
        text = file.read_text()
        if not any(f'"{name}"' in text for name in types):
            continue
        schema = json.loads(text)
        if schema["typeName"] in types:
            verbs = (one for verb, one in schema["handlers"].items() if verb != "list")
            actions = {action for one in verbs for action in one["permissions"]}
            found.setdefault(schema["typeName"], set()).update(actions)
    return found


def all_statements() -> Iterator[tuple[str, Statement]]:
    for content in (BOOTSTRAP, PIPELINE):
        for name, document in iam.policies(content):
            for statement in iam.statements(document):
                yield name, statement


@pytest.mark.parametrize("name", ["bootstrap", "pipeline"])
def test_a_template_can_be_deployed_without_a_bucket(name: str) -> None:
    assert (ROOT / "infrastructure" / f"{name}.json").stat().st_size <= 51_200


def test_each_policy_is_within_the_limit_of_a_managed_policy() -> None:
    for name, document in iam.policies(BOOTSTRAP, **LONGEST):
        assert len(json.dumps(document, separators=(",", ":"))) <= MAX_POLICY, name


def test_each_action_exists() -> None:
    for name, statement in all_statements():
        for action in statement.actions:
            service, _, verb = action.partition(":")
            assert verb.lower() in iam.SERVICES[service]["Actions"], (name, action)


def test_only_actions_that_cannot_be_limited_have_all_resources_and_the_docs_say_why() -> None:
    used = set()
    for name, statement in all_statements():
        if "*" not in statement.resources:
            continue
        assert statement.resources == ["*"]
        for action in statement.actions:
            assert not iam.can_be_limited(action), (name, action)
            used.add(action)
    assert used == set(infrastructure.policies.UNLIMITED)


def test_the_page_about_the_policies_is_up_to_date() -> None:
    assert (ROOT / "docs" / "iam.md").read_text() == infrastructure.policies.page()


def test_no_policy_allows_all_actions_of_a_service() -> None:
    for name, statement in all_statements():
        assert not any("*" in action for action in statement.actions), (name, statement.sid)


def test_the_policies_of_one_stage_name_nothing_of_another() -> None:
    for name, statements in bootstrap(Stage="dev").items():
        for statement in statements:
            for resource in statement.resources:
                shared = resource == "*" or resource.startswith(ACCOUNT_WIDE)
                aws = ":aws:transform/" in resource or "deploymentconfig:CodeDeploy" in resource
                own = resource.endswith("role/StackRole")
                assert shared or aws or own or "-dev" in resource, (name, statement.sid, resource)


def test_cloudformation_is_allowed_what_the_types_of_the_stack_need() -> None:
    policies = bootstrap()
    allowed = {
        action
        for name in ("StackPolicy", "StackMonitoringPolicy")
        for statement in policies[name]
        for action in statement.actions
    }
    types = {one["Type"] for one in stack()["Resources"].values()} - BOOTSTRAP_MAKES
    needed = handlers(types)
    assert set(needed) == types
    for kind, actions in needed.items():
        missing = {one for one in actions - allowed if not {one, one.split(":")[0]} & set(UNUSED)}
        assert missing == set(), kind
    assert allowed - set().union(*needed.values()) == {"cloudformation:CreateChangeSet"}
    assert allowed.isdisjoint(UNUSED)


def test_a_role_can_be_made_or_widened_only_within_the_boundary() -> None:
    boundary = {"StringEquals": {"iam:PermissionsBoundary": iam.arn("PermissionsBoundary")}}
    widening = {"AttachRolePolicy", "CreateRole", "PutRolePermissionsBoundary", "PutRolePolicy"}
    for name, statement in all_statements():
        verbs = {action.removeprefix("iam:") for action in statement.actions}
        if verbs & widening:
            assert statement.condition == boundary, name
        if "PassRole" in verbs:
            assert "iam:PassedToService" in statement.condition["StringEquals"], name
        assert not any("User" in verb or "AccessKey" in verb for verb in verbs), name


def test_the_boundary_allows_what_the_roles_of_the_stack_allow_and_no_actions_beyond() -> None:
    variables = {"AWS::StackName": "billet-tasks-prod"}
    variables |= {f"AWS::{name}": text for name, text in iam.CALLER.items()}
    function = "arn:aws:lambda:eu-central-1:123456789012:function:billet-tasks-prod-F-1"
    variables |= {f"{name}.Arn": function for name in ("APIHandler", "Authenticate")}
    within = bootstrap()["PermissionsBoundary"]
    used: set[str] = set()
    for name, role in of_type(stack(), "AWS::IAM::Role").items():
        if name == "ApiGatewayLogRole":
            continue
        assert role["PermissionsBoundary"]["Fn::If"][:2] == [
            "HasBoundary",
            {"Ref": "PermissionsBoundary"},
        ]
        assert "ManagedPolicyArns" not in role
        [policy] = role["Policies"]
        for statement in iam.statements(iam.resolved(policy["PolicyDocument"], variables)):
            used.update(statement.actions)
            for action in statement.actions:
                for resource in statement.resources:
                    arn = LOG if resource.endswith("Log") else resource
                    assert any(one.allows(action, arn) for one in within), (action, resource)
    assert {action for one in within for action in one.actions} == used


def test_the_boundary_allows_no_change_of_rights_and_the_deployer_cannot_change_it() -> None:
    policies = bootstrap()
    services = {
        action.split(":")[0] for one in policies["PermissionsBoundary"] for action in one.actions
    }
    assert services == {"cloudwatch", "dynamodb", "lambda", "logs", "xray"}
    changes = [
        action
        for name in policies
        for statement in policies[name]
        for action in statement.actions
        if action.startswith("iam:") and "Policy" in action and "Role" not in action
    ]
    assert changes == []


@pytest.mark.parametrize("repository", ["owner/name", "owner@12/name@345"])
def test_only_jobs_in_one_environment_of_the_repository_get_the_role(repository: str) -> None:
    role = BOOTSTRAP["Resources"]["GitHubRole"]["Properties"]
    [statement] = iam.resolved(role["AssumeRolePolicyDocument"], {"GitHubRepository": repository})[
        "Statement"
    ]
    [(operator, claims)] = statement["Condition"].items()
    subject = claims.pop("token.actions.githubusercontent.com:sub")["Fn::If"]
    assert operator == "StringEquals"
    assert claims == {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}
    assert subject[0] == "SameEnvironment"
    assert all(one.startswith(f"repo:{repository}:environment:") for one in subject[1:])
    assert iam.full_match(BOOTSTRAP, "GitHubRepository", repository)


@pytest.mark.parametrize("repository", ["owner", "owner/*", "*/name", "owner/name:environment:x"])
def test_a_repository_with_a_wildcard_or_a_colon_is_refused(repository: str) -> None:
    assert not iam.full_match(BOOTSTRAP, "GitHubRepository", repository)


@pytest.mark.parametrize("content", [BOOTSTRAP, PIPELINE], ids=["bootstrap", "pipeline"])
def test_each_log_group_has_retention_and_each_bucket_is_encrypted(content: Any) -> None:
    for name, resource in content["Resources"].items():
        properties = resource["Properties"]
        if resource["Type"] == "AWS::Logs::LogGroup":
            assert properties["RetentionInDays"], name
        if resource["Type"] == "AWS::S3::Bucket":
            [rule] = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
            assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"], name
            assert all(properties["PublicAccessBlockConfiguration"].values()), name
            assert properties["VersioningConfiguration"] == {"Status": "Enabled"}, name
            assert resource["DeletionPolicy"] == "Retain", name


def test_each_build_of_the_pipeline_has_its_log_group_and_role() -> None:
    resources = PIPELINE["Resources"]
    builds = {
        name: one for name, one in resources.items() if one["Type"] == "AWS::CodeBuild::Project"
    }
    assert set(builds) == {"Package", "DeployDev", "DeployProd"}
    for name, build in builds.items():
        properties = build["Properties"]
        assert properties["ServiceRole"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        log = properties["LogsConfig"]["CloudWatchLogs"]
        assert log == {"Status": "ENABLED", "GroupName": {"Ref": f"{name}Logs"}}
    assert "ManagedPolicyArns" not in resources["PackageRole"]["Properties"]


def test_the_pipeline_deploys_one_package_twice_with_an_approval_between() -> None:
    stages = PIPELINE["Resources"]["Pipeline"]["Properties"]["Stages"]
    assert [stage["Name"] for stage in stages] == ["Source", "Package", "Dev", "Approval", "Prod"]
    deployments = [stages[2]["Actions"][0], stages[4]["Actions"][0]]
    assert [one["InputArtifacts"] for one in deployments] == [[{"Name": "Package"}]] * 2
    assert stages[3]["Actions"][0]["ActionTypeId"]["Provider"] == "Manual"
