"""The commands of people start fast, and neither need nor read anything of AWS."""

import os
import subprocess
import sys

import pytest

from tests.support.people import Billet
from tests.support.servers import ROOT

SCRIPT = """if True:
    import os, sys
    from click.testing import CliRunner
    from billet.cli import main

    class Poisoned(dict):
        def _refuse(self, name):
            assert not name.startswith("AWS_"), f"{name} was read"
        def __getitem__(self, name): self._refuse(name); return super().__getitem__(name)
        def __contains__(self, name): self._refuse(name); return super().__contains__(name)
        def get(self, name, default=None): self._refuse(name); return super().get(name, default)

    def run(*arguments):
        done = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output

    def imported(*names):
        return {*names} & {*sys.modules}

    os.environ = Poisoned(os.environ)
    for group in ((), ("task",), ("user",)):
        run(*(*group, "--help") if group else ("completion", "--help"))
    slow = imported("asyncio", "billet_client", "dateparser", "httpx", "keyring", "rich")
    assert not slow, slow
    run("user", "add", "ann")
    run("task", "add", "Pay", "--assign", "ann", "--due", "2030-12-24")
    run("task", "list")
    unused = imported("boto3", "botocore", "chalice", "dateparser", "keyring", "moto", "pynamodb")
    assert not unused, unused
"""


@pytest.mark.backend("moto")
def test_people_need_no_library_and_no_variable_of_aws(billet: Billet) -> None:
    broken = {"STAGE": "no stage", "AWS_PROFILE": "missing", "AWS_ENDPOINT_URL": "nonsense"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**os.environ, **broken, "BILLET_URL": billet.url},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.returncode, done.stderr) == (0, "")
