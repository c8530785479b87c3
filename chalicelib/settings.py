"""The settings of the API, which are environment variables.

The variables of AWS are read elsewhere: by botocore, `dynamodb.client` and `app_factory`."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

MAX_LANES = 64
LOCAL = "local"
"""The stage that may have no tokens and no quota."""
DEFAULT_QUOTA = 1000
"""Of all other stages."""


def _text(pattern: str, allowed: str) -> msgspec.Meta:
    """Return the rule that a value matches the pattern, with a description of what is allowed."""
    return msgspec.Meta(pattern=rf"\A(?:{pattern})\Z", description=allowed)


_ORIGIN = r"https?://[^\s/,*]+"
"""An origin as browsers send it (RFC 6454, section 6.2): no path, no slash at the end."""
_TABLE_PREFIX = _text(
    r"[A-Za-z0-9_.-]{0,64}", "must be up to 64 letters, digits, dots, hyphens and underscores"
)
_STAGE = _text(
    r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?",
    "must be up to 32 lower-case letters, digits and hyphens, begin with a letter, and not end "
    "with a hyphen",
)
_USER_POOL = _text(
    r"(arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+)?",
    "must be an ARN such as arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Abc123",
)
_ORIGINS = _text(
    rf"(\*|{_ORIGIN}(,{_ORIGIN})*)?",
    "must be * or origins such as https://a.example, separated by commas",
)
_PUBLIC_URL = _text(
    r"(https?://[A-Za-z0-9._:\[\]-]+)?",
    "must be a scheme and a host such as https://tasks.example, without a path",
)


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """The settings. Each field is read from the environment variable of its name in capitals."""

    stage: Annotated[str, _STAGE] = LOCAL
    """The name of the deployment. local is a machine of your own, without tokens and quotas."""
    table_prefix: Annotated[str, _TABLE_PREFIX] = ""
    """The tables are TABLE_PREFIX-users and so on. The default is `billet-{STAGE}`."""
    lanes: Annotated[int, msgspec.Meta(ge=1, le=MAX_LANES)] = 1
    """The number of lanes, that is, of shards of each listing index and each id counter."""
    require_if_match: Literal["on", "off"] = "off"
    """Whether a request that changes or deletes a task or a user must have If-Match."""
    auth: Literal["on", "off"] | None = None
    """Whether requests need a token. The default is on, except in the stage local."""
    auth_cache_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 300
    """How long API Gateway caches the authentication of a token. A revoked one works that long."""
    cognito_user_pool_arn: Annotated[str, _USER_POOL] = ""
    """The user pool whose tokens replace those of the table `tokens`."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 3000
    """The port of `billet serve`; 0 is any free port."""
    docs: Literal["on", "off"] = "on"
    """Whether /docs and /v1/openapi.json are served."""
    board: Literal["on", "off"] = "on"
    """Whether / is the board. If it is off, / redirects to /docs."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The lowest level that is logged."""
    server_timing: Literal["on", "off"] = "off"
    """Whether each response has the header Server-Timing."""
    request_seconds: Annotated[int, msgspec.Meta(ge=5, le=900)] = 25
    """The time budget of a request. The time-outs of Lambda and API Gateway must be longer."""
    cors_origins: Annotated[str, _ORIGINS] = ""
    """The origins whose scripts may use the API, `https://a.example,https://b.example`, or `*`."""
    public_url: Annotated[str, _PUBLIC_URL] = ""
    """The scheme and host of the URLs in `Link`. The default is those of the request."""
    rate_quota: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """The requests of a principal in each window; 0 is any number. The default is 1000, and in the
    stage local any number."""
    rate_window_seconds: Annotated[int, msgspec.Meta(ge=1, le=86400)] = 60
    """The length of a window of RATE_QUOTA."""
    rate_burst: Annotated[int, msgspec.Meta(ge=1)] = 50
    """The requests of a principal in one second."""
    rate_shared: Literal["on", "off"] = "on"
    """Whether RATE_QUOTA is for all processes together or for each process."""

    @property
    def prefix(self) -> str:
        """The prefix of the names of the tables."""
        return self.table_prefix or f"billet-{self.stage}"

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins of CORS_ORIGINS."""
        return tuple(filter(None, self.cors_origins.split(",")))

    @property
    def quota(self) -> int:
        """RATE_QUOTA or its default; 0 is any number."""
        if self.rate_quota is None:
            return 0 if self.stage == LOCAL else DEFAULT_QUOTA
        return self.rate_quota

    @property
    def authenticated(self) -> bool:
        """Whether requests need a token."""
        return self.stage != LOCAL or self.auth == "on"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Read the variables that are set. An empty one counts as not set.

        Raises:
            ValueError: the value of a variable is not allowed, alone or beside the others. The
                text begins with the name of the variable.
        """
        names = {field.encode_name for field in msgspec.structs.fields(cls)}
        given = {name: environ[name] for name in names if environ.get(name)}
        try:
            settings = msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            name = str(error).rpartition("$.")[2].rstrip("`")
            raise ValueError(f"{name}: {cls.allowed(name)}") from error
        if settings.auth == "off" and settings.authenticated:
            raise ValueError(f"AUTH: can't be off in the stage {settings.stage}")
        if settings.cognito_user_pool_arn and not settings.authenticated:
            raise ValueError("COGNITO_USER_POOL_ARN: needs AUTH=on")
        return settings

    @classmethod
    def allowed(cls, name: str) -> str:
        """Return a description of the values that the variable of this name can have."""
        kinds = {field.encode_name: field.type for field in msgspec.structs.fields(cls)}
        return _allowed(kinds[name])


def _allowed(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"must be one of {', '.join(get_args(kind))}"
    for rule in getattr(kind, "__metadata__", ()):
        return rule.description or between(rule.ge, rule.le)
    return _allowed(get_args(kind)[0])  # of a union with None


def between(least: int | None, most: int | None) -> str:
    """Return a description of the whole numbers that are allowed."""
    if most is None:
        return f"must be a whole number of {least} or more"
    return f"must be a whole number between {least} and {most}"
