"""Settings come from the environment, and one that can't be is named."""

import pytest

from chalicelib.settings import Settings


def test_what_is_unset_or_empty_has_its_default() -> None:
    assert Settings.from_environ({"LANES": "", "PATH": "/bin"}) == Settings()


def test_what_is_set_is_read_with_its_type() -> None:
    environ = {"STAGE": "prod", "LANES": "16", "PORT": "0", "LOG_LEVEL": "DEBUG", "RATE_QUOTA": "0"}
    read = Settings.from_environ(environ)
    assert (read.stage, read.lanes, read.port, read.log_level) == ("prod", 16, 0, "DEBUG")
    assert read.quota == 0


def test_origins_are_listed_with_commas() -> None:
    assert Settings().origins == ()
    environ = {"CORS_ORIGINS": "https://a.example,http://localhost:8080"}
    assert Settings.from_environ(environ).origins == ("https://a.example", "http://localhost:8080")


def test_tables_are_named_after_the_stage_unless_told_otherwise() -> None:
    assert Settings.from_environ({"STAGE": "dev"}).prefix == "billet-dev"
    assert Settings.from_environ({"STAGE": "dev", "TABLE_PREFIX": "mine"}).prefix == "mine"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STAGE", "test"),
        ("TABLE_PREFIX", "a b"),
        ("LANES", "0"),
        ("LANES", "65"),
        ("LANES", "two"),
        ("PORT", "65536"),
        ("LOG_LEVEL", "TRACE"),
        ("REQUEST_SECONDS", "4"),
        ("CORS_ORIGINS", "https://a.example/"),
        ("CORS_ORIGINS", "https://a.example,*"),
        ("CORS_ORIGINS", "a.example"),
        ("PUBLIC_URL", "tasks.example"),
        ("PUBLIC_URL", "https://tasks.example/"),
        ("PUBLIC_URL", "https://me@tasks.example"),
        ("PUBLIC_URL", "https://tasks.example\n"),
        ("RATE_QUOTA", "-1"),
        ("RATE_WINDOW_SECONDS", "0"),
        ("RATE_BURST", "0"),
        ("AUTH", "yes"),
        ("AUTH_CACHE_SECONDS", "3601"),
        ("COGNITO_USER_POOL_ARN", "us-east-1_abc"),
    ],
)
def test_a_value_that_can_not_be_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        Settings.from_environ({name: value})


@pytest.mark.parametrize(
    ("stage", "auth", "authenticated"),
    [
        ("local", "", False),
        ("local", "off", False),
        ("local", "on", True),
        ("dev", "", True),
        ("prod", "on", True),
    ],
)
def test_authentication_is_off_in_the_stage_local_only(
    stage: str, auth: str, authenticated: bool
) -> None:
    read = Settings.from_environ({"STAGE": stage, "AUTH": auth})
    assert read.authenticated is authenticated


@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_deployed_stage_without_authentication_is_refused_by_name(stage: str) -> None:
    with pytest.raises(ValueError, match=f"^AUTH: can't be off in the stage {stage}$"):
        Settings.from_environ({"STAGE": stage, "AUTH": "off"})


def test_a_user_pool_without_authentication_is_refused_by_name() -> None:
    pool = "arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_Ab1"
    assert Settings.from_environ({"STAGE": "dev", "COGNITO_USER_POOL_ARN": pool}).authenticated
    with pytest.raises(ValueError, match=r"^COGNITO_USER_POOL_ARN: needs AUTH=on$"):
        Settings.from_environ({"COGNITO_USER_POOL_ARN": pool})
