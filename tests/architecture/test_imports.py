"""Importing chalicelib reads no environment: app.py alone is the composition root."""

import os
import subprocess
import sys
from pathlib import Path

from chalicelib.app_factory import BilletApp
from chalicelib.settings import Settings

ROOT = Path(__file__).parents[2]
POISONED = """if True:
    import os, pkgutil, sys, traceback
    import chalice.app, pynamodb.models, botocore.session, msgspec  # they may read what they like

    class Poisoned(dict):
        def _refuse(self, *arguments):
            if sys._getframe(1).f_globals["__name__"].startswith("chalicelib"):
                raise AssertionError(f"os.environ was read: {arguments}")
        def __getitem__(self, name): self._refuse(name); return super().__getitem__(name)
        def __contains__(self, name): self._refuse(name); return super().__contains__(name)
        def __iter__(self): self._refuse(); return super().__iter__()
        def get(self, name, default=None): self._refuse(name); return super().get(name, default)
        def copy(self): self._refuse(); return super().copy()

    os.environ = Poisoned(os.environ)
    import chalicelib
    found = 0
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        __import__(module.name)
        found += 1
    from chalicelib.dynamodb import client
    assert not hasattr(client.database, "connection"), "a connection was made"
    assert found > 30, found
"""


def test_importing_a_module_reads_no_environment_and_does_not_connect() -> None:
    done = subprocess.run(
        [sys.executable, "-c", POISONED],
        cwd=ROOT,
        env={"STAGE": "nonsense"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr


def test_a_start_does_not_import_icalendar() -> None:
    """It takes 30 ms, too long for a cold start."""
    found = "import app, sys; print('icalendar' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", found], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert (done.stdout, done.returncode) == ("False\n", 0)


def test_an_app_leaves_the_environment_as_it_is() -> None:
    before = dict(os.environ)
    BilletApp(Settings())
    assert dict(os.environ) == before
