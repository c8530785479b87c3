"""The client as a package: what it imports, and that its models are those of the API."""

import subprocess
import sys

import billet_client
from billet.openapi import client_models, document

OTHERS = {"app", "asyncio", "billet", "boto3", "botocore", "chalice", "chalicelib", "pynamodb"}


def test_importing_the_client_imports_nothing_of_the_server_nor_asyncio() -> None:
    code = "import sys, billet_client; billet_client.Client(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert OTHERS & set(done.stdout.split()) == set()


def test_the_committed_models_match_the_description_of_the_api() -> None:
    hint = "bring them up to date with `python -m billet openapi --write`"
    assert client_models.FILE.read_text() == client_models.text(document.build()), hint


def test_the_package_exports_what_it_names_and_its_models() -> None:
    assert sorted(billet_client.__all__) == billet_client.__all__
    assert all(hasattr(billet_client, name) for name in billet_client.__all__)
    assert {*client_models.BODIES} <= {*billet_client.__all__}
