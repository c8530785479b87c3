"""The operator's IAM policy allows the calls that the operator's commands make, and no others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient
from click.testing import CliRunner

from billet.cli import DATABASE_COMMANDS, main
from billet.emulators import moto_server
from chalicelib.dynamodb.models import TaskModel, UserModel
from tests.support import iam
from tests.support.table_contents import write_raw

pytestmark = pytest.mark.walk
Call = tuple[str, str]
"""An action and the ARN of its resource."""
STEPS = (
    "migrate plan",
    "migrate up",
    "migrate status",
    "token create --name ann --role admin",
    "token list",
    "seed --users 4 --tasks 8 --seed 1",
    "doctor",
    "explain GET /v1/tasks",
    "export {folder}/tasks.jsonl.gz",
    "backup create --name nightly",
    "backup list",
    "backup restore nightly --prefix billet-prod-restored",
    "import {folder}/tasks.jsonl.gz",
)
"""The commands as an operator of the stage prod runs them."""
BROKEN = {
    TaskModel: {"id": {"N": "1"}, "name": {"N": "1"}},
    UserModel: {
        "id": {"N": "1"},
        "username": {"S": "ada"},
        "created_at": {"S": "2026-01-31T12:00:00.000000Z"},
        "going": {"BOOL": True},
    },
}
"""Items that `doctor` repairs; it completes the deletion of the user."""
NOT_SEEN = {
    "dynamodb:RestoreTableToPointInTime": "`backup restore` of tables that are some minutes old",
    "logs:FilterLogEvents": "`top --log-group`",
    "sts:GetCallerIdentity": "prints the account; a local endpoint has none",
}
"""Actions that the steps do not need on new tables at a local endpoint, and what needs them."""


def table_arn(name: str) -> str:
    return f"arn:aws:dynamodb:eu-central-1:123456789012:table/{name}"


def calls(operation: str, arguments: dict[str, Any]) -> Iterator[Call]:
    """Yield the actions that an operation of DynamoDB needs, each with its resource."""
    if operation in ("TransactWriteItems", "TransactGetItems"):
        for item in arguments["TransactItems"]:
            for verb, parts in item.items():
                yield f"{verb.removesuffix('Item')}Item", table_arn(parts["TableName"])
    elif operation.startswith("Batch"):
        yield from ((operation, table_arn(name)) for name in arguments["RequestItems"])
    elif "IndexName" in arguments:
        yield operation, table_arn(f"{arguments['TableName']}/index/{arguments['IndexName']}")
    elif "BackupArn" in arguments or "ResourceArn" in arguments:
        arn = arguments["BackupArn"] if "BackupArn" in arguments else arguments["ResourceArn"]
        yield operation, table_arn(arn.partition(":table/")[2])
        if "TargetTableName" in arguments:
            yield operation, table_arn(arguments["TargetTableName"])
    elif "TargetTableName" in arguments:
        yield operation, table_arn(arguments["SourceTableName"])
        yield operation, table_arn(arguments["TargetTableName"])
    elif operation in ("ListBackups", "ListTables"):
        yield operation, "*"
    else:
        yield operation, table_arn(arguments["TableName"])


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Yield a database of its own: tables of prod are protected from deletion."""
    with moto_server.run() as url:
        yield url


@pytest.fixture
def made(endpoint: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[Call]:
    """Run the steps, with a broken task for `doctor`, and return the calls that were made."""
    found: set[Call] = set()
    emit = BaseClient._emit_api_params

    def record(self: Any, api_params: Any, operation_model: Any, context: Any) -> Any:
        if self.meta.service_model.service_name == "dynamodb":
            found.update(
                (f"dynamodb:{action}", resource)
                for action, resource in calls(operation_model.name, api_params)
            )
        return emit(self, api_params, operation_model, context)

    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    monkeypatch.setenv("STAGE", "prod")
    monkeypatch.setattr(BaseClient, "_emit_api_params", record)
    for step in STEPS:
        run(step.format(folder=tmp_path))
    for model, item in BROKEN.items():
        write_raw(model, [{"PutRequest": {"Item": item}}])
    CliRunner().invoke(main, ["doctor", "--repair"])
    return found


def run(step: str) -> None:
    done = CliRunner().invoke(main, step.split())
    assert done.exit_code == 0, (step, done.output, done.exception)


def test_the_policy_allows_each_call_of_the_commands(made: set[Call]) -> None:
    statements = iam.statements(
        dict(iam.policies(iam.template("bootstrap.json")))["OperatorPolicy"]
    )
    refused = {one for one in made if not any(each.allows(*one) for each in statements)}
    assert refused == set()
    allowed = {action for one in statements for action in one.actions}
    seen = {action for action, _ in made}
    assert set(NOT_SEEN) == allowed - seen


def test_the_steps_use_each_command_that_uses_the_database() -> None:
    assert {step.split()[0] for step in STEPS} >= set(DATABASE_COMMANDS)
