"""The audit script reports packages that could not be audited."""

import importlib.util
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location(
    "audit", Path(__file__).parents[2] / ".ci" / "audit.py"
)
assert spec
assert spec.loader
audit = importlib.util.module_from_spec(spec)
spec.loader.exec_module(audit)

SOUND = {"name": "six", "version": "1.17.0", "vulns": []}
BROKEN = {"name": "six", "version": "1.0.0", "vulns": [{"id": "PYSEC-1"}]}
UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("found", "status", "status_if_required", "message"),
    [
        ([SOUND, SOUND], 0, 0, "pip-audit: 2 audited, 0 vulnerable"),
        ([SOUND, BROKEN, UNKNOWN], 1, 1, "six 1.0.0: PYSEC-1"),
        (
            [SOUND, UNKNOWN],
            0,
            1,
            "NOT AUDITED for known vulnerabilities: the service does not know ours",
        ),
        ([UNKNOWN, UNKNOWN], 0, 1, "NOT AUDITED for known vulnerabilities: the service knows none"),
    ],
)
def test_unaudited_packages_are_reported_and_fail_if_required(
    capsys: pytest.CaptureFixture[str],
    found: list[dict[str, object]],
    status: int,
    status_if_required: int,
    message: str,
) -> None:
    assert audit.report(found, require=False) == status
    assert message in "".join(capsys.readouterr())
    assert audit.report(found, require=True) == status_if_required
