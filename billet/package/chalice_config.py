"""The settings of Chalice that `billet package` does not read.

`.chalice/config.json` is for `chalice local`. A setting there that only matters in Lambda would
have no effect, so it is refused with what to use in its place.
"""

import json

from billet.package import source
from billet.package.errors import PackagingError

READ = {
    "version",
    "app_name",
    "autogen_policy",
    "iam_policy_file",
    "stages",
    "api_gateway_stage",
    "environment_variables",
}
"""The settings that `chalice local` needs, and those by which `chalice package` fails."""
PARAMETERS = {
    "lambda_memory_size": "MemorySize",
    "log_retention_in_days": "LogRetentionDays",
    "reserved_concurrency": "ReservedConcurrency",
    "api_gateway_custom_domain": "DomainName",
}
REASONS = {
    "lambda_architecture": "use the option --architecture",
    "lambda_python_version": "use the option --runtime",
    "lambda_timeout": "the time-out is 28 s, because API Gateway waits for 29 s",
    "xray": "tracing is always on",
    "minimum_compression_size": "responses of 1024 bytes and more are compressed",
    "api_gateway_endpoint_type": "the API is REGIONAL",
    "tags": "give the tags to the stack: they apply to all of its resources",
    "subnet_ids": "the functions run outside of a VPC: DynamoDB needs none",
    "security_group_ids": "the functions run outside of a VPC: DynamoDB needs none",
    "layers": "all libraries are in the zip",
    "automatic_layer": "all libraries are in the zip",
    "iam_role_arn": "each function has a role of its own with the least permissions",
}


def check() -> None:
    """Check `.chalice/config.json`.

    Raises:
        PackagingError: it has a setting that would have no effect.
    """
    file = source.ROOT / ".chalice" / "config.json"
    config = json.loads(file.read_text()) if file.exists() else {}
    levels = [config, *config.get("stages", {}).values()]
    for name in (name for level in levels for name in level):
        if name not in READ:
            raise PackagingError(
                f".chalice/config.json: {name} has no effect here: {_instead(name)}"
            )


def _instead(name: str) -> str:
    if name in PARAMETERS:
        return f"use the template's parameter {PARAMETERS[name]}"
    return REASONS.get(name, "docs/packaging.md has the parameters of the template")
