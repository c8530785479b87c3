import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session
from click.testing import CliRunner
from packaging.requirements import Requirement

import billet
from billet.cli import main
from billet.package import PackagingError, archive, chalice_config, libraries, source
from billet.package.target import RUNTIMES, Target
from chalicelib.http.problems import CONTENT_TYPE
from chalicelib.services import feeds, tokens, users
from chalicelib.settings import Settings

pytestmark = pytest.mark.walk  # packages are built and installed
ROOT = Path(__file__).parents[2]
HANDLER = """
import importlib, json, sys
assert not any("site-packages" in folder for folder in sys.path), sys.path
sys.path.insert(0, sys.argv[1])
class Context:
    aws_request_id = "test"
    get_remaining_time_in_millis = staticmethod(lambda: 28_000)
module, _, name = sys.argv[2].rpartition(".")
handler = getattr(importlib.import_module(module), name)
print(json.dumps([handler(event, Context) for event in json.load(sys.stdin)]))
"""
CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"
STAGES = ("dev", "prod")
COMMIT = "0123456789abcdef"
HERE = Target.of_this_machine()


def run_package(stage: str, out: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    options = ["--stage", stage, "--out", str(out), "--commit", COMMIT, *HERE.options]
    command = [sys.executable, "-m", "billet", "package", *options]
    return subprocess.run(
        command, cwd=ROOT, env=os.environ | environ, capture_output=True, text=True, check=False
    )


def index_available(scratch: Path) -> bool:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "six"]
    return subprocess.run(command, cwd=scratch, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Return a folder with the package of each stage, created once for all workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "packages"
    with open(f"{folder}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for stage in STAGES:
            if (folder / stage).exists():
                continue
            built = run_package(stage, folder / stage)
            if built.returncode != 0 and not os.environ.get("CI") and not index_available(base):
                pytest.skip(f"no package index: {built.stderr}")
            assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture
def unpacked(packages: Path, tmp_path: Path) -> Path:
    shutil.unpack_archive(packages / "dev" / "deployment.zip", tmp_path / "unpacked")
    return tmp_path / "unpacked"


def environment(packages: Path, function: str) -> dict[str, str]:
    """Return the environment of a function that is deployed without parameters."""
    template = json.loads((packages / "dev" / "sam.json").read_text())
    variables = template["Resources"][function]["Properties"]["Environment"]["Variables"]
    given = template["Parameters"]
    return {
        name: value if isinstance(value, str) else str(given[value["Ref"]]["Default"])
        for name, value in variables.items()
    }


def proxy_event(method: str, resource: str, body: str | None = None, **ids: str) -> dict[str, Any]:
    path = f"/dev{resource.format(**ids)}"
    return {
        "resource": resource,
        "httpMethod": method,
        "headers": {"Content-Type": "application/json"},
        "multiValueQueryStringParameters": None,
        "pathParameters": ids or None,
        "stageVariables": None,
        "body": body,
        "isBase64Encoded": False,
        "requestContext": {
            "resourcePath": resource,
            "httpMethod": method,
            "path": path,
            "stage": "dev",
            "domainName": "a1b2c3.execute-api.eu-west-1.amazonaws.com",
            "authorizer": {"id": "0123", "name": "ci", "role": "admin"},
            "identity": {"sourceIp": "10.0.0.1"},
        },
    }


def invoke(
    folder: Path,
    variables: dict[str, str],
    events: list[dict[str, Any]],
    handler: str = "app.app",
) -> list[dict[str, Any]]:
    """Handle the events in an interpreter that has only the folder on its path."""
    aws = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", "-c", HANDLER, str(folder), handler],
        input=json.dumps(events),
        env=aws | {"AWS_LAMBDA_FUNCTION_NAME": "test"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    responses: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return responses


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_the_unpacked_zip_serves_a_stage_and_writes_no_file(
    packages: Path, unpacked: Path, endpoint: str, database: Settings
) -> None:
    variables = environment(packages, "APIHandler")
    before = contents(unpacked)
    eve = users.create("eve")
    query = {"multiValueQueryStringParameters": {"token": [feeds.create(eve.id)]}}
    user, task, assigned, tasks, refused, page, viewer, description, feed = invoke(
        unpacked,
        {
            **variables,
            "TABLE_PREFIX": database.prefix,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "RATE_WINDOW_SECONDS": "86400",
        },
        [
            proxy_event("POST", "/v1/users", '{"username": "ada"}'),
            proxy_event("POST", "/v1/tasks", '{"name": "zip", "expires_at": "2030-12-24"}'),
            proxy_event(
                "PUT", "/v1/tasks/{task_id}/assign/user/{user_id}", task_id="1", user_id="1"
            ),
            proxy_event("GET", "/v1/tasks"),
            proxy_event("POST", "/v1/tasks", '{"name": 7}'),
            proxy_event("GET", "/docs"),
            proxy_event("GET", "/docs/swagger-ui.js"),
            proxy_event("GET", "/v1/openapi.json"),
            proxy_event("GET", "/v1/users/{user_id}/tasks.ics", user_id="1") | query,
        ],
    )
    assert (user["statusCode"], user["headers"]["Location"]) == (201, "/dev/v1/users/2")
    assert (task["statusCode"], task["headers"]["Location"]) == (201, "/dev/v1/tasks/1")
    assert json.loads(assigned["body"])["success"] is True
    assert [(each["id"], each["assignees"]) for each in json.loads(tasks["body"])] == [(1, [1])]
    assert refused["statusCode"] == json.loads(refused["body"])["status"] == 400
    assert refused["headers"]["Content-Type"] == CONTENT_TYPE
    assert '"quota";r=995;' in refused["headers"]["RateLimit"]
    assert (page["statusCode"], 'src="./docs/start.js"' in page["body"]) == (200, True)
    assert "SwaggerUIBundle" in viewer["body"]
    assert json.loads(description["body"])["openapi"] == "3.1.1"
    assert "\r\nSUMMARY:zip\r\n" in feed["body"]
    assert contents(unpacked) == before


@pytest.mark.backend("moto")
def test_the_authorizer_in_the_zip_denies_with_a_policy_without_routes(
    packages: Path, unpacked: Path, endpoint: str, database: Settings
) -> None:
    variables = environment(packages, "Authenticate") | {
        "TABLE_PREFIX": database.prefix,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
    }
    secret, token = tokens.issue("ci", "editor", None)
    arn = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/dev/GET/v1/tasks"
    events = [
        {"type": "TOKEN", "authorizationToken": f"Bearer {word}", "methodArn": arn}
        for word in (secret, "blt_wrong")
    ]
    admitted, refused = invoke(unpacked, variables, events, "app.authenticate")
    assert admitted["context"] == {
        "id": token.id,
        "name": "ci",
        "role": "editor",
        "key_scope": "ci",
    }
    assert resources(admitted) == [arn.replace("GET/v1/tasks", "*/*")]
    assert resources(refused) == []


def resources(response: dict[str, Any]) -> Any:
    """Return the resources that an authorizer response allows."""
    [statement] = response["policyDocument"]["Statement"]
    assert statement["Effect"] == "Allow"
    return statement["Resource"]


def test_imports_from_the_zip_use_the_compiled_modules(
    unpacked: Path,
) -> None:
    for module in unpacked.rglob("*.py"):
        module.write_text("raise AssertionError(f'{__name__} was compiled')")
    assert invoke(unpacked, {}, []) == []


def test_the_zip_has_only_the_api_and_its_libraries(packages: Path) -> None:
    with zipfile.ZipFile(packages / "dev" / "deployment.zip") as zipped:
        paths = [Path(name) for name in zipped.namelist()]
    metadata = [path for path in paths if path.parts[0].endswith(".dist-info")]
    modules = {path.parts[0] for path in paths if path not in metadata} - {"__pycache__"}
    ours = {"app.py", "chalicelib", "chalice"}
    theirs = {"botocore", "dateutil", "icalendar", "jmespath", "msgspec", "pynamodb", "six.py"}
    assert modules == ours | theirs | {"offapi", "tzdata", "urllib3"}
    assert {path.name for path in paths if path.match("offapi/*")} == archive.PARTS["offapi"]
    assert {path.name for path in metadata} == {"METADATA"}
    runtime = {path.name for path in paths if path.match("chalice/*.py")}
    assert runtime == {"__init__.py", "app.py"}
    services = {path.parts[2] for path in paths if path.match("botocore/data/*/*/*")}
    assert services == {"dynamodb"}


def test_the_zip_has_only_the_botocore_data_of_dynamodb(unpacked: Path) -> None:
    data = unpacked / "botocore" / "data"
    partitions = json.loads((data / "endpoints.json").read_text())["partitions"]
    assert {name for partition in partitions for name in partition["services"]} == {"dynamodb"}
    assert "eu-central-1" in partitions[0]["services"]["dynamodb"]["endpoints"]
    assert not list(data.rglob("endpoint-rule-set*"))
    [model] = data.glob("dynamodb/2012-08-10/service-2.json*")
    operations = json.loads(model.read_text())["operations"]
    assert "documentation" not in operations["GetItem"]
    assert operations.keys() == set(get_session().get_service_model("dynamodb").operation_names)


def test_two_builds_of_the_zip_are_identical(packages: Path) -> None:
    dev, prod = ((packages / stage / "deployment.zip").read_bytes() for stage in ("dev", "prod"))
    assert dev == prod


def test_the_machine_needs_a_python_of_the_runtime(tmp_path: Path) -> None:
    other = next(one for one in RUNTIMES if one != HERE.runtime)
    fake = tmp_path / other
    fake.write_text("#!/bin/sh\necho not found >&2; exit 127\n")  # as pyenv's shims do
    fake.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        with pytest.raises(PackagingError, match=rf"^{other} is not on PATH, .*in a container"):
            Target.of(other, "arm64")
    with pytest.raises(PackagingError, match=rf"^--python: {sys.executable} is not {other}$"):
        Target.of(other, "arm64", sys.executable)
    with pytest.raises(PackagingError, match=r"^--python: /missing is not "):
        Target.of(HERE.runtime, "arm64", "/missing")


ARM, INTEL = (0xB7).to_bytes(2, "little"), (0x3E).to_bytes(2, "little")


@pytest.mark.parametrize(
    ("name", "machine", "fits"),
    [
        ("a.cpython-313-aarch64-linux-gnu.so", ARM, True),
        ("a.abi3.so", ARM, True),
        ("a.libs/liba.so.1", ARM, True),
        ("a.cpython-312-aarch64-linux-gnu.so", ARM, False),
        ("a.cpython-313-x86_64-linux-gnu.so", INTEL, False),
        ("a.cpython-313-aarch64-linux-gnu.so", INTEL, False),
        ("a.abi3.so", INTEL, False),
        ("a.cpython-313-darwin.so", ARM, False),
    ],
)
def test_an_extension_module_for_another_platform_is_refused(
    name: str, machine: bytes, fits: bool, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"\x7fELF" + bytes(14) + machine)
    target = Target("python3.13", "arm64", sys.executable)
    refusal = rf"^{re.escape(name)}: is not for python3\.13 on arm64$"
    with nullcontext() if fits else pytest.raises(PackagingError, match=refusal):
        libraries.check_platform(target, tmp_path)


def test_the_zip_says_what_it_was_made_from(packages: Path, unpacked: Path) -> None:
    facts = json.loads((packages / "dev" / "build.json").read_text())
    zipped = (packages / "dev" / "deployment.zip").read_bytes()
    assert facts == {
        "version": billet.__version__,
        "commit": COMMIT,
        "runtime": HERE.runtime,
        "architecture": HERE.architecture,
        "sha256": hashlib.sha256(zipped).hexdigest(),
    }
    release = json.loads((unpacked / "chalicelib" / "release.json").read_text())
    assert release == {"version": billet.__version__, "commit": COMMIT}
    template = json.loads((packages / "dev" / "sam.json").read_text())
    assert template["Resources"]["APIHandler"]["Properties"]["CodeUri"] == "./deployment.zip"
    assert f"(commit {COMMIT})" in template["Description"]


def test_the_zip_has_the_locked_versions(unpacked: Path) -> None:
    found = {
        file.parent.name.removesuffix(".dist-info").replace("_", "-")
        for file in unpacked.glob("*.dist-info/METADATA")
    }
    runtime, serve = map(locked, ("requirements.txt", "requirements-serve.txt"))
    assert found == runtime | {one for one in serve if one.startswith("chalice-")}


def locked(name: str) -> set[str]:
    """Return the names and versions that the lock has for this Python."""
    lines = re.findall(r"^(\S+==.*?)\s*\\?$", (ROOT / name).read_text(), re.MULTILINE)
    wanted = [one for one in map(Requirement, lines) if not one.marker or one.marker.evaluate()]
    return {f"{one.name}-{str(one.specifier).removeprefix('==')}" for one in wanted}


@pytest.mark.usefixtures("packages")  # skips if there is no package index
def test_a_library_with_another_hash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = (ROOT / "requirements.txt").read_text()
    (tmp_path / "requirements.txt").write_text(re.sub(r"sha256:\w{8}", "sha256:00000000", lock))
    shutil.copy(ROOT / "requirements-serve.txt", tmp_path)
    monkeypatch.setattr(source, "ROOT", tmp_path)
    with pytest.raises(PackagingError, match=r"^pip failed: THESE PACKAGES DO NOT MATCH"):
        libraries.install(HERE, tmp_path)


@pytest.mark.parametrize(
    ("setting", "instead"),
    [
        ("log_retention_in_days", "use the template's parameter LogRetentionDays"),
        ("lambda_memory_size", "use the template's parameter MemorySize"),
        ("xray", "tracing is always on"),
        ("lambda_architecture", "use the option --architecture"),
        ("subnet_ids", "the functions run outside of a VPC"),
        ("websocket_api_custom_domain", "docs/packaging.md has the parameters"),
    ],
)
@pytest.mark.parametrize("level", ["all stages", "one stage"])
def test_a_setting_of_chalice_that_has_no_effect_is_refused(
    setting: str, instead: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text())
    (config if level == "all stages" else config["stages"]["dev"])[setting] = 1
    (tmp_path / ".chalice").mkdir()
    (tmp_path / ".chalice" / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(source, "ROOT", tmp_path)
    refusal = rf"^\.chalice/config\.json: {setting} has no effect here: {instead}"
    with pytest.raises(PackagingError, match=refusal):
        chalice_config.check()


def test_chalice_package_refuses_and_names_the_command_to_use(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CHALICE, "package", "--stage", "prod", str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "use `python -m billet package`" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "refusal"),
    [
        (["--stage", "local"], "--stage: local is the stage of `billet serve`; use another name"),
        (["--stage", "Prod"], "--stage: must be up to 32 lower-case letters, digits and hyphens"),
        (["--stage", ""], "--stage: must be up to 32 lower-case letters, digits and hyphens"),
        (["--stage", "dev", "--table-prefix", "a/b"], "--table-prefix: must be 1 to 64 letters"),
        (["--stage", "dev", "--table-prefix", ""], "--table-prefix: must be 1 to 64 letters"),
        (["--stage", "dev", "--auth-cache-seconds", "3601"], "--auth-cache-seconds: must be a who"),
        (["--stage", "dev", "--cognito-user-pool-arn", "x"], "--cognito-user-pool-arn: must be an"),
        (["--stage", "dev", "--runtime", "python3.10"], "--runtime: must be one of python3.11, "),
    ],
)
def test_a_wrong_option_is_a_one_line_error(
    arguments: list[str], refusal: str, tmp_path: Path
) -> None:
    out = str(tmp_path / "out")
    done = CliRunner().invoke(main, ["package", "--out", out, *arguments])
    assert done.exit_code != 0
    assert done.output.startswith(f"Error: {refusal}"), done.output
    assert done.output.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_index_is_a_one_line_error(tmp_path: Path) -> None:
    refused = run_package(
        "dev", tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: pip failed: No matching distribution found for ")
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


FOLDERS = ("billet", "billet_client", "chalicelib")
INSTALLED = """
import importlib, pathlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import app, billet, billet_client, chalicelib
packages = (billet, billet_client, chalicelib)
assert all(str(one.__file__).startswith(sys.argv[1]) for one in (app, *packages))
for package in packages:
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
sys.argv[:] = ["billet", *sys.argv[2:]]
importlib.import_module("billet.cli").main()
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the files that `pip install .` installs, built from a copy of the repository."""
    pytest.importorskip("setuptools", minversion="77", reason="setuptools is older than the lock")
    source, wheels, target = (tmp_path_factory.mktemp(one) for one in ("source", "wheels", "site"))
    ignored = shutil.ignore_patterns("__pycache__")
    for folder in FOLDERS:
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for file in ("app.py", "pyproject.toml", "LICENSE", *map(str, ROOT.glob("requirements*"))):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"]
    subprocess.run([*command, "-w", str(wheels), str(source)], check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def test_a_wheel_has_all_files_of_the_application(installed: Path) -> None:
    files = [ROOT / "app.py", *(file for name in FOLDERS for file in (ROOT / name).rglob("*"))]
    wanted = {file.relative_to(ROOT) for file in files if file.is_file() and file.suffix != ".pyc"}
    found = {file.relative_to(installed) for file in installed.rglob("*") if file.is_file()}
    assert {file for file in found if not file.parts[0].endswith(".dist-info")} == wanted
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "billet = billet.cli:main" in entry_points.read_text()


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("--help", "Keep tasks, and run and operate Billet Tasks"), ("--version", billet.__version__)],
)
def test_an_installed_wheel_can_be_imported_and_run(
    installed: Path, tmp_path: Path, argument: str, expected: str
) -> None:
    environ = {**os.environ, "AWS_ENDPOINT_URL_DYNAMODB": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", INSTALLED, str(installed), argument],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in done.stdout


def test_packaging_without_the_repository_is_a_one_line_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "ROOT", tmp_path)
    with pytest.raises(PackagingError, match="in a clone of the repository"):
        source.require_repository()
