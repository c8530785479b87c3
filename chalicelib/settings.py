"""Every environment variable that the API reads; AWS's own are read by botocore."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

MAX_LANES = 64


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename="upper"):
    """The environment, typed. Each field is the variable of the same name in capitals."""

    stage: Literal["local", "dev", "prod"] = "local"
    """Which deployment this is."""
    table_prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.-]{0,64}$")] = ""
    """Tables are named TABLE_PREFIX-users and so on; `billet-{STAGE}` where it is empty."""
    lanes: Annotated[int, msgspec.Meta(ge=1, le=MAX_LANES)] = 1
    """Over how many partitions each listing index and each id counter is spread, 1 to 64."""
    require_if_match: Literal["on", "off"] = "off"
    """Whether a change of a task or user must name, in If-Match, the version that it rests on."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 3000
    """The port that `billet serve` listens on; 0 is any free one."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least severe level that is logged."""
    request_seconds: Annotated[int, msgspec.Meta(ge=5, le=900)] = 25
    """After how many seconds a request is given up; Lambda and API Gateway must wait longer."""

    @property
    def prefix(self) -> str:
        """What the names of this stage's tables begin with."""
        return self.table_prefix or f"billet-{self.stage}"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str]) -> "Settings":
        """Reads the variables that are set; an empty one counts as unset.

        Raises:
            ValueError: a variable has a value that it can't have; the text names it.
        """
        names = {field.encode_name for field in msgspec.structs.fields(cls)}
        given = {name: environ[name] for name in names if environ.get(name)}
        try:
            return msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            reason, _, path = str(error).partition(" - at `$.")
            raise ValueError(f"{path.rstrip('`')}: {reason}") from error
