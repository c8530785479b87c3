"""The parameters of the template, which are given at deployment."""

from typing import Any, Literal, get_args, get_origin

import msgspec

from chalicelib.settings import DEFAULT_QUOTA, Settings

MOST_ORIGINS, MOST_PUBLIC_URL = 128, 64
"""The longest values of CorsOrigins and PublicUrl; see `VERSIONED`."""
LARGEST = 10**9
"""The largest number of a setting without a limit."""

SETTINGS: dict[str, str] = {
    "Lanes": "The number of lanes of new items; it can be raised and lowered at any time",
    "CorsOrigins": "The origins whose pages may use the API: * or https://a.example,https://b.example",
    "PublicUrl": "The scheme and host of the URLs in Link; the default is those of the request",
    "LogLevel": "The least severe level that is logged",
    "RateQuota": "The requests of one principal in each window; 0 is no limit",
    "RateWindowSeconds": "The length of the quota's window",
    "RateBurst": "The requests of one principal in one second",
    "RateShared": "Whether the quota counts over all processes together",
    "RequireIfMatch": "Whether a change without If-Match is refused",
    "Docs": "Whether the API serves its documentation, /docs and /v1/openapi.json",
    "Board": "Whether / is the board; if it is off, / redirects to /docs",
}
"""The parameters that become environment variables, and what they are for. Their types, limits and
defaults are those of `chalicelib.settings`."""
VERSIONED = (*SETTINGS, "MemorySize")
"""The parameters that change the functions. They are in the description of a function's version,
because CloudFormation only publishes a version if a property of the version changes, and SAM does
not look at the values of parameters (https://github.com/aws/serverless-application-model/issues/3820).
A description has at most 256 characters."""
COUNT = "must be a whole number of 0 or more, or empty"
ROLLOUTS = (
    "AllAtOnce",
    "Canary10Percent5Minutes",
    "Canary10Percent10Minutes",
    "Canary10Percent15Minutes",
    "Canary10Percent30Minutes",
    "Linear10PercentEvery1Minute",
    "Linear10PercentEvery2Minutes",
    "Linear10PercentEvery3Minutes",
    "Linear10PercentEvery10Minutes",
)
"""https://docs.aws.amazon.com/codedeploy/latest/userguide/deployment-configurations.html"""
RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653)
"""https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html"""


def variable(parameter: str) -> str:
    """Return the environment variable of a parameter: RATE_QUOTA for RateQuota."""
    return "".join(f"_{char}" if char.isupper() else char.upper() for char in parameter)[1:]


def definitions() -> dict[str, Any]:
    """Return the template's section Parameters. Each has a default."""
    return {
        **{name: _setting(name, text) for name, text in SETTINGS.items()},
        "MemorySize": _number(
            1024, 128, 10240, "Megabytes of each function; the CPU grows with it"
        ),
        "ReservedConcurrency": _text(
            "",
            r"[0-9]*",
            COUNT,
            "The most instances of the API's function at a time; empty: no limit",
        ),
        "AuthorizerConcurrency": _text(
            "",
            r"[0-9]*",
            COUNT,
            "The most instances of the authorizer at a time; empty: no limit",
        ),
        "LogRetentionDays": {
            "Type": "Number",
            "Default": 30,
            "AllowedValues": list(RETENTIONS),
            "Description": "How long logs are kept",
        },
        "Rollout": {
            **_choice("Canary10Percent5Minutes", ROLLOUTS),
            "Description": "How a new version takes over from the one before; alarms roll it back",
        },
        "AlarmEmail": _text(
            "", r"([^@\s]+@[^@\s]+)?", "must be an address", "Who gets the alarms; empty: nobody"
        ),
        "DomainName": _text(
            "",
            r"([a-z0-9-]+(\.[a-z0-9-]+)+)?",
            "must be a name such as tasks.example.com",
            "A domain of your own for the API; needs CertificateArn",
        ),
        "CertificateArn": _text(
            "",
            r"(arn:aws[a-z-]*:acm:.+)?",
            "must be the ARN of a certificate",
            "The certificate of DomainName, of AWS Certificate Manager in the same region",
        ),
        "WebAclArn": _text(
            "",
            r"(arn:aws[a-z-]*:wafv2:.+)?",
            "must be the ARN of a web ACL",
            "A regional web ACL of AWS WAF that protects the API",
        ),
        "PermissionsBoundary": _text(
            "",
            r"(arn:aws[a-z-]*:iam::.+:policy/.+)?",
            "must be the ARN of a policy",
            "The most that the roles of the functions may be allowed, a policy; empty: no boundary",
        ),
        "AccountLogRole": {
            **_choice("create", ("create", "existing")),
            "Description": "Whether to set the role with which API Gateway writes logs, one for the"
            " account and region; existing: it has one already, which stays",
        },
    }


def _setting(name: str, description: str) -> dict[str, Any]:
    """Return the parameter of a setting of the API."""
    fields = {field.encode_name: field for field in msgspec.structs.fields(Settings)}
    field = fields[variable(name)]
    kind, default = field.type, field.default
    if default is None:
        kind, default = get_args(kind)[0], DEFAULT_QUOTA
    if get_origin(kind) is Literal:
        return {**_choice(default, get_args(kind)), "Description": description}
    base, rule = get_args(kind)
    if base is int:
        return _number(default, rule.ge, rule.le, description)
    longest = {"CorsOrigins": MOST_ORIGINS, "PublicUrl": MOST_PUBLIC_URL}[name]
    pattern = rule.pattern.removeprefix(r"\A").removesuffix(r"\Z")
    return {**_text(default, pattern, rule.description, description), "MaxLength": longest}


def _choice(default: str, allowed: tuple[str, ...]) -> dict[str, Any]:
    return {"Type": "String", "Default": default, "AllowedValues": list(allowed)}


def _number(default: int, least: int, most: int | None, description: str) -> dict[str, Any]:
    return {
        "Type": "Number",
        "Default": default,
        "MinValue": least,
        "MaxValue": most or LARGEST,
        "Description": description,
    }


def _text(default: str, pattern: str, allowed: str, description: str) -> dict[str, Any]:
    rule = {"ConstraintDescription": allowed} if allowed else {}
    return {
        "Type": "String",
        "Default": default,
        "AllowedPattern": pattern,
        **rule,
        "Description": description,
    }
