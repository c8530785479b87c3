"""The CloudFormation template: functions, API, logs, alarms, and what may be added to them."""

from typing import Any

from billet.package import api_gateway, metrics, parameters, policies
from chalicelib.app_factory import BilletApp
from chalicelib.http.routes import ENDPOINTS
from chalicelib.release import Release
from chalicelib.settings import Settings

Resource = dict[str, Any]

ZIP = "./deployment.zip"
COMPRESS_FROM = 1024
"""The least bytes of a response that API Gateway compresses, if the client accepts it."""
ACCESS_LOG = {
    "time": "$context.requestTimeEpoch",
    "requestId": "$context.requestId",
    "traceId": "$context.xrayTraceId",
    "ip": "$context.identity.sourceIp",
    "caller": "$context.authorizer.principalId",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "bytes": "$context.responseLength",
    "ms": "$context.responseLatency",
    "integrationStatus": "$context.integration.integrationStatus",
    "integrationMs": "$context.integration.latency",
    "integrationError": "$context.integration.error",
    "authorizerStatus": "$context.authorizer.integrationStatus",
    "authorizerMs": "$context.authorizer.integrationLatency",
}
"""One line for each request. The caller is the id of a token or of a user, not a secret.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html"""
CONDITIONS = {
    "HasAlarmEmail": "AlarmEmail",
    "HasBoundary": "PermissionsBoundary",
    "HasDomain": "DomainName",
    "HasWebAcl": "WebAclArn",
    "LimitsApi": "ReservedConcurrency",
    "LimitsAuthorizer": "AuthorizerConcurrency",
}
"""Conditions that a parameter is not empty."""
NO_VALUE = {"Ref": "AWS::NoValue"}


def build(settings: Settings, release: Release, runtime: str, architecture: str) -> dict[str, Any]:
    """Return the template of a stage.

    Args:
        settings: those that are fixed in the template: stage, table_prefix, auth_cache_seconds and
            cognito_user_pool_arn. The others are parameters.
        runtime: Lambda's name for it, python3.13.
        architecture: arm64 or x86_64.
    """
    functions = _Functions(settings, runtime, architecture)
    given = parameters.definitions()
    conditions = CONDITIONS
    if not functions.has_authorizer:
        del given["AuthorizerConcurrency"]
        conditions = {name: one for name, one in CONDITIONS.items() if one in given}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": "AWS::Serverless-2016-10-31",
        "Description": f"Billet Tasks {release}, stage {settings.stage}",
        "Metadata": {"Billet": {**release._asdict(), "stage": settings.stage}},
        "Parameters": given,
        "Rules": {"DomainNeedsCertificate": _domain_rule()},
        "Conditions": {
            **{name: _not(_equals(one, "")) for name, one in conditions.items()},
            "SetsAccountLogRole": _equals("AccountLogRole", "create"),
            "WatchesRollout": _not(_equals("Rollout", "AllAtOnce")),
        },
        # Without a version here SAM adds a second public stage, named Stage, without limits:
        # https://github.com/aws/serverless-application-model/issues/191
        "Globals": {"Api": {"OpenApiVersion": "2.0"}},
        "Resources": {
            **functions.resources(),
            **_api(settings),
            **_domain(),
            **_web_acl(),
            **_account_log_role(),
            **_alarm_topic(),
            **metrics.resources(
                settings.prefix, "AlarmTopic", has_authorizer=functions.has_authorizer
            ),
        },
        "Outputs": _outputs(settings, functions.names),
    }


class _Functions:
    """The two functions, each with its role, its log and a permission for API Gateway."""

    def __init__(self, settings: Settings, runtime: str, architecture: str) -> None:
        self._settings = settings
        self._runtime = runtime
        self._architecture = architecture
        self.has_authorizer = not settings.cognito_user_pool_arn
        self.names = ["APIHandler", *(["Authenticate"] if self.has_authorizer else [])]

    def resources(self) -> dict[str, Resource]:
        own = {
            "APIHandler": ("app.app", policies.API, "LimitsApi", "ReservedConcurrency"),
            "Authenticate": (
                "app.authenticate",
                policies.AUTHORIZER,
                "LimitsAuthorizer",
                "AuthorizerConcurrency",
            ),
        }
        parts: dict[str, Resource] = {}
        for name in self.names:
            handler, access, limited, limit = own[name]
            parts[name] = self._function(name, handler, _if(limited, {"Ref": limit}, NO_VALUE))
            parts[f"{name}Role"] = _role(
                "lambda", policies.document(access, self._settings.prefix, f"{name}Log")
            )
            parts[f"{name}Log"] = log_group(f"/aws/lambda/${{AWS::StackName}}-{name}")
            parts[f"{name}InvokePermission"] = _permission(name)
        return {
            **parts,
            "RolloutRole": _role("codedeploy", policies.rollout(self.names, api_gateway.ALIAS)),
        }

    def _function(self, name: str, handler: str, concurrency: Any) -> Resource:
        return {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "CodeUri": ZIP,
                "Handler": handler,
                "Runtime": self._runtime,
                "Architectures": [self._architecture],
                "MemorySize": {"Ref": "MemorySize"},
                "Timeout": metrics.TIMEOUT_SECONDS,
                "ReservedConcurrentExecutions": concurrency,
                "Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]},
                "Tracing": "Active",
                "LoggingConfig": {"LogGroup": {"Ref": f"{name}Log"}},
                "Environment": {"Variables": self._variables()},
                "AutoPublishAlias": api_gateway.ALIAS,
                "AutoPublishAliasAllProperties": True,
                "VersionDescription": {
                    "Fn::Sub": " ".join(f"${{{one}}}" for one in parameters.VERSIONED)
                },
                "DeploymentPreference": {
                    "Type": {"Ref": "Rollout"},
                    "Role": {"Fn::GetAtt": ["RolloutRole", "Arn"]},
                    "Alarms": _if("WatchesRollout", self._rollback_alarms(), [NO_VALUE]),
                },
            },
        }

    def _variables(self) -> dict[str, Any]:
        settings = self._settings
        pool = settings.cognito_user_pool_arn
        return {
            "STAGE": settings.stage,
            "TABLE_PREFIX": settings.prefix,
            **({"COGNITO_USER_POOL_ARN": pool} if pool else {}),
            **{parameters.variable(name): {"Ref": name} for name in parameters.SETTINGS},
        }

    def _rollback_alarms(self) -> list[Any]:
        alarms = metrics.present(metrics.ALARMS, has_authorizer=self.has_authorizer)
        return [{"Ref": name} for name, alarm in alarms.items() if alarm.rolls_back]


def _role(service: str, policy: dict[str, Any]) -> Resource:
    trust = {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [{"PolicyName": "Access", "PolicyDocument": policy}],
            "PermissionsBoundary": _if("HasBoundary", {"Ref": "PermissionsBoundary"}, NO_VALUE),
        },
    }


def log_group(name: str) -> Resource:
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {
            "LogGroupName": {"Fn::Sub": name},
            "RetentionInDays": {"Ref": "LogRetentionDays"},
        },
    }


def _permission(function: str) -> Resource:
    """Let the API call the alias: one for the function itself does not hold for its alias."""
    source = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${RestAPI}/*"
    return {
        "Type": "AWS::Lambda::Permission",
        "Properties": {
            "FunctionName": {"Ref": api_gateway.alias(function)},
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": source},
        },
    }


def _api(settings: Settings) -> dict[str, Resource]:
    log = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:${AccessLog}"
    api = {
        "Type": "AWS::Serverless::Api",
        "Properties": {
            "Name": {"Ref": "AWS::StackName"},
            # The reference makes the stage, which has a log, wait for the account's role.
            "Description": _if(
                "SetsAccountLogRole", {"Fn::Sub": "Logs by ${ApiGatewayAccount}"}, NO_VALUE
            ),
            "StageName": settings.stage,
            "EndpointConfiguration": {"Type": "REGIONAL"},
            "DefinitionBody": api_gateway.definition(BilletApp(settings), settings),
            "GatewayResponses": api_gateway.gateway_responses(),
            "MethodSettings": api_gateway.method_settings(ENDPOINTS),
            "MinimumCompressionSize": COMPRESS_FROM,
            "TracingEnabled": True,
            "AccessLogSetting": {
                "DestinationArn": {"Fn::Sub": log},
                "Format": _json_line(ACCESS_LOG),
            },
        },
    }
    return {"RestAPI": api, "AccessLog": log_group("/aws/apigateway/${AWS::StackName}")}


def _json_line(fields: dict[str, str]) -> str:
    return "{" + ",".join(f'"{name}":"{text}"' for name, text in fields.items()) + "}"


def _domain() -> dict[str, Resource]:
    return {
        "Domain": {
            "Type": "AWS::ApiGateway::DomainName",
            "Condition": "HasDomain",
            "Properties": {
                "DomainName": {"Ref": "DomainName"},
                "RegionalCertificateArn": {"Ref": "CertificateArn"},
                "SecurityPolicy": "TLS_1_2",
                "EndpointConfiguration": {"Types": ["REGIONAL"]},
            },
        },
        "DomainMapping": {
            "Type": "AWS::ApiGateway::BasePathMapping",
            "Condition": "HasDomain",
            "Properties": {
                "DomainName": {"Ref": "Domain"},
                "RestApiId": {"Ref": "RestAPI"},
                "Stage": {"Ref": "RestAPI.Stage"},
            },
        },
    }


def _domain_rule() -> dict[str, Any]:
    return {
        "RuleCondition": _not(_equals("DomainName", "")),
        "Assertions": [
            {
                "Assert": _not(_equals("CertificateArn", "")),
                "AssertDescription": "DomainName needs CertificateArn",
            }
        ],
    }


def _web_acl() -> dict[str, Resource]:
    stage = "arn:${AWS::Partition}:apigateway:${AWS::Region}::/restapis/${RestAPI}/stages"
    return {
        "WebAclAssociation": {
            "Type": "AWS::WAFv2::WebACLAssociation",
            "Condition": "HasWebAcl",
            "Properties": {
                "ResourceArn": {"Fn::Sub": f"{stage}/${{RestAPI.Stage}}"},
                "WebACLArn": {"Ref": "WebAclArn"},
            },
        }
    }


def _account_log_role() -> dict[str, Resource]:
    """Return the role with which API Gateway writes the access logs of all APIs of the region.

    It stays when the stack is deleted, because other APIs may use it.
    """
    policy = "arn:${AWS::Partition}:iam::aws:policy/service-role/"
    role = _role("apigateway", {})["Properties"]
    del role["Policies"]
    role["ManagedPolicyArns"] = [{"Fn::Sub": f"{policy}AmazonAPIGatewayPushToCloudWatchLogs"}]
    kept = {
        "Condition": "SetsAccountLogRole",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
    }
    account = {"CloudWatchRoleArn": {"Fn::GetAtt": ["ApiGatewayLogRole", "Arn"]}}
    return {
        "ApiGatewayLogRole": {"Type": "AWS::IAM::Role", **kept, "Properties": role},
        "ApiGatewayAccount": {"Type": "AWS::ApiGateway::Account", **kept, "Properties": account},
    }


def _alarm_topic() -> dict[str, Resource]:
    return {
        "AlarmTopic": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "AlarmSubscription": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "HasAlarmEmail",
            "Properties": {
                "TopicArn": {"Ref": "AlarmTopic"},
                "Protocol": "email",
                "Endpoint": {"Ref": "AlarmEmail"},
            },
        },
    }


def _outputs(settings: Settings, functions: list[str]) -> dict[str, Any]:
    url = "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    found: dict[str, Any] = {
        "EndpointURL": {"Value": {"Fn::Sub": f"{url}/{settings.stage}/"}},
        "RestAPIId": {"Value": {"Ref": "RestAPI"}},
        **{f"{name}Name": {"Value": {"Ref": name}} for name in functions},
        "AlarmTopicArn": {"Value": {"Ref": "AlarmTopic"}},
    }
    for name in ("RegionalDomainName", "RegionalHostedZoneId"):
        target = {"Fn::GetAtt": ["Domain", name]}
        found[f"Domain{name}"] = {"Condition": "HasDomain", "Value": target}
    return found


def _if(condition: str, then: Any, otherwise: Any) -> dict[str, Any]:
    return {"Fn::If": [condition, then, otherwise]}


def _not(condition: dict[str, Any]) -> dict[str, Any]:
    return {"Fn::Not": [condition]}


def _equals(parameter: str, value: str) -> dict[str, Any]:
    return {"Fn::Equals": [{"Ref": parameter}, value]}
