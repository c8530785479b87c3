"""Every environment variable that the API reads; AWS's own are read by botocore."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec

MAX_LANES = 64
USUAL_QUOTA = 1000


def _text(pattern: str, allowed: str) -> msgspec.Meta:
    """Return the rule that a whole value fits the pattern, with what is allowed in words."""
    return msgspec.Meta(pattern=rf"\A(?:{pattern})\Z", description=allowed)


_ORIGIN = r"https?://[^\s/,*]+"
"""An origin as browsers send it (RFC 6454, section 6.2): no path, no slash at the end."""
_TABLE_PREFIX = _text(
    r"[A-Za-z0-9_.-]{0,64}", "must be up to 64 letters, digits, dots, hyphens and underscores"
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
    """The environment, typed. Each field is the variable of the same name in capitals."""

    stage: Literal["local", "dev", "prod"] = "local"
    """Which deployment this is."""
    table_prefix: Annotated[str, _TABLE_PREFIX] = ""
    """Tables are named TABLE_PREFIX-users and so on; `billet-{STAGE}` where it is empty."""
    lanes: Annotated[int, msgspec.Meta(ge=1, le=MAX_LANES)] = 1
    """Over how many partitions each listing index and each id counter is spread, 1 to 64."""
    require_if_match: Literal["on", "off"] = "off"
    """Whether a change of a task or user must name, in If-Match, the version that it rests on."""
    auth: Literal["on", "off"] | None = None
    """Whether requests need a token; where it is not set: in dev and prod, but not in local."""
    auth_cache_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 300
    """How long API Gateway goes on admitting a token that it has asked about, 0 to 3600 seconds."""
    cognito_user_pool_arn: Annotated[str, _USER_POOL] = ""
    """The user pool whose tokens are taken in place of those of the table `tokens`."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 3000
    """The port that `billet serve` listens on; 0 is any free one."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe level that is logged."""
    request_seconds: Annotated[int, msgspec.Meta(ge=5, le=900)] = 25
    """After how many seconds a request is given up; Lambda and API Gateway must wait longer."""
    cors_origins: Annotated[str, _ORIGINS] = ""
    """From where pages may use the API: `https://a.example,https://b.example`, or `*`."""
    public_url: Annotated[str, _PUBLIC_URL] = ""
    """The scheme and host of the URLs in `Link`, `https://tasks.example`; by default those of the
    request."""
    rate_quota: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """How many requests a principal may send in RATE_WINDOW_SECONDS; 0 is any number. Where it is
    not set: 1000, in stage local any number."""
    rate_window_seconds: Annotated[int, msgspec.Meta(ge=1, le=86400)] = 60
    """The seconds over which RATE_QUOTA counts."""
    rate_burst: Annotated[int, msgspec.Meta(ge=1)] = 50
    """How many requests of RATE_QUOTA a principal may send in one second."""
    rate_shared: Literal["on", "off"] = "on"
    """Whether RATE_QUOTA holds for all processes together, or for each process alone."""

    @property
    def prefix(self) -> str:
        """What the names of this stage's tables begin with."""
        return self.table_prefix or f"billet-{self.stage}"

    @property
    def origins(self) -> tuple[str, ...]:
        """From where pages may use the API; "*" is anywhere."""
        return tuple(filter(None, self.cors_origins.split(",")))

    @property
    def quota(self) -> int:
        """How many requests a principal may send in a window; 0 is any number."""
        if self.rate_quota is None:
            return 0 if self.stage == "local" else USUAL_QUOTA
        return self.rate_quota

    @property
    def authenticated(self) -> bool:
        """Whether requests need a token."""
        return self.stage != "local" or self.auth == "on"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Reads the variables that are set; an empty one counts as unset.

        Raises:
            ValueError: a variable has a value that it can't have, alone or beside the others; the
                text names it.
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
        """Return in words what the variable of this name can be."""
        kinds = {field.encode_name: field.type for field in msgspec.structs.fields(cls)}
        return _allowed(kinds[name])


def _allowed(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"must be one of {', '.join(get_args(kind))}"
    for rule in getattr(kind, "__metadata__", ()):
        return rule.description or between(rule.ge, rule.le)
    return _allowed(get_args(kind)[0])  # of a union with None


def between(least: int | None, most: int | None) -> str:
    """Return in words which whole numbers are allowed."""
    if most is None:
        return f"must be a whole number of {least} or more"
    return f"must be a whole number between {least} and {most}"
