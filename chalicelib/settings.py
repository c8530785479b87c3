"""Every environment variable that the API reads; AWS's own are read by botocore."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

MAX_LANES = 64

_USER_POOL = r"^(arn:aws[a-z-]*:cognito-idp:[a-z0-9-]+:[0-9]{12}:userpool/[A-Za-z0-9_-]+)?$"


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """The environment, typed. Each field is the variable of the same name in capitals."""

    stage: Literal["local", "dev", "prod"] = "local"
    """Which deployment this is."""
    table_prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    """Tables are named TABLE_PREFIX-users and so on; `billet-{STAGE}` where it is empty."""
    lanes: Annotated[int, msgspec.Meta(ge=1, le=MAX_LANES)] = 1
    """Over how many partitions each listing index and each id counter is spread, 1 to 64."""
    auth: Literal["on", "off"] | None = None
    """Whether requests need a token; where it is not set: in dev and prod, but not in local."""
    auth_cache_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 300
    """How long API Gateway goes on admitting a token that it has asked about, 0 to 3600 seconds."""
    cognito_user_pool_arn: Annotated[str, msgspec.Meta(pattern=_USER_POOL)] = ""
    """The user pool whose tokens are taken in place of those of the table `tokens`."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 3000
    """The port that `billet serve` listens on; 0 is any free one."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe level that is logged."""

    @property
    def prefix(self) -> str:
        """What the names of this stage's tables begin with."""
        return self.table_prefix or f"billet-{self.stage}"

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
            reason, _, path = str(error).partition(" - at `$.")
            raise ValueError(f"{path.rstrip('`')}: {reason}") from error
        if settings.auth == "off" and settings.authenticated:
            raise ValueError(f"AUTH: can't be off in the stage {settings.stage}")
        if settings.cognito_user_pool_arn and not settings.authenticated:
            raise ValueError("COGNITO_USER_POOL_ARN: needs AUTH=on")
        return settings
