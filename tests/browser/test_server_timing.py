"""A browser reads Server-Timing."""

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import WAIT_MS

TIMES = """async url => {
    const found = new Promise(resolve => new PerformanceObserver(
        list => list.getEntriesByName(url).forEach(resolve)).observe({type: "resource"}));
    await fetch(url).then(response => response.text());
    const entry = await found;
    return entry.serverTiming.map(({name, duration, description}) => [name, duration, description]);
}"""


@pytest.mark.backend("moto")
@pytest.mark.settings(server_timing="on")
def test_a_page_reads_the_times_of_its_requests(server: str, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(f"http://{server}/docs", timeout=WAIT_MS)
    times: list[list[Any]] = page.evaluate(TIMES, f"http://{server}/v1/tasks")
    page.close()
    assert [name for name, _, _ in times] == ["db", "app", "wait"]
    _, milliseconds, description = times[0]
    assert milliseconds > 0
    assert "RCU" in description
