"""The CloudFormation template, as `billet package` writes it and as AWS's translator expands it."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from billet.migrations import MIGRATIONS
from billet.package import api_gateway, metrics, parameters
from billet.package.template import ACCESS_LOG
from chalicelib.http.authentication import bearer_token
from chalicelib.http.endpoints import DEFAULT_THROTTLE, Throttle
from chalicelib.http.problems import HttpProblem
from chalicelib.http.response_headers import ResponseHeaders
from chalicelib.http.routes import ENDPOINTS
from chalicelib.settings import Settings
from tests.support.cloudformation import of_type, references, sam, translated
from tests.support.markdown import anchors

ROOT = Path(__file__).parents[2]
POOL = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"
INLINE_LIMIT, S3_LIMIT = 51_200, 1_000_000
"""The largest template that can be sent to CloudFormation in a request, and from a bucket."""
VERSION = "AWS::Lambda::Version"
FUNCTIONS = ("APIHandler", "Authenticate")
Template = dict[str, Any]


@pytest.fixture(scope="module")
def written() -> Template:
    return sam()


@pytest.fixture(scope="module")
def expanded(written: Template) -> Template:
    return translated(written)


@pytest.fixture(scope="module")
def api(expanded: Template) -> dict[str, Any]:
    """Return the API's definition, as API Gateway gets it."""
    body: dict[str, Any] = of_type(expanded, "AWS::ApiGateway::RestApi")["RestAPI"]["Body"]
    return body


@pytest.mark.parametrize("name", ["written", "expanded"])
def test_cfn_lint_finds_nothing_wrong_with_the_template(
    name: str, request: pytest.FixtureRequest
) -> None:
    cfnlint = pytest.importorskip("cfnlint.api")  # the container's image has no cfn-lint
    template = request.getfixturevalue(name)
    assert [str(match) for match in cfnlint.lint(json.dumps(template))] == []


@pytest.mark.parametrize("name", ["ReadThrottleEvents", "WriteThrottleEvents"])
def test_alarms_and_dashboard_watch_each_table_and_each_global_index(
    name: str, expanded: Template
) -> None:
    """DynamoDB reports an index by table and index, and not with its table."""
    tables = {f"billet-prod-{table.suffix}" for one in MIGRATIONS for table in one.tables}
    added = [(suffix, new) for one in MIGRATIONS for suffix, new in one.indexes.items()]
    made = [(table.suffix, table.indexes) for one in MIGRATIONS for table in one.tables]
    indexes = {
        (f"billet-prod-{suffix}", index.name)
        for suffix, of_table in made + added
        for index in of_table
        if not index.local
    }
    metrics_ = [
        one["MetricStat"]["Metric"]
        for alarm in of_type(expanded, "AWS::CloudWatch::Alarm").values()
        for one in alarm.get("Metrics", ())
        if "MetricStat" in one
    ]
    watched = [
        tuple(dimension["Value"] for dimension in one["Dimensions"])
        for one in metrics_
        if one["MetricName"] == name
    ]
    assert sorted(watched) == sorted([*((table,) for table in tables), *indexes])
    [dashboard] = of_type(expanded, "AWS::CloudWatch::Dashboard").values()
    shown = dashboard["DashboardBody"]["Fn::Sub"]
    for table, index in indexes:
        line = f'"{name}", "TableName", "{table}", "GlobalSecondaryIndexName", "{index}"'
        assert line in shown


@pytest.mark.parametrize("settings", [{}, {"cognito_user_pool_arn": POOL}, {"stage": "pr-7"}])
def test_the_template_is_too_large_for_a_request_and_small_enough_for_a_bucket(
    settings: dict[str, str],
) -> None:
    size = len(json.dumps(sam(**settings), indent=1))
    assert INLINE_LIMIT < size < S3_LIMIT / 4  # docs/packaging.md says that it needs a bucket


def test_the_api_has_one_stage_and_it_has_throttles(expanded: Template) -> None:
    [stage] = of_type(expanded, "AWS::ApiGateway::Stage").values()
    assert stage["StageName"] == "prod"
    assert stage["MethodSettings"][0]["ThrottlingRateLimit"] == DEFAULT_THROTTLE.rate
    assert stage["TracingEnabled"] is True
    [deployment] = of_type(expanded, "AWS::ApiGateway::Deployment").values()
    assert "StageName" not in deployment


def test_the_api_is_regional_and_compresses(expanded: Template) -> None:
    [api] = of_type(expanded, "AWS::ApiGateway::RestApi").values()
    assert api["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    assert api["MinimumCompressionSize"] == 1024


def test_api_gateway_calls_the_alias_of_each_function_and_may(
    expanded: Template, api: dict[str, Any]
) -> None:
    def calls(function: str, uri: Any) -> bool:
        name: str = uri["Fn::Sub"]
        return name.endswith(f"/functions/${{{function}Aliaslive}}/invocations")

    integrations = [
        method["x-amazon-apigateway-integration"]["uri"]
        for methods in api["paths"].values()
        for method in methods.values()
    ]
    assert integrations
    assert all(calls("APIHandler", uri) for uri in integrations)
    scheme = api["securityDefinitions"]["authenticate"]
    assert calls("Authenticate", scheme["x-amazon-apigateway-authorizer"]["authorizerUri"])
    permissions = of_type(expanded, "AWS::Lambda::Permission").values()
    assert {one["FunctionName"]["Ref"] for one in permissions} == {
        f"{function}Aliaslive" for function in FUNCTIONS
    }
    for permission in permissions:
        assert permission["Action"] == "lambda:InvokeFunction"
        assert permission["SourceArn"]["Fn::Sub"].endswith(":${RestAPI}/*")
    aliases = of_type(expanded, "AWS::Lambda::Alias")
    assert set(aliases) == {f"{function}Aliaslive" for function in FUNCTIONS}


def test_alarms_roll_back_a_canary_of_each_function(expanded: Template) -> None:
    groups = of_type(expanded, "AWS::CodeDeploy::DeploymentGroup")
    assert set(groups) == {f"{function}DeploymentGroup" for function in FUNCTIONS}
    for name, group in groups.items():
        watching, alarms, none = group["AlarmConfiguration"]["Fn::If"]
        assert (watching, none) == ("WatchesRollout", {})
        assert alarms["Alarms"] == [
            {"Name": {"Ref": one}} for one in ("ServerErrors", "FunctionErrors", "AuthorizerErrors")
        ]
        assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]
        alias = expanded["Resources"][name.replace("DeploymentGroup", "Aliaslive")]
        assert "CodeDeployLambdaAliasUpdate" in alias["UpdatePolicy"]
        config = group["DeploymentConfigName"]["Fn::Sub"]
        assert config[1] == {"ConfigName": "Canary10Percent5Minutes"}


def test_a_change_of_a_parameter_publishes_a_version(expanded: Template) -> None:
    """CloudFormation replaces a version whose description changes; SAM ignores parameters."""
    for name, properties in of_type(expanded, "AWS::Lambda::Function").items():
        own = properties | {"ReservedConcurrentExecutions": None}  # belongs to all versions
        used = {one for one in references(own) if one in expanded["Parameters"]}
        [description] = [
            version["Description"]
            for version in of_type(expanded, VERSION).values()
            if version["FunctionName"] == {"Ref": name}
        ]
        assert used == set(parameters.VERSIONED) == set(references(description))


def test_the_description_of_a_version_fits_with_the_longest_parameters(written: Template) -> None:
    def longest(definition: dict[str, Any]) -> int:
        if "AllowedValues" in definition:
            return max(len(str(one)) for one in definition["AllowedValues"])
        return definition.get("MaxLength") or len(str(definition["MaxValue"]))

    lengths = [longest(written["Parameters"][name]) for name in parameters.VERSIONED]
    assert sum(lengths) + len(lengths) - 1 <= 256


def test_the_api_does_not_depend_on_parameters(
    written: Template, expanded: Template, api: dict[str, Any]
) -> None:
    """SAM makes a new deployment of the API only if the text of its definition changes."""
    assert set(references(api)) & set(written["Parameters"]) == set()
    assert set(references(api)) == {
        "AWS::Partition",
        "AWS::Region",
        "AWS::StackName",
        "APIHandlerAliaslive",
        "AuthenticateAliaslive",
    }


def test_another_zip_publishes_a_version_and_the_same_one_does_not(written: Template) -> None:
    versions = [set(of_type(translated(written), VERSION)) for _ in range(2)]
    assert versions[0] == versions[1]
    assert versions[0] & set(of_type(translated(written, key="b.zip"), VERSION)) == set()


def test_each_function_has_a_log_tracing_a_limit_and_its_own_role(expanded: Template) -> None:
    functions = of_type(expanded, "AWS::Lambda::Function")
    assert set(functions) == set(FUNCTIONS)
    limits = {
        "APIHandler": ["LimitsApi", {"Ref": "ReservedConcurrency"}],
        "Authenticate": ["LimitsAuthorizer", {"Ref": "AuthorizerConcurrency"}],
    }
    for name, function in functions.items():
        assert function["TracingConfig"] == {"Mode": "Active"}
        assert function["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
        assert function["LoggingConfig"] == {"LogGroup": {"Ref": f"{name}Log"}}
        none = {"Ref": "AWS::NoValue"}
        assert function["ReservedConcurrentExecutions"] == {"Fn::If": [*limits[name], none]}
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert function["Timeout"] < 29
    assert functions["APIHandler"]["Handler"] == "app.app"
    assert functions["Authenticate"]["Handler"] == "app.authenticate"


def test_every_log_group_has_a_retention(expanded: Template) -> None:
    groups = of_type(expanded, "AWS::Logs::LogGroup")
    assert set(groups) == {"APIHandlerLog", "AuthenticateLog", "AccessLog"}
    for group in groups.values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_alarm_notifies_the_topic_and_watches_what_cloudwatch_can(expanded: Template) -> None:
    alarms = of_type(expanded, "AWS::CloudWatch::Alarm")
    assert set(alarms) == set(metrics.ALARMS)
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [{"Ref": "AlarmTopic"}]
        assert alarm["TreatMissingData"] == "notBreaching"
        watched = [one for one in alarm.get("Metrics", ()) if "MetricStat" in one]
        assert len(watched) <= 10, "more metrics than an alarm can have"
        if "ExtendedStatistic" in alarm:
            assert alarm["EvaluateLowSampleCountPercentile"] == "evaluate"
            assert alarm["DatapointsToAlarm"] > 1, "one slow request is no alarm"
    [subscription] = of_type(expanded, "AWS::SNS::Subscription").values()
    assert subscription["Endpoint"] == {"Ref": "AlarmEmail"}


def test_every_alarm_links_to_an_existing_section_of_the_runbook(expanded: Template) -> None:
    sections = anchors(ROOT / metrics.RUNBOOK)
    for alarm in of_type(expanded, "AWS::CloudWatch::Alarm").values():
        text, _, section = alarm["AlarmDescription"].partition(f": see {metrics.RUNBOOK}#")
        assert text
        assert section in sections


def test_no_alarm_refers_to_the_api(written: Template) -> None:
    """It would be circular: the API, the alias, its deployment group, the alarm."""
    for name in metrics.ALARMS:
        assert "RestAPI" not in references(written["Resources"][name])
    api = written["Resources"]["RestAPI"]["Properties"]
    assert api["Name"] == api["DefinitionBody"]["info"]["title"] == {"Ref": "AWS::StackName"}


def test_the_dashboard_has_every_metric_of_the_list(written: Template) -> None:
    body = written["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert [one["properties"]["title"] for one in widgets] == [
        widget.title for widget in metrics.METRICS
    ]
    places = Counter((one["x"], one["y"]) for one in widgets)
    assert max(places.values()) == 1
    assert "billet-prod-tasks" in body
    assert "{prefix}" not in json.dumps(written)


WILDCARDS = {
    "xray:PutTelemetryRecords": "X-Ray has no resources",
    "xray:PutTraceSegments": "X-Ray has no resources",
}
"""The actions that are allowed on every resource, and why."""
MANAGED = {
    "service-role/AmazonAPIGatewayPushToCloudWatchLogs": "API Gateway requires it of the role with "
    "which it writes the logs of all APIs of an account"
}


def statements(found: Template) -> Iterator[dict[str, Any]]:
    for role in of_type(found, "AWS::IAM::Role").values():
        for policy in role.get("Policies", ()):
            yield from policy["PolicyDocument"]["Statement"]


def test_no_policy_has_a_wildcard_where_aws_has_resources(expanded: Template) -> None:
    found = list(statements(expanded))
    assert len(found) > 5
    for statement in found:
        assert not [action for action in statement["Action"] if "*" in action], statement
        resources = statement["Resource"]
        for resource in resources if isinstance(resources, list) else [resources]:
            text = json.dumps(resource)
            if resource == "*":
                assert set(statement["Action"]) <= set(WILDCARDS)
            else:
                assert text.count("*") == text.count("alarm:${AWS::StackName}-*"), statement
    attached = [
        arn["Fn::Sub"].partition(":policy/")[2]
        for role in of_type(expanded, "AWS::IAM::Role").values()
        for arn in role.get("ManagedPolicyArns", ())
    ]
    assert attached == list(MANAGED)


def test_every_role_has_the_permissions_boundary_that_is_given(expanded: Template) -> None:
    given = ["HasBoundary", {"Ref": "PermissionsBoundary"}, {"Ref": "AWS::NoValue"}]
    for name, role in of_type(expanded, "AWS::IAM::Role").items():
        assert role["PermissionsBoundary"] == {"Fn::If": given}, name


def test_each_parameter_has_a_default_that_it_allows(written: Template) -> None:
    for name, definition in written["Parameters"].items():
        default = definition["Default"]
        assert definition["Description"], name
        assert default in definition.get("AllowedValues", [default]), name
        assert re.fullmatch(definition.get("AllowedPattern", ".*"), str(default)), name
        if definition["Type"] == "Number" and "MinValue" in definition:
            assert definition["MinValue"] <= default <= definition["MaxValue"], name


def test_the_functions_start_with_the_defaults(written: Template) -> None:
    defaults = {name: str(one["Default"]) for name, one in written["Parameters"].items()}
    for function in of_type(written, "AWS::Serverless::Function").values():
        variables = function["Environment"]["Variables"]
        environ = {
            name: value if isinstance(value, str) else defaults[value["Ref"]]
            for name, value in variables.items()
        }
        settings = Settings.from_environ(environ)
        assert (settings.stage, settings.prefix, settings.quota) == ("prod", "billet-prod", 1000)
        assert settings.authenticated


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("CorsOrigins", "https://a.example,https://b.example", "https://a.example/"),
        ("PublicUrl", "https://tasks.example", "https://tasks.example/v1"),
        ("DomainName", "tasks.example.com", "https://tasks.example.com"),
        ("CertificateArn", "arn:aws:acm:eu-west-1:123456789012:certificate/1", "certificate/1"),
        ("AlarmEmail", "ops@example.com", "ops"),
        ("ReservedConcurrency", "10", "ten"),
    ],
)
def test_a_parameter_refuses_a_wrong_value(name: str, good: str, bad: str) -> None:
    pattern = parameters.definitions()[name]["AllowedPattern"]
    assert re.fullmatch(pattern, good)
    assert not re.fullmatch(pattern, bad)


def test_the_documentation_has_each_parameter_and_its_default() -> None:
    text = (ROOT / "docs" / "packaging.md").read_text()
    rows = dict(re.findall(r"^\| `([A-Z][A-Za-z]+)` \| [^|]+ \| (\S*) ?\|", text, re.MULTILINE))
    assert rows == {
        name: str(one["Default"]) or "none" for name, one in parameters.definitions().items()
    }


def test_outputs_are_those_that_a_deployment_reads(written: Template) -> None:
    outputs = written["Outputs"]
    url = "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/prod/"
    assert outputs["EndpointURL"]["Value"] == {"Fn::Sub": url}
    assert outputs["RestAPIId"]["Value"] == {"Ref": "RestAPI"}
    assert outputs["APIHandlerName"]["Value"] == {"Ref": "APIHandler"}


def test_the_template_says_its_version_and_commit(expanded: Template) -> None:
    assert expanded["Description"] == "Billet Tasks 1.2.3 (commit 0123456), stage prod"
    facts = {"version": "1.2.3", "commit": "0123456", "stage": "prod"}
    assert expanded["Metadata"]["Billet"] == facts


def test_the_access_log_is_json_without_tokens(written: Template) -> None:
    setting = written["Resources"]["RestAPI"]["Properties"]["AccessLogSetting"]
    line = re.sub(r"\$context[.\w]+", "x", setting["Format"])
    assert json.loads(line).keys() == ACCESS_LOG.keys()
    assert not re.search(r"header|authorizer\.(id|name|role|claims)|token", setting["Format"], re.I)


def test_what_is_optional_is_there_only_if_its_parameter_is_given(expanded: Template) -> None:
    conditions = {name: one.get("Condition") for name, one in expanded["Resources"].items()}
    optional = {name: one for name, one in conditions.items() if one}
    assert optional == {
        "Domain": "HasDomain",
        "DomainMapping": "HasDomain",
        "WebAclAssociation": "HasWebAcl",
        "AlarmSubscription": "HasAlarmEmail",
        "ApiGatewayLogRole": "SetsAccountLogRole",
        "ApiGatewayAccount": "SetsAccountLogRole",
    }
    mapping = expanded["Resources"]["DomainMapping"]["Properties"]
    assert mapping["Stage"] == {"Ref": "RestAPIprodStage"}


def test_a_user_pool_replaces_the_authorizer() -> None:
    found = translated(sam(cognito_user_pool_arn=POOL))
    [function] = of_type(found, "AWS::Lambda::Function").values()
    assert function["Environment"]["Variables"]["COGNITO_USER_POOL_ARN"] == POOL
    body = of_type(found, "AWS::ApiGateway::RestApi")["RestAPI"]["Body"]
    scheme = body["securityDefinitions"]["cognito"]["x-amazon-apigateway-authorizer"]
    assert scheme == {"type": "cognito_user_pools", "providerARNs": [POOL]}
    assert "AuthorizerErrors" not in found["Resources"]
    assert set(references(found)) - set(found["Resources"]) - set(found["Parameters"]) == {
        *("AWS::AccountId", "AWS::NoValue", "AWS::Partition", "AWS::Region", "AWS::StackName"),
        *("AWS::URLSuffix", "ConfigName"),
    }


@pytest.mark.parametrize("stage", ["dev", "staging", "pr-7"])
def test_a_stage_can_have_any_name(stage: str) -> None:
    found = translated(sam(stage=stage, table_prefix="team.tasks", auth_cache_seconds=0))
    [only] = of_type(found, "AWS::ApiGateway::Stage").values()
    assert only["StageName"] == stage
    for function in of_type(found, "AWS::Lambda::Function").values():
        variables = function["Environment"]["Variables"]
        assert (variables["STAGE"], variables["TABLE_PREFIX"]) == (stage, "team.tasks")
    text = json.dumps(found)
    assert "billet-prod" not in text
    assert "table/team.tasks-users" in text
    assert '"authorizerResultTtlInSeconds": 0' in text


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


def test_every_route_that_is_not_public_has_the_authorizer(api: dict[str, Any]) -> None:
    [scheme] = api["securityDefinitions"].values()
    assert scheme["name"] == "Authorization"
    authorizer = scheme["x-amazon-apigateway-authorizer"]
    assert (authorizer["type"], authorizer["authorizerResultTtlInSeconds"]) == ("token", 300)
    assert authorizer["identityValidationExpression"] == api_gateway.BEARER
    open_to_all = {(one.method, one.path) for one in ENDPOINTS if one.role is None}
    for path, methods in api["paths"].items():
        for method, described in methods.items():
            secured = described.get("security") == [{"authenticate": []}]
            public = method == "options" or (method.upper(), path) in open_to_all
            assert secured is not public, (method, path)


def test_every_path_has_options_whatever_origins_are_allowed(api: dict[str, Any]) -> None:
    assert api["paths"].keys() == {one.path for one in ENDPOINTS}
    assert all("options" in methods for methods in api["paths"].values())


def test_gateway_responses_have_the_form_of_api_errors(api: dict[str, Any]) -> None:
    from botocore.session import get_session

    responses = api["x-amazon-apigateway-gateway-responses"]
    service = get_session().get_service_model("apigateway")
    assert responses.keys() == set(service.shape_for("GatewayResponseType").enum)
    common = ResponseHeaders("*").common({"x-forwarded-proto": "https"}, "GET", 500)
    for response in responses.values():
        prefix = "gatewayresponse.header."
        headers = response["responseParameters"]
        assert headers[prefix + "Content-Type"] == "'application/problem+json'"
        assert headers[prefix + "X-Request-Id"] == "context.requestId"
        assert {name: headers[prefix + name] for name in common} == {
            name: f"'{text}'" for name, text in common.items()
        }
        body = response["responseTemplates"]["application/json"]
        detail, status = json.loads(body)["detail"], int(response["statusCode"])
        assert body == HttpProblem(status, detail).body().decode()


def test_gateway_responses_distinguish_missing_and_wrong_tokens_and_internal_errors() -> None:
    responses = {
        kind: (response["StatusCode"], response["ResponseParameters"]["Headers"])
        for kind, response in api_gateway.gateway_responses().items()
    }
    challenge = 'Bearer realm="billet-tasks"'
    assert responses["UNAUTHORIZED"][0] == responses["ACCESS_DENIED"][0] == 401
    assert responses["UNAUTHORIZED"][1]["WWW-Authenticate"] == f"'{challenge}'"
    wrong = responses["ACCESS_DENIED"][1]["WWW-Authenticate"]
    assert wrong == f"'{challenge}, error=\"invalid_token\"'"
    for kind in ("AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"):
        assert responses[kind][0] == 503
        assert responses[kind][1]["Retry-After"] == "'1'"


def test_api_gateway_throttles_each_route_by_its_rule(
    written: Template, api: dict[str, Any]
) -> None:
    found = written["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    settings = {
        (one["HttpMethod"], one["ResourcePath"]): Throttle(
            one["ThrottlingRateLimit"], one["ThrottlingBurstLimit"]
        )
        for one in found
    }
    assert len(settings) == len(found)
    usual = settings.pop(("*", "/*"))
    rules = {(one.method, one.path): one.throttle for one in ENDPOINTS}
    for path, methods in api["paths"].items():
        for method in methods:
            escaped = "/" + path.replace("/", "~1")
            throttle = settings.pop((method.upper(), escaped), usual)
            assert throttle == rules.get((method.upper(), path), DEFAULT_THROTTLE)
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
