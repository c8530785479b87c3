import fcntl
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from botocore.session import get_session

import billet
from billet.package import STAGES, api_gateway, chalice, slim
from chalicelib.http.authentication import bearer_token
from chalicelib.http.endpoints import DEFAULT_THROTTLE, Throttle
from chalicelib.http.problems import CONTENT_TYPE, HttpProblem
from chalicelib.http.response_headers import ResponseHeaders
from chalicelib.http.routes import ENDPOINTS
from chalicelib.services import tokens
from chalicelib.settings import Settings

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
APP = """
from chalice import Chalice
app = Chalice(app_name="app")
@app.route("/")
def index(): pass
"""


def run_package(stage: str, out: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "billet", "package", "--stage", stage, "--out", str(out)]
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


def template(packages: Path, stage: str) -> dict[str, Any]:
    resources: dict[str, Any] = json.loads((packages / stage / "sam.json").read_text())["Resources"]
    return resources


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
    variables = template(packages, "dev")["APIHandler"]["Properties"]["Environment"]["Variables"]
    before = contents(unpacked)
    user, task, assigned, tasks, refused, page, viewer, description = invoke(
        unpacked,
        {
            **variables,
            "TABLE_PREFIX": database.prefix,
            "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
            "RATE_WINDOW_SECONDS": "86400",
        },
        [
            proxy_event("POST", "/v1/users", '{"username": "ada"}'),
            proxy_event("POST", "/v1/tasks", '{"name": "zip"}'),
            proxy_event(
                "PUT", "/v1/tasks/{task_id}/assign/user/{user_id}", task_id="1", user_id="1"
            ),
            proxy_event("GET", "/v1/tasks"),
            proxy_event("POST", "/v1/tasks", '{"name": 7}'),
            proxy_event("GET", "/docs"),
            proxy_event("GET", "/docs/swagger-ui.js"),
            proxy_event("GET", "/v1/openapi.json"),
        ],
    )
    assert (user["statusCode"], user["headers"]["Location"]) == (201, "/dev/v1/users/1")
    assert (task["statusCode"], task["headers"]["Location"]) == (201, "/dev/v1/tasks/1")
    assert json.loads(assigned["body"])["success"] is True
    assert [(each["id"], each["assignees"]) for each in json.loads(tasks["body"])] == [(1, [1])]
    assert refused["statusCode"] == json.loads(refused["body"])["status"] == 400
    assert refused["headers"]["Content-Type"] == CONTENT_TYPE
    assert '"quota";r=995;' in refused["headers"]["RateLimit"]
    assert (page["statusCode"], 'src="./docs/start.js"' in page["body"]) == (200, True)
    assert "SwaggerUIBundle" in viewer["body"]
    assert json.loads(description["body"])["openapi"] == "3.1.1"
    assert contents(unpacked) == before


@pytest.mark.backend("moto")
def test_the_authorizer_in_the_zip_denies_with_a_policy_without_routes(
    packages: Path, unpacked: Path, endpoint: str, database: Settings
) -> None:
    function = template(packages, "dev")["Authenticate"]["Properties"]
    variables = function["Environment"]["Variables"] | {
        "TABLE_PREFIX": database.prefix,
        "AWS_ENDPOINT_URL_DYNAMODB": endpoint,
    }
    secret, token = tokens.issue("ci", "editor", None)
    arn = "arn:aws:execute-api:eu-west-1:123456789012:a1b2c3/dev/GET/v1/tasks"
    events = [
        {"type": "TOKEN", "authorizationToken": f"Bearer {word}", "methodArn": arn}
        for word in (secret, "blt_wrong")
    ]
    admitted, refused = invoke(unpacked, variables, events, function["Handler"])
    assert admitted["context"] == {"id": token.id, "name": "ci", "role": "editor"}
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
    for source in unpacked.rglob("*.py"):
        source.write_text("raise AssertionError(f'{__name__} was compiled')")
    assert invoke(unpacked, {}, []) == []


def test_the_zip_has_only_the_api_and_its_libraries(packages: Path) -> None:
    with zipfile.ZipFile(packages / "dev" / "deployment.zip") as archive:
        paths = [Path(name) for name in archive.namelist()]
    metadata = [path for path in paths if path.parts[0].endswith(".dist-info")]
    modules = {path.parts[0] for path in paths if path not in metadata} - {"__pycache__"}
    ours = {"app.py", "chalicelib", "chalice"}
    theirs = {"botocore", "dateutil", "jmespath", "msgspec", "pynamodb", "six.py", "urllib3"}
    assert modules == ours | theirs | {"offapi"}
    assert {path.name for path in paths if path.match("offapi/*")} == slim.SWAGGER_UI
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


def test_cfn_lint_finds_nothing_wrong_with_the_templates(packages: Path) -> None:
    linter = Path(sys.executable).with_name("cfn-lint")
    if not linter.exists():
        pytest.skip("cfn-lint is not installed, which is one of requirements-dev.txt")
    templates = [packages / stage / "sam.json" for stage in STAGES]
    linted = subprocess.run(
        [linter, *templates],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize("stage", STAGES)
def test_the_function_has_its_stage_and_times_out_before_api_gateway(
    stage: str, packages: Path
) -> None:
    function = template(packages, stage)["APIHandler"]["Properties"]
    assert Settings.from_environ(function["Environment"]["Variables"]).prefix == f"billet-{stage}"
    assert function["Runtime"] == f"python{sys.version_info[0]}.{sys.version_info[1]}"
    assert (function["Architectures"], function["MemorySize"]) == (["x86_64"], 1024)
    assert function["Timeout"] < 29


@pytest.mark.parametrize("version", [(3, 10), (3, 14), (3, 15), (4, 0)])
def test_a_python_version_without_a_lambda_runtime_is_rejected(version: tuple[int, int]) -> None:
    names = "python3.11 or python3.12 or python3.13"
    refusal = rf"^python{version[0]}\.{version[1]} is not a supported runtime: use {names}$"
    with pytest.raises(chalice.PackagingError, match=refusal):
        chalice.require_runtime(version)
    chalice.require_runtime(sys.version_info[:2])


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer blt_a", True),
        ("bearer  blt_a", True),
        ("", False),
        ("Bearer", False),
        ("Bearer ", False),
        ("Basic YTpi", False),
        ('Digest username="Bearer a"', False),
    ],
)
def test_api_gateway_asks_the_authorizer_about_what_the_api_takes_for_a_token(
    header: str, token: bool
) -> None:
    assert bool(re.search(api_gateway.BEARER, header)) is token
    assert bool(bearer_token(header)) is token


def test_a_user_pool_has_no_token_format_check() -> None:
    pool = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"
    settings = Settings(stage="prod", cognito_user_pool_arn=pool)
    properties = api_gateway.merge_template([], settings)["Resources"]["RestAPI"]["Properties"]
    assert "DefinitionBody" not in properties


@pytest.mark.parametrize("stage", STAGES)
def test_every_route_that_is_not_public_has_the_authorizer(stage: str, packages: Path) -> None:
    found = template(packages, stage)
    api = found["RestAPI"]["Properties"]["DefinitionBody"]
    [scheme] = api["securityDefinitions"].values()
    assert scheme["name"] == "Authorization"
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert (authorizer["type"], authorizer["authorizerResultTtlInSeconds"]) == ("token", 300)
    assert "${Authenticate.Arn}" in authorizer["authorizerUri"]["Fn::Sub"]
    assert authorizer["identityValidationExpression"] == api_gateway.BEARER
    permission = found["AuthenticateInvokePermission"]["Properties"]
    assert permission["FunctionName"] == {"Fn::GetAtt": ["Authenticate", "Arn"]}
    assert permission["Principal"].startswith("apigateway.")
    [policy] = found["AuthenticateRole"]["Properties"]["Policies"]
    file = ROOT / ".chalice" / f"policy-{stage}-authenticate.json"
    assert policy["PolicyDocument"] == json.loads(file.read_text())
    open_to_all = {(one.method, one.path) for one in ENDPOINTS if one.role is None}
    for path, methods in api["paths"].items():
        for method, described in methods.items():
            secured = described.get("security") == [{"authenticate": []}]
            assert secured is ((method.upper(), path) not in open_to_all), (method, path)


def test_gateway_responses_have_the_form_of_api_errors(
    packages: Path,
) -> None:
    responses = template(packages, "prod")["RestAPI"]["Properties"]["GatewayResponses"]
    service = get_session().get_service_model("apigateway")
    assert responses.keys() == set(service.shape_for("GatewayResponseType").enum)
    for response in responses.values():
        headers = response["ResponseParameters"]["Headers"]
        assert headers["Content-Type"] == "'application/problem+json'"
        assert headers["X-Request-Id"] == "context.requestId"
        request_headers = {"x-forwarded-proto": "https"}
        common = ResponseHeaders(()).common(request_headers, "GET", response["StatusCode"])
        assert {name: headers[name] for name in common} == {
            name: f"'{text}'" for name, text in common.items()
        }
        body = response["ResponseTemplates"]["application/json"]
        detail = json.loads(body)["detail"]
        assert body == HttpProblem(response["StatusCode"], detail).body().decode()


@pytest.mark.parametrize("stage", STAGES)
def test_api_gateway_throttles_each_route_by_its_rule(stage: str, packages: Path) -> None:
    properties = template(packages, stage)["RestAPI"]["Properties"]
    settings = {
        (one["HttpMethod"], one["ResourcePath"]): Throttle(
            one["ThrottlingRateLimit"], one["ThrottlingBurstLimit"]
        )
        for one in properties["MethodSettings"]
    }
    assert len(settings) == len(properties["MethodSettings"])
    usual = settings.pop(("*", "/*"))
    rules = {(one.method, one.path): one.throttle for one in ENDPOINTS}
    for path, methods in properties["DefinitionBody"]["paths"].items():
        for method in methods:
            escaped = "/" + path.replace("/", "~1")
            found = settings.pop((method.upper(), escaped), usual)
            assert found == rules.get((method.upper(), path), DEFAULT_THROTTLE)
    assert settings == {}


def test_a_list_is_let_through_at_half_the_usual_rate() -> None:
    usual, *own = api_gateway.method_settings(ENDPOINTS)
    assert usual == {
        "HttpMethod": "*",
        "ResourcePath": "/*",
        "ThrottlingRateLimit": 100,
        "ThrottlingBurstLimit": 200,
    }
    assert {
        "HttpMethod": "GET",
        "ResourcePath": "/~1v1~1users~1{user_id}~1tasks",
        "ThrottlingRateLimit": 50,
        "ThrottlingBurstLimit": 100,
    } in own


@pytest.mark.parametrize(
    ("origins", "named"),
    [
        ("", None),
        ("*", "'*'"),
        ("https://a.example,https://b.example", "'https://a.example'"),
    ],
)
def test_what_api_gateway_answers_by_itself_is_for_pages_of_the_first_origin_only(
    origins: str, named: str | None
) -> None:
    properties = api_gateway.merge_template([], Settings(cors_origins=origins))["Resources"][
        "RestAPI"
    ]["Properties"]
    for response in properties["GatewayResponses"].values():
        headers = response["ResponseParameters"]["Headers"]
        assert headers.get("Access-Control-Allow-Origin") == named


def test_gateway_responses_distinguish_missing_and_wrong_tokens_and_internal_errors(
    packages: Path,
) -> None:
    templates = template(packages, "prod")["RestAPI"]["Properties"]["GatewayResponses"]
    responses = {
        kind: (response["StatusCode"], response["ResponseParameters"]["Headers"])
        for kind, response in templates.items()
    }
    challenge = 'Bearer realm="billet-tasks"'
    assert responses["UNAUTHORIZED"][0] == responses["ACCESS_DENIED"][0] == 401
    assert responses["UNAUTHORIZED"][1]["WWW-Authenticate"] == f"'{challenge}'"
    wrong = responses["ACCESS_DENIED"][1]["WWW-Authenticate"]
    assert wrong == f"'{challenge}, error=\"invalid_token\"'"
    for kind in ("AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"):
        assert responses[kind][0] == 503
        assert responses[kind][1]["Retry-After"] == "'1'"


def test_a_missing_package_index_is_a_one_line_error(tmp_path: Path) -> None:
    refused = run_package(
        "dev", tmp_path, PIP_NO_INDEX="1", PIP_FIND_LINKS="", PIP_CONFIG_FILE=os.devnull
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: chalice package failed: Could not satisfy")
    assert refused.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("packages")  # skips if there is no package index
def test_a_package_without_one_of_its_libraries_is_rejected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tmp_path / "project"
    (project / "chalicelib").mkdir(parents=True)
    (project / "app.py").write_text(APP)
    (project / "requirements.txt").write_text(str(unbuildable_source(tmp_path)))
    (project / ".chalice").symlink_to(ROOT / ".chalice")
    monkeypatch.setattr(chalice, "ROOT", project)
    with pytest.raises(chalice.PackagingError, match=r"^no wheel for Lambda: broken==1$"):
        chalice.package("dev", tmp_path / "scratch")


INSTALLED = """
import importlib, pathlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import app, billet, chalicelib
assert all(str(one.__file__).startswith(sys.argv[1]) for one in (app, billet, chalicelib))
for package in (billet, chalicelib):
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
    for folder in ("billet", "chalicelib"):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for file in ("app.py", "pyproject.toml", "LICENSE", *map(str, ROOT.glob("requirements*"))):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"]
    subprocess.run([*command, "-w", str(wheels), str(source)], check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)  # noqa: S202
    return target


def test_a_wheel_has_all_files_of_the_application(installed: Path) -> None:
    folders = [ROOT / "billet", ROOT / "chalicelib"]
    files = [ROOT / "app.py", *(file for folder in folders for file in folder.rglob("*"))]
    wanted = {file.relative_to(ROOT) for file in files if file.is_file() and file.suffix != ".pyc"}
    found = {file.relative_to(installed) for file in installed.rglob("*") if file.is_file()}
    assert {file for file in found if not file.parts[0].endswith(".dist-info")} == wanted
    (entry_points,) = installed.glob("*.dist-info/entry_points.txt")
    assert "billet = billet.cli:main" in entry_points.read_text()


@pytest.mark.parametrize(
    ("argument", "expected"),
    [("--help", "Run and operate Billet Tasks"), ("--version", billet.__version__)],
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


def test_packaging_without_the_repository_is_a_one_line_error(tmp_path: Path) -> None:
    with pytest.raises(chalice.PackagingError, match="in a clone of the repository"):
        chalice.require_repository(tmp_path)


def unbuildable_source(folder: Path) -> Path:
    """Create a source distribution with a name and a version that cannot be built."""
    setup = b"import setuptools, sys\nassert 'bdist_wheel' not in sys.argv\n"
    setup += b"setuptools.setup(name='broken', version='1')\n"
    with tarfile.open(folder / "broken-1.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("broken-1/setup.py")
        entry.size = len(setup)
        archive.addfile(entry, io.BytesIO(setup))
    return folder / "broken-1.tar.gz"
