"""LOG_LEVEL reaches the API's own log."""

import logging
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_level_is_that_of_the_setting() -> None:
    code = "import logging, app; print(logging.getLogger('chalicelib').level)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"LOG_LEVEL": "ERROR"},
        capture_output=True,
        check=True,
        text=True,
    )
    assert int(found.stdout) == logging.ERROR
