"""LOG_LEVEL and AUTH_CACHE_SECONDS reach what they are for."""

import logging
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_each_is_that_of_the_setting() -> None:
    code = """if True:
        import logging, app
        print(logging.getLogger("chalicelib").level)
        [authorizer] = app.app.builtin_auth_handlers
        print(authorizer.ttl_seconds)
    """
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"LOG_LEVEL": "ERROR", "AUTH": "on", "AUTH_CACHE_SECONDS": "0"},
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    assert found.stdout.split() == [str(logging.ERROR), "0"]
