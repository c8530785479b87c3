from pathlib import Path

import pytest

from tests.walks.migration.releases import extract_previous_release, why_no_previous_release


@pytest.fixture(scope="session")
def previous_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the previous release's code."""
    if reason := why_no_previous_release():
        pytest.skip(f"the migration from the previous release is NOT TESTED: {reason}")
    return extract_previous_release(tmp_path_factory.mktemp("previous"))
