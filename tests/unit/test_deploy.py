"""Parts of `billet deploy` and `billet destroy`, without a deployment: tests/walks has one."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from botocore.stub import Stubber
from click.testing import CliRunner

from billet.deploy import artifacts, change_set, events, fixed, package, parameters, stack
from billet.deploy.command import deploy
from billet.deploy.destroy import destroy
from billet.deploy.place import Place
from chalicelib.settings import Settings
from tests.support.cloudformation import RELEASE, sam

DEFINITIONS: parameters.Definitions = {
    "Lanes": {"Type": "Number", "Default": 1, "MinValue": 1, "MaxValue": 64},
    "LogLevel": {"Type": "String", "Default": "INFO", "AllowedValues": ["INFO", "ERROR"]},
    "PublicUrl": {
        "Type": "String",
        "Default": "",
        "MaxLength": 64,
        "AllowedPattern": "(https?://[a-z.]+)?",
        "ConstraintDescription": "must be a scheme and a host",
    },
}


@pytest.fixture
def place(moto_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Yield a place without a bucket."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_endpoint)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    found = Place("dev")
    yield found
    if artifacts.bucket_exists(found):
        artifacts.delete_bucket(found)


def test_the_bucket_is_private_versioned_and_encrypted(place: Place) -> None:
    assert artifacts.prepare_bucket(place)
    s3, bucket = place.client("s3"), {"Bucket": place.bucket}
    assert place.bucket == "billet-tasks-artifacts-123456789012-eu-west-1"
    assert s3.get_bucket_location(**bucket)["LocationConstraint"] == "eu-west-1"
    assert s3.get_bucket_versioning(**bucket)["Status"] == "Enabled"
    assert s3.get_bucket_encryption(**bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    access = s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True}
    [rule] = json.loads(s3.get_bucket_policy(**bucket)["Policy"])["Statement"]
    assert (rule["Effect"], rule["Condition"]) == (
        "Deny",
        {"Bool": {"aws:SecureTransport": "false"}},
    )
    assert rule["Resource"] == [f"arn:aws:s3:::{place.bucket}", f"arn:aws:s3:::{place.bucket}/*"]


def test_a_bucket_that_was_half_made_is_completed(place: Place) -> None:
    place.client("s3").create_bucket(
        Bucket=place.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    assert not artifacts.prepare_bucket(place)
    versioning = place.client("s3").get_bucket_versioning(Bucket=place.bucket)
    assert versioning["Status"] == "Enabled"


def test_a_zip_is_uploaded_once_and_the_bucket_is_deleted_with_all_versions(
    place: Place, tmp_path: Path
) -> None:
    artifacts.prepare_bucket(place)
    place.client("s3").delete_bucket_policy(Bucket=place.bucket)  # moto ignores its condition
    file = tmp_path / "deployment.zip"
    file.write_bytes(b"zip")
    assert artifacts.upload_zip(place, file, "abc") == "abc"
    artifacts.upload_zip(place, file, "abc")
    for _ in range(2):
        url = artifacts.upload_template(place, {"Resources": {}})
    versions = place.client("s3").list_object_versions(Bucket=place.bucket)["Versions"]
    keys = [one["Key"] for one in versions]
    assert keys.count("abc") == 1
    assert {url.partition("amazonaws.com/")[2], "abc"} == set(keys)
    assert url.startswith(f"https://{place.bucket}.s3.eu-west-1.amazonaws.com/templates/dev/")
    artifacts.delete_bucket(place)
    assert not artifacts.bucket_exists(place)


def test_the_tables_have_to_be_where_the_stack_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:9/other")
    with pytest.raises(click.ClickException, match="AWS_ENDPOINT_URL_DYNAMODB: must not be set"):
        Place("dev")


@pytest.mark.parametrize(
    ("stage", "text"),
    [
        ("local", "local is the stage of `billet serve`"),
        ("Prod", "must be up to 32 "),
        ("", "must be up to 32 "),
        ("dev-", "must be up to 32 "),
    ],
)
def test_a_stage_has_a_name_that_all_its_resources_can_have(stage: str, text: str) -> None:
    with pytest.raises(click.ClickException) as caught:
        Place(stage)
    assert caught.value.message.startswith(f"--stage: {text}")


def test_parameters_of_a_file_give_way_to_those_of_the_command(tmp_path: Path) -> None:
    file = tmp_path / "parameters.json"
    file.write_text('{"Lanes": 4, "LogLevel": "ERROR"}')
    assert parameters.read(["Lanes=8"], file) == {"Lanes": "8", "LogLevel": "ERROR"}


@pytest.mark.parametrize("content", ["Lanes: 4", "[]", '"Lanes"'])
def test_a_file_that_holds_no_parameters_is_refused(content: str, tmp_path: Path) -> None:
    file = tmp_path / "parameters.json"
    file.write_text(content)
    with pytest.raises(click.ClickException, match="must be JSON with names and values"):
        parameters.read([], file)


def test_a_pair_without_a_value_is_refused() -> None:
    with pytest.raises(click.ClickException, match="--parameter Lanes: must have the form"):
        parameters.read(["Lanes"], None)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("Lane", "4", "does not exist; allowed are Lanes, LogLevel, PublicUrl"),
        ("Lanes", "65", "must be a whole number between 1 and 64"),
        ("Lanes", "04", "must be a whole number between 1 and 64"),
        ("Lanes", "\u0664", "must be a whole number between 1 and 64"),
        ("Lanes", "9" * 5000, "must be a whole number between 1 and 64"),
        ("Lanes", "-0", "must be a whole number between 1 and 64"),
        ("PublicUrl", "https://" + "a" * 60, "must have at most 64 characters"),
        ("Lanes", "four", "must be a whole number between 1 and 64"),
        ("LogLevel", "LOUD", "must be one of INFO, ERROR"),
        ("PublicUrl", "tasks", "must be a scheme and a host"),
    ],
)
def test_a_wrong_parameter_is_one_line_with_what_is_allowed(
    name: str, value: str, text: str
) -> None:
    with pytest.raises(click.ClickException) as caught:
        parameters.check({name: value}, DEFINITIONS)
    assert caught.value.message == f"--parameter {name}: {text}"


def test_lanes_of_the_stack_that_are_not_allowed_are_one_line(
    packaged: Callable[..., Path],
) -> None:
    with package.of_stage("dev", packaged(stage="dev"), "", "", deployed=None, given={}) as made:
        assert made.settings("4").lanes == 4
        with pytest.raises(click.ClickException, match="Lanes: must be a whole number between"):
            made.settings("04")


def test_parameters_that_are_not_given_keep_their_value() -> None:
    previous = {"Lanes": "4", "Removed": "1"}
    assert parameters.to_send({"LogLevel": "ERROR"}, DEFINITIONS, previous) == [
        {"ParameterKey": "Lanes", "UsePreviousValue": True},
        {"ParameterKey": "LogLevel", "ParameterValue": "ERROR"},
    ]
    values = parameters.in_effect({"LogLevel": "ERROR"}, DEFINITIONS, previous)
    assert values == {"Lanes": "4", "LogLevel": "ERROR", "PublicUrl": ""}


@pytest.mark.parametrize(
    ("rollout", "changes"),
    [
        ({"Rollout": "Canary10Percent5Minutes"}, ["AllAtOnce", "Canary10Percent5Minutes"]),
        ({"Rollout": "AllAtOnce"}, ["AllAtOnce"]),
        ({}, [None]),
    ],
)
def test_a_roll_back_takes_over_at_once_because_alarms_would_stop_a_canary(
    rollout: dict[str, str], changes: list[str | None]
) -> None:
    found = [
        {pair["ParameterKey"]: pair["ParameterValue"] for pair in one}
        for one in parameters.of_roll_back({"Lanes": "2", **rollout})
    ]
    assert [one.get("Rollout") for one in found] == changes
    assert all(one["Lanes"] == "2" for one in found)


def event(name: str, status: str, reason: str) -> dict[str, Any]:
    return {
        "LogicalResourceId": name,
        "ResourceType": "AWS::Lambda::Function",
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
    }


def test_a_failure_names_the_resource_that_failed_and_its_own_reason() -> None:
    found = [
        event("Role", "CREATE_FAILED", "Resource creation cancelled"),
        event("API", "CREATE_FAILED", "the key\n does not exist"),
        event("stack", "ROLLBACK_FAILED", "The following resource(s) failed to create: [API]"),
    ]
    text = "API (AWS::Lambda::Function): the key does not exist (stack is in ROLLBACK_COMPLETE)"
    assert events.failure("stack", "ROLLBACK_COMPLETE", found) == text
    assert events.failure("stack", "ROLLBACK_COMPLETE", []) == "stack is in ROLLBACK_COMPLETE"


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--stage prod", "prod is deleted only after a confirmation: --confirm prod"),
        ("--stage prod --yes", "prod is deleted only after a confirmation: --confirm prod"),
        ("--stage prod --confirm dev", "--confirm: must be prod"),
        (
            "--stage prod --table-prefix a --yes",
            "prod is deleted only after a confirmation: --confirm prod",
        ),
        ("--stage dev", "dev is deleted only after a confirmation: --yes"),
    ],
)
def test_destroy_deletes_nothing_without_a_confirmation(options: str, text: str) -> None:
    ended = CliRunner().invoke(destroy, [*options.split(), "--with-artifacts"])
    assert ended.exit_code == 1
    assert ended.stderr.splitlines()[-1] == f"Error: {text}"
    assert "Stack billet-tasks-" in ended.stdout


@pytest.mark.usefixtures("place")
def test_a_stage_that_does_not_exist_is_not_destroyed() -> None:
    ended = CliRunner().invoke(destroy, ["--stage", "nope", "--with-data", "--yes"])
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1] == "Error: there is no stage nope"


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--parameter Lane=4", "--parameter Lane: does not exist; allowed are AccountLogRole, "),
        (
            "--parameter ReservedConcurrency=-5",
            "--parameter ReservedConcurrency: must be a whole number of 0 or more, or empty",
        ),
        (
            "--parameter DomainName=tasks.example.com",
            "--parameter DomainName: needs CertificateArn, too",
        ),
        ("--role-arn deploy", "--role-arn: must be the ARN of a role such as arn:aws:iam::"),
    ],
)
def test_deploy_refuses_wrong_values_before_it_packages(options: str, text: str) -> None:
    ended = CliRunner().invoke(deploy, ["--stage", "dev", "--dry-run", *options.split()])
    assert (ended.exit_code, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"Error: {text}")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("AlreadyExistsException", "Stack [billet-tasks-dev] already exists"),
        ("ValidationError", "Stack is in UPDATE_IN_PROGRESS state and can not be updated."),
    ],
)
def test_a_second_deployment_at_the_same_time_is_refused(
    place: Place, code: str, message: str
) -> None:
    answer = Stubber(place.client("cloudformation"))
    answer.add_client_error("create_change_set", code, message)
    with answer, pytest.raises(click.ClickException) as caught:
        change_set.create(place, place.url_of("key"), [], new=True, role=None)
    assert caught.value.message == (
        "another deployment of dev is running; try again when it is complete"
    )


def test_ctrl_c_says_what_goes_on() -> None:
    with pytest.raises(click.ClickException, match="CloudFormation goes on"), stack.resumable():
        raise KeyboardInterrupt


@pytest.fixture
def tables_of_prod(place: Place) -> Iterator[Callable[[], list[str]]]:
    """Create two tables of prod, and yield a function that lists those that exist."""
    dynamodb = place.client("dynamodb")
    made = ("billet-prod-users", "billet-prod-tasks")
    for name in made:
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def existing() -> list[str]:
        return sorted(set(made).intersection(dynamodb.list_tables()["TableNames"]))

    yield existing
    for name in existing():
        dynamodb.delete_table(TableName=name)


def test_destroy_does_not_take_the_tables_of_another_stage_from_the_environment(
    tables_of_prod: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_PREFIX", "billet-prod")
    ended = CliRunner().invoke(destroy, ["--stage", "dev", "--with-data", "--yes"])
    assert ended.stderr.splitlines()[-1] == "Error: there is no stage dev"
    assert len(tables_of_prod()) == 2


def test_destroy_deletes_tables_with_another_prefix_only_if_that_is_confirmed(
    tables_of_prod: Callable[[], list[str]],
) -> None:
    given = ["--stage", "dev", "--with-data", "--yes", "--table-prefix", "billet-prod"]
    refused = CliRunner().invoke(destroy, given)
    text = "billet-prod is deleted only after a confirmation: --confirm billet-prod"
    assert refused.stderr.splitlines()[-1] == f"Error: {text}"
    wrong = CliRunner().invoke(destroy, [*given, "--confirm", "dev"])
    assert wrong.stderr.splitlines()[-1] == "Error: --confirm: must be billet-prod"
    assert len(tables_of_prod()) == 2
    assert CliRunner().invoke(destroy, [*given, "--confirm", "billet-prod"]).exit_code == 0
    assert tables_of_prod() == []


POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"


@pytest.fixture
def packaged(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes the folder of a package with settings."""

    def write(**settings: Any) -> Path:
        (tmp_path / "deployment.zip").write_bytes(b"zip")
        (tmp_path / "sam.json").write_text(json.dumps(sam(**settings)))
        facts = {
            **RELEASE._asdict(),
            "runtime": "python3.13",
            "architecture": "arm64",
            "sha256": hashlib.sha256(b"zip").hexdigest(),
        }
        (tmp_path / "build.json").write_text(json.dumps(facts))
        return tmp_path

    return write


def template_of(
    folder: Path, deployed: Settings | None, stage: str = "dev", **given: str
) -> dict[str, Any]:
    with package.of_stage(stage, folder, "", "", deployed=deployed, given=given) as made:
        return made.template


@pytest.mark.parametrize(
    "kept",
    [{"table_prefix": "restored"}, {"auth_cache_seconds": 0}, {"cognito_user_pool_arn": POOL}],
)
@pytest.mark.parametrize("packaged_for", ["dev", "test"])
def test_a_deployment_keeps_the_settings_that_are_fixed_in_the_template_of_the_stack(
    kept: dict[str, Any], packaged_for: str, packaged: Callable[..., Path]
) -> None:
    before = json.loads(json.dumps(sam(stage="dev", **kept)))
    deployed = fixed.of_template(before, "dev")
    assert template_of(packaged(stage=packaged_for), deployed) == before


def test_a_setting_that_is_fixed_in_the_template_changes_if_it_is_given(
    packaged: Callable[..., Path],
) -> None:
    deployed = fixed.of_stage("dev", {"TABLE_PREFIX": "restored", "COGNITO_USER_POOL_ARN": POOL})
    after = template_of(packaged(stage="dev"), deployed, COGNITO_USER_POOL_ARN="")
    assert after == json.loads(json.dumps(sam(stage="dev", table_prefix="restored")))
    again = template_of(packaged(stage="dev"), deployed, TABLE_PREFIX="other")
    assert fixed.of_template(again, "dev").prefix == "other"


def test_an_option_of_the_package_that_the_stack_does_not_have_is_refused_until_it_is_given(
    packaged: Callable[..., Path],
) -> None:
    folder = packaged(stage="dev", table_prefix="restored")
    assert fixed.of_template(template_of(folder, None), "dev").prefix == "restored"
    deployed = fixed.of_stage("dev", {})
    with pytest.raises(click.ClickException) as caught:
        template_of(folder, deployed)
    assert caught.value.message == (
        f"{folder}: was packaged with TABLE_PREFIX=restored, and the deployed stack has "
        "billet-dev; --table-prefix says which to use"
    )
    for prefix in ("restored", "billet-dev"):
        made = template_of(folder, deployed, TABLE_PREFIX=prefix)
        assert fixed.of_template(made, "dev").prefix == prefix
    with pytest.raises(click.ClickException, match="has options of `billet package` or changes"):
        template_of(folder, None, stage="prod")


def test_a_wrong_setting_is_one_line(packaged: Callable[..., Path]) -> None:
    with pytest.raises(click.ClickException) as caught:
        template_of(packaged(stage="dev"), None, AUTH_CACHE_SECONDS="-1")
    assert caught.value.message.startswith("--auth-cache-seconds: must be a whole number between")
