"""The progress bars of commands."""

import pytest

from billet.cli import progress


@pytest.mark.parametrize("length", [0, 3])
def test_a_bar_ends_at_100_percent_if_there_is_nothing_to_do(length: int) -> None:
    with progress.bar(length, "Checking") as shown:
        pass
    assert shown.pct == 1.0
