"""The settings that are fixed in a template: prefix of the tables, user pool, time of the cache."""

from collections.abc import Mapping
from typing import Any

import click

from chalicelib.settings import Settings

FUNCTION = "APIHandler"
NAMES = ("TABLE_PREFIX", "COGNITO_USER_POOL_ARN", "AUTH_CACHE_SECONDS")
Given = Mapping[str, str]
"""Values by the names of the settings. An empty one is the default."""


def of_template(template: Mapping[str, Any], stage: str) -> Settings:
    """Return the settings of a stage's template; defaults for what it does not have."""
    variables = {
        name: value for name, value in variables_of(template).items() if isinstance(value, str)
    }
    found = {name: variables.get(name, "") for name in NAMES[:2]}
    seconds = _cache_seconds(template)
    if seconds is not None:
        found["AUTH_CACHE_SECONDS"] = str(seconds)
    return of_stage(stage, found)


def of_stage(stage: str, given: Given) -> Settings:
    """Return the settings of a stage with these values.

    Raises:
        click.ClickException: a value is not allowed.
    """
    prefix = given.get("TABLE_PREFIX") or Settings(stage=stage).prefix
    try:
        return Settings.from_environ({**given, "STAGE": stage, "TABLE_PREFIX": prefix})
    except ValueError as error:
        name, _, allowed = str(error).partition(": ")
        raise click.ClickException(f"{option(name)}: {allowed}") from error


def option(name: str) -> str:
    """Return the option of `billet package` and `billet deploy` for a setting."""
    return f"--{name.lower().replace('_', '-')}"


def values(settings: Settings) -> dict[str, str]:
    """Return the values by the names of the settings."""
    return {name: str(getattr(settings, name.lower())) for name in NAMES}


def variables_of(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the environment variables of the API's function."""
    properties = template.get("Resources", {}).get(FUNCTION, {}).get("Properties", {})
    found: Mapping[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return found


def _cache_seconds(template: Mapping[str, Any]) -> int | None:
    """Return how long API Gateway caches the authentication, from the definition of the API."""
    api = template.get("Resources", {}).get("RestAPI", {}).get("Properties", {})
    schemes = api.get("DefinitionBody", {}).get("securityDefinitions", {}).values()
    for scheme in schemes:
        authorizer = scheme.get("x-amazon-apigateway-authorizer", {})
        if "authorizerResultTtlInSeconds" in authorizer:
            return int(authorizer["authorizerResultTtlInSeconds"])
    return None
