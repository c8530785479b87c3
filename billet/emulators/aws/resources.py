"""Make, change and delete the resources of a stack through the APIs of their services.

The clients are boto3's. moto answers them within this process.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import boto3

Properties = Mapping[str, Any]

RECORDED = (
    "AWS::ApiGateway::Account",
    "AWS::ApiGateway::BasePathMapping",
    "AWS::ApiGateway::DomainName",
    "AWS::CodeDeploy::Application",
    "AWS::CodeDeploy::DeploymentGroup",
    "AWS::IAM::OIDCProvider",
    "AWS::Logs::MetricFilter",
    "AWS::SNS::TopicPolicy",
    "AWS::WAFv2::WebACLAssociation",
)
"""The types that are only remembered."""

SCALARS: Mapping[str, Callable[[Any], Any]] = {
    "double": float,
    "float": float,
    "integer": int,
    "long": int,
    "string": str,
}
"""The types of parameters, by their names in botocore's models."""

bodies: dict[str, dict[str, Any]] = {}
"""The OpenAPI document of each API by its id; moto keeps only a part of it."""


class Resource:
    """A resource as moto's CloudFormation expects it.

    Args:
        properties: those that it was made with, without references.
        identifier: what `Ref` returns.
        attributes: what `Fn::GetAtt` returns.
    """

    def __init__(
        self, kind: str, properties: Properties, identifier: str, attributes: Properties
    ) -> None:
        self.type = self.cf_resource_type = kind
        self.properties = properties
        self.physical_resource_id = identifier
        self.attributes = attributes
        self.logical_resource_id = ""

    def get_cfn_attribute(self, name: str) -> Any:
        return self.attributes[name]


class Made(NamedTuple):
    """What a service returns for a new or a changed resource."""

    identifier: str
    attributes: Properties = {}


class Kind(NamedTuple):
    """How resources of one type are made."""

    put: Callable[[str, Properties, str | None], Made]
    """Make a resource with a name and properties, or change the one with the identifier."""
    delete: Callable[[str, Properties], Any]
    """Delete the resource with the identifier and the properties."""


def put(kind: str, name: str, properties: Properties, existing: Resource | None) -> Resource:
    """Make or change a resource.

    Args:
        name: the name of a new resource, unless its properties name it.

    Raises:
        ValueError: the emulator does not have the type.
    """
    identifier = existing.physical_resource_id if existing else None
    if kind in RECORDED:
        made = Made(identifier or name)
    elif kind in KINDS:
        made = KINDS[kind].put(name, properties, identifier)
    else:
        raise ValueError(f"the emulated AWS can't make {kind}")
    return Resource(kind, properties, *made)


def delete(resource: Resource) -> None:
    """Delete a resource."""
    if resource.type in KINDS:
        KINDS[resource.type].delete(resource.physical_resource_id, resource.properties)


def _call(service: str, operation: str, **parameters: Any) -> Any:
    """Call an operation, with each value in the type that it needs, as CloudFormation does."""
    client = boto3.client(service)
    name = client.meta.method_to_api_mapping[operation]
    shape = client.meta.service_model.operation_model(name).input_shape
    return getattr(client, operation)(**_typed(parameters, shape))


def _typed(value: Any, shape: Any) -> Any:
    if shape.type_name == "structure":
        members = shape.members
        return {name: _typed(value[name], members[name]) for name in value if name in members}
    if shape.type_name == "map":
        return {name: _typed(value[name], shape.value) for name in value}
    if shape.type_name == "list":
        return [_typed(one, shape.member) for one in value]
    if shape.type_name == "boolean":
        return value in (True, "true")
    return SCALARS.get(shape.type_name, lambda same: same)(value)


def _put_role(name: str, properties: Properties, existing: str | None) -> Made:
    iam = boto3.client("iam")
    name = existing or properties.get("RoleName", name)[:64]
    trust = json.dumps(properties["AssumeRolePolicyDocument"])
    if existing:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        _delete_policies(name)
    else:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    for policy in properties.get("Policies", ()):
        document = json.dumps(policy["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    return Made(name, {"Arn": iam.get_role(RoleName=name)["Role"]["Arn"]})


def _delete_policies(role: str) -> None:
    iam = boto3.client("iam")
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=policy)


def _delete_role(name: str, properties: Properties) -> None:
    _delete_policies(name)
    boto3.client("iam").delete_role(RoleName=name)


def _put_function(name: str, properties: Properties, existing: str | None) -> Made:
    functions = boto3.client("lambda")
    given = dict(properties)
    reserved = given.pop("ReservedConcurrentExecutions", None)
    name = existing or given.pop("FunctionName", name)[:64]
    code, tags = given.pop("Code"), given.pop("Tags", [])
    if existing:
        _check_code(code)
        fixed = {"Architectures", "FunctionName"}
        settings = {key: value for key, value in given.items() if key not in fixed}
        _call("lambda", "update_function_configuration", FunctionName=name, **settings)
        functions.update_function_code(FunctionName=name, **code)
    else:
        given["Tags"] = {tag["Key"]: tag["Value"] for tag in tags}
        _check_code(code)
        _call("lambda", "create_function", FunctionName=name, Code=code, **given)
    if reserved is None:
        functions.delete_function_concurrency(FunctionName=name)
    else:
        functions.put_function_concurrency(
            FunctionName=name, ReservedConcurrentExecutions=int(reserved)
        )
    arn = functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    return Made(name, {"Arn": arn})


def _check_code(code: Mapping[str, str]) -> None:
    boto3.client("s3").head_object(Bucket=code["S3Bucket"], Key=code["S3Key"])


def _delete_function(name: str, properties: Properties) -> None:
    boto3.client("lambda").delete_function(FunctionName=name)


def _put_version(name: str, properties: Properties, existing: str | None) -> Made:
    version = boto3.client("lambda").publish_version(FunctionName=properties["FunctionName"])
    arn = f"{version['FunctionArn'].partition(version['FunctionName'])[0]}"
    identifier = f"{arn}{version['FunctionName']}:{version['Version']}"
    return Made(identifier, {"Version": version["Version"]})


def _put_alias(name: str, properties: Properties, existing: str | None) -> Made:
    functions = boto3.client("lambda")
    call = functions.update_alias if existing else functions.create_alias
    alias = call(
        FunctionName=properties["FunctionName"],
        Name=properties["Name"],
        FunctionVersion=properties["FunctionVersion"],
    )
    return Made(alias["AliasArn"])


def _delete_alias(identifier: str, properties: Properties) -> None:
    boto3.client("lambda").delete_alias(
        FunctionName=properties["FunctionName"], Name=properties["Name"]
    )


def _put_permission(name: str, properties: Properties, existing: str | None) -> Made:
    if existing:
        return Made(existing)
    function = _function_name(properties)
    given = {key: value for key, value in properties.items() if key != "FunctionName"}
    boto3.client("lambda").add_permission(FunctionName=function, StatementId=name, **given)
    return Made(name)


def _delete_permission(identifier: str, properties: Properties) -> None:
    boto3.client("lambda").remove_permission(
        FunctionName=_function_name(properties), StatementId=identifier
    )


def _function_name(properties: Properties) -> str:
    """Return the name of a function that is given as its name, its ARN or the ARN of its alias."""
    name: str = properties["FunctionName"].partition(":function:")[2]
    return name.partition(":")[0] or properties["FunctionName"]


def _put_api(name: str, properties: Properties, existing: str | None) -> Made:
    gateway = boto3.client("apigateway")
    body = properties["Body"]
    if existing is None:
        types = properties.get("EndpointConfiguration", {}).get("Types", ["EDGE"])
        api = gateway.create_rest_api(
            name=properties.get("Name") or body["info"]["title"],
            endpointConfiguration={"types": types},
            **_compression(properties),
        )
        existing = str(api["id"])
    document = {**body, "openapi": "3.0.1"}  # moto reads no other version
    document.pop("swagger", None)
    gateway.put_rest_api(restApiId=existing, mode="overwrite", body=json.dumps(document))
    bodies[existing] = body
    return Made(existing, {"RootResourceId": "root"})


def _compression(properties: Properties) -> dict[str, int]:
    size = properties.get("MinimumCompressionSize")
    return {} if size is None else {"minimumCompressionSize": int(size)}


def _delete_api(identifier: str, properties: Properties) -> None:
    boto3.client("apigateway").delete_rest_api(restApiId=identifier)
    bodies.pop(identifier, None)


def _put_deployment(name: str, properties: Properties, existing: str | None) -> Made:
    deployment = boto3.client("apigateway").create_deployment(restApiId=properties["RestApiId"])
    return Made(deployment["id"])


def _put_stage(name: str, properties: Properties, existing: str | None) -> Made:
    gateway = boto3.client("apigateway")
    which = {"restApiId": properties["RestApiId"], "stageName": properties["StageName"]}
    if existing:
        gateway.delete_stage(**which)
    tracing = properties.get("TracingEnabled") in (True, "true")
    gateway.create_stage(**which, deploymentId=properties["DeploymentId"], tracingEnabled=tracing)
    log = properties.get("AccessLogSetting", {})
    paths = {"DestinationArn": "destinationArn", "Format": "format"}
    operations = [
        {"op": "replace", "path": f"/accessLogSettings/{paths[key]}", "value": value}
        for key, value in log.items()
    ]
    if operations:
        gateway.update_stage(**which, patchOperations=operations)
    return Made(properties["StageName"])


def _delete_stage(identifier: str, properties: Properties) -> None:
    boto3.client("apigateway").delete_stage(restApiId=properties["RestApiId"], stageName=identifier)


def _put_log_group(name: str, properties: Properties, existing: str | None) -> Made:
    logs = boto3.client("logs")
    name = existing or properties.get("LogGroupName", name)
    if not existing:
        logs.create_log_group(logGroupName=name)
    if days := properties.get("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    [group] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"][:1]
    return Made(name, {"Arn": group["arn"]})


def _delete_log_group(identifier: str, properties: Properties) -> None:
    boto3.client("logs").delete_log_group(logGroupName=identifier)


def _put_topic(name: str, properties: Properties, existing: str | None) -> Made:
    sns = boto3.client("sns")
    arn = existing or sns.create_topic(Name=properties.get("TopicName", name))["TopicArn"]
    for one in properties.get("Subscription", ()):
        sns.subscribe(TopicArn=arn, Protocol=one["Protocol"], Endpoint=one["Endpoint"])
    return Made(arn, {"TopicName": arn.rpartition(":")[2], "TopicArn": arn})


def _put_subscription(name: str, properties: Properties, existing: str | None) -> Made:
    return Made(_call("sns", "subscribe", **properties)["SubscriptionArn"])


def _put_alarm(name: str, properties: Properties, existing: str | None) -> Made:
    alarms = boto3.client("cloudwatch")
    name = existing or properties.get("AlarmName", name)
    _call("cloudwatch", "put_metric_alarm", **{**properties, "AlarmName": name})
    [alarm] = alarms.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return Made(name, {"Arn": alarm["AlarmArn"]})


def _put_dashboard(name: str, properties: Properties, existing: str | None) -> Made:
    name = existing or properties.get("DashboardName", name)
    boto3.client("cloudwatch").put_dashboard(
        DashboardName=name, DashboardBody=properties["DashboardBody"]
    )
    return Made(name)


def _nothing(identifier: str, properties: Properties) -> None:
    """Leave what belongs to a resource that is deleted with it."""


KINDS = {
    "AWS::ApiGateway::Deployment": Kind(_put_deployment, _nothing),
    "AWS::ApiGateway::RestApi": Kind(_put_api, _delete_api),
    "AWS::ApiGateway::Stage": Kind(_put_stage, _delete_stage),
    "AWS::CloudWatch::Alarm": Kind(
        _put_alarm,
        lambda name, _: boto3.client("cloudwatch").delete_alarms(AlarmNames=[name]),
    ),
    "AWS::CloudWatch::Dashboard": Kind(
        _put_dashboard,
        lambda name, _: boto3.client("cloudwatch").delete_dashboards(DashboardNames=[name]),
    ),
    "AWS::IAM::Role": Kind(_put_role, _delete_role),
    "AWS::Lambda::Alias": Kind(_put_alias, _delete_alias),
    "AWS::Lambda::Function": Kind(_put_function, _delete_function),
    "AWS::Lambda::Permission": Kind(_put_permission, _delete_permission),
    "AWS::Lambda::Version": Kind(_put_version, _nothing),
    "AWS::Logs::LogGroup": Kind(_put_log_group, _delete_log_group),
    "AWS::SNS::Subscription": Kind(
        _put_subscription,
        lambda arn, _: boto3.client("sns").unsubscribe(SubscriptionArn=arn),
    ),
    "AWS::SNS::Topic": Kind(
        _put_topic, lambda arn, _: boto3.client("sns").delete_topic(TopicArn=arn)
    ),
}
