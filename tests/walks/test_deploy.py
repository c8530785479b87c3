"""`billet deploy` and `billet destroy` on the emulated AWS: from nothing to nothing.

docs/deploy-reference.md lists what the emulated AWS can't do.
"""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import click
import pytest

from billet.deploy import artifacts, change_set, stack
from billet.deploy.place import Place
from billet.package import build
from billet.package.target import Target

pytestmark = [pytest.mark.walk, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
REGION = "eu-west-1"
BUCKET = f"billet-tasks-artifacts-123456789012-{REGION}"
STARTED = "export AWS_ENDPOINT_URL="
APP = "app.py"
COMPILED = "__pycache__/app."
SECONDS = 300
Run = Callable[..., subprocess.CompletedProcess[str]]
Services = Callable[[str], Any]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the package of dev that this machine can run."""
    folder = tmp_path_factory.mktemp("package")
    target = Target.of_this_machine()
    build("dev", folder, runtime=target.runtime, architecture=target.architecture)
    return folder


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Start an emulated AWS, and yield the variables of a command that uses it."""
    command = [sys.executable, "-m", "billet.emulators.aws", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as emulator:
        assert emulator.stdout
        lines = iter(emulator.stdout.readline, "")
        url = next(line for line in lines if line.startswith(STARTED))
        yield {
            "PATH": os.environ["PATH"],
            "HOME": "/nowhere",
            "AWS_ENDPOINT_URL": url.removeprefix(STARTED).strip(),
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        emulator.terminate()
        assert emulator.wait(SECONDS) == 0


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Return a function that runs `billet` with these words and checks the exit status."""

    def billet(
        *words: str | Path, status: int = 0, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            [sys.executable, "-m", "billet", *map(str, words)],
            cwd=ROOT,
            env={**environment, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert ended.returncode == status, ended.stdout + ended.stderr
        assert "Traceback" not in ended.stderr
        return ended

    return billet


@pytest.fixture
def aws(environment: dict[str, str]) -> Services:
    """Return a function that returns the client of a service."""

    def client(service: str) -> Any:
        return boto3.client(
            service, endpoint_url=environment["AWS_ENDPOINT_URL"], region_name=REGION
        )

    return client


def changed(package: Path, folder: Path, line: str) -> Path:
    """Copy a package, with one more line in app.py."""
    folder.mkdir()
    with (
        zipfile.ZipFile(package / "deployment.zip") as source,
        zipfile.ZipFile(folder / "deployment.zip", "w") as target,
    ):
        for name in source.namelist():
            if name == APP:
                target.writestr(name, source.read(name) + f"\n{line}\n".encode())
            elif not name.startswith(COMPILED):
                target.writestr(name, source.read(name))
    facts = json.loads((package / "build.json").read_text())
    facts["sha256"] = hashlib.sha256((folder / "deployment.zip").read_bytes()).hexdigest()
    (folder / "build.json").write_text(json.dumps(facts))
    (folder / "sam.json").write_text((package / "sam.json").read_text())
    return folder


def test_a_stage_goes_from_nothing_through_changes_to_nothing(
    run: Run, aws: Services, package: Path, tmp_path: Path
) -> None:
    planned = run("deploy", "--stage", "dev", "--package", package, "--dry-run")
    assert planned.stderr.startswith("endpoint http://127.0.0.1:")
    assert "tables billet-dev-*" in planned.stderr
    assert "Stack billet-tasks-dev: is created" in planned.stdout
    assert aws("s3").list_buckets()["Buckets"] == []
    assert aws("dynamodb").list_tables()["TableNames"] == []

    deploy = ("deploy", "--stage", "dev", "--yes", "--package")
    first = run(*deploy, package)
    assert "CREATE_COMPLETE APIHandler" in first.stdout
    assert "Create the first token: STAGE=dev " in first.stdout
    assert first.stdout.splitlines()[-1].endswith(" -m billet token create --name me --role admin")
    assert "-H 'Host: " in first.stdout
    _check_resources(aws)
    assert run("token", "list", STAGE="dev").stdout == ""
    assert _versions(aws) == ["1"]

    again = run(*deploy, package)
    assert "no change" in again.stdout
    assert _versions(aws) == ["1"]

    better = changed(package, tmp_path / "better", "# changed")
    run(*deploy, better, "--parameter", "Lanes=2")
    assert _variables(aws)["LANES"] == "2"
    assert _code(aws) == _digest(better)

    broken = changed(package, tmp_path / "broken", 'raise RuntimeError("broken")')
    failed = run(*deploy, broken, "--parameter", "Lanes=3", status=1)
    assert "the smoke test failed: GET /v1/health" in failed.stderr
    assert "the previous version is restored" in failed.stderr
    assert _code(aws) == _digest(better)
    assert _variables(aws)["LANES"] == "2"
    [stack_] = aws("cloudformation").describe_stacks(StackName="billet-tasks-dev")["Stacks"]
    values = {one["ParameterKey"]: one["ParameterValue"] for one in stack_["Parameters"]}
    assert values["Rollout"] == "Canary10Percent5Minutes"
    assert "no change" in run(*deploy, better).stdout

    kept = run("destroy", "--stage", "dev", "--yes")
    assert "billet-dev-tasks" in kept.stdout.splitlines()[-1]
    assert _stacks(aws) == []
    assert aws("lambda").list_functions()["Functions"] == []
    assert "the role ApiGatewayLogRole" in kept.stdout.splitlines()[-1]
    assert "billet-dev-tasks" in aws("dynamodb").list_tables()["TableNames"]
    gone = run("destroy", "--stage", "dev", "--yes", "--with-data", "--with-artifacts")
    assert gone.stdout.splitlines()[-1] == "Remains: backups of the tables if there are any"
    assert aws("dynamodb").list_tables()["TableNames"] == []
    assert aws("s3").list_buckets()["Buckets"] == []


def test_the_package_of_one_stage_is_deployed_to_another(
    run: Run, aws: Services, package: Path, tmp_path: Path
) -> None:
    broken = changed(package, tmp_path / "broken", 'raise RuntimeError("broken")')
    failed = run("deploy", "--stage", "prod", "--yes", "--package", broken, status=1)
    assert "there is no previous version" in failed.stderr
    assert _stacks(aws) == ["billet-tasks-prod"]

    deploy = ("deploy", "--stage", "prod", "--yes", "--package", package)
    changed_prefix = run(*deploy, "--table-prefix", "billet-prod-2")
    assert "TABLE_PREFIX=billet-prod-2 (was billet-prod)" in changed_prefix.stdout
    assert _variables(aws)["STAGE"] == "prod"
    assert _variables(aws)["TABLE_PREFIX"] == "billet-prod-2"
    kept = run(*deploy, "--dry-run")
    assert "Settings: TABLE_PREFIX=billet-prod-2, AUTH_CACHE_SECONDS=300\n" in kept.stdout
    assert "tables billet-prod-2-*" in kept.stderr
    assert _code(aws) == _digest(package)

    refused = run("destroy", "--stage", "prod", "--yes", status=1)
    assert "Error: prod is deleted only after a confirmation" in refused.stderr
    assert _stacks(aws) == ["billet-tasks-prod"]
    gone = ("destroy", "--stage", "prod", "--with-data", "--with-artifacts", "--confirm")
    assert "--confirm: must be billet-prod-2" in run(*gone, "prod", status=1).stderr
    run(*gone, "billet-prod-2")
    assert _stacks(aws) == []


def test_a_resource_that_fails_is_named_with_its_own_reason_and_the_stack_is_restored(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, environment[name])
    code = {"S3Bucket": BUCKET, "S3Key": "missing"}
    role = "arn:aws:iam::123456789012:role/none"
    function = {"Type": "AWS::Lambda::Function", "Properties": {"Code": code, "Role": role}}
    topic = {"Type": "AWS::SNS::Topic"}
    reason = r"Function \(AWS::Lambda::Function\): .*HeadObject operation: Not Found"

    place = Place("dev")
    artifacts.prepare_bucket(place)
    _apply(place, {"Topic": topic})
    with pytest.raises(click.ClickException, match=f"{reason}.*UPDATE_ROLLBACK_COMPLETE"):
        _apply(place, {"Another": topic, "Function": function, "Topic": topic})
    [left] = place.client("sns").list_topics()["Topics"]
    assert "Topic" in left["TopicArn"]
    assert stack.template(place)["Resources"] == {"Topic": topic}

    first = Place("first")
    with pytest.raises(click.ClickException, match=f"{reason}.* ROLLBACK_COMPLETE"):
        _apply(first, {"Another": topic, "Function": function})
    failed = stack.find(first)
    assert failed
    assert failed.status == "ROLLBACK_COMPLETE"
    assert stack.deployed(first) is None
    stack.delete(first, failed)
    assert stack.find(first) is None


def _apply(place: Place, resources: dict[str, Any]) -> None:
    url = artifacts.upload_template(place, {"Resources": resources})
    new = stack.deployed(place) is None
    made = change_set.create(place, url, [], new=new, role=None)
    assert made
    change_set.apply(place, made)


def _check_resources(aws: Services) -> None:
    """Check that each resource is as docs/packaging.md describes it."""
    stack = aws("cloudformation").describe_stacks(StackName="billet-tasks-dev")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert {"EndpointURL", "RestAPIId", "APIHandlerName"} <= {
        one["OutputKey"] for one in stack["Outputs"]
    }
    target = Target.of_this_machine()
    functions = aws("lambda").list_functions()["Functions"]
    assert len(functions) == 2
    for one in functions:
        assert (one["Runtime"], one["Architectures"]) == (target.runtime, [target.architecture])
        alias = aws("lambda").get_alias(FunctionName=one["FunctionName"], Name="live")
        assert alias["FunctionVersion"] == "1"
    groups = aws("logs").describe_log_groups()["logGroups"]
    assert len(groups) == 3
    assert all(group["retentionInDays"] for group in groups)
    [api] = aws("apigateway").get_rest_apis()["items"]
    assert api["endpointConfiguration"]["types"] == ["REGIONAL"]
    [stage] = aws("apigateway").get_stages(restApiId=api["id"])["item"]
    assert stage["stageName"] == "dev"
    assert stage["accessLogSettings"]["format"]
    alarms = aws("cloudwatch").describe_alarms()["MetricAlarms"]
    assert alarms
    assert all(alarm["AlarmActions"] for alarm in alarms)
    assert aws("cloudwatch").list_dashboards()["DashboardEntries"]
    for one in functions:
        role = one["Role"].rpartition("/")[2]
        assert aws("iam").list_role_policies(RoleName=role)["PolicyNames"]


def _stacks(aws: Services) -> list[str]:
    return [one["StackName"] for one in aws("cloudformation").describe_stacks()["Stacks"]]


def _handler(aws: Services) -> Any:
    """Return the live version of the API's function."""
    name = next(
        one["FunctionName"]
        for one in aws("lambda").list_functions()["Functions"]
        if "APIHandler" in one["FunctionName"]
    )
    return aws("lambda").get_function(FunctionName=name, Qualifier="live")["Configuration"]


def _versions(aws: Services) -> list[str]:
    name = _handler(aws)["FunctionName"]
    found = aws("lambda").list_versions_by_function(FunctionName=name)["Versions"]
    return [one["Version"] for one in found if one["Version"] != "$LATEST"]


def _variables(aws: Services) -> dict[str, str]:
    variables: dict[str, str] = _handler(aws)["Environment"]["Variables"]
    return variables


def _code(aws: Services) -> str:
    digest: str = _handler(aws)["CodeSha256"]
    return digest


def _digest(package: Path) -> str:
    digest = hashlib.sha256((package / "deployment.zip").read_bytes()).digest()
    return base64.b64encode(digest).decode()
