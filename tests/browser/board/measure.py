"""Measures the board in Chromium: `python -m tests.browser.board.measure`.

The first page has 1,000 tasks. The times are those of the browser: first contentful paint, largest
contentful paint, and the time at which the first card is in the document. They are compared with a
nearly empty page of the same server, /v1/health, in interleaved runs. Then a column of 10,000
tasks is scrolled, and the time between frames is reported.
"""

import gzip
import os
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from billet.emulators import dynamodb_local
from chalicelib.dynamodb import client
from chalicelib.http.routes import board as routes
from chalicelib.settings import Settings
from tests.browser.board.site import Board
from tests.browser.conftest import FLAGS, Visit
from tests.conftest import CHROMIUM, NO_CHROMIUM
from tests.support.bulk_data import add_tasks
from tests.support.servers import Served
from tests.support.tables import make_tables

RUNS = 5
FIRST, MORE = 1_000, 10_000
SCREEN = {"width": 1280, "height": 800}
STATUSES = ("PENDING", "IN_PROGRESS", "DONE", "CANCELLED")
OBSERVE = """
window.measured = {};
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) measured.lcp = entry.startTime;
}).observe({ type: "largest-contentful-paint", buffered: true });
new MutationObserver((_, observer) => {
  if (!document.querySelector("article")) return;
  measured.cards = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""
READ = """() => ({
  fcp: performance.getEntriesByName("first-contentful-paint")[0]?.startTime,
  ...measured,
})"""
SCROLL = """async (element) => {
  const frames = [];
  let last = performance.now();
  for (let index = 0; index < 300; index++) {
    element.scrollTop -= 300;
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    frames.push(now - last);
    last = now;
  }
  return frames;
}"""


@contextmanager
def served_database() -> Iterator[Served]:
    """Serve new tables of a DynamoDB Local that runs for this measurement only."""
    settings = Settings(table_prefix="measure")
    with dynamodb_local.run() as endpoint:
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = endpoint
        client.bind(settings)
        make_tables()
        served = Served(TABLE_PREFIX=settings.prefix)
        try:
            yield served
        finally:
            served.stop()


def load(browser: Browser, url: str, *, cards: bool) -> dict[str, float]:
    """Open a page in a new context, without a cache, and return its times in ms."""
    with browser.new_context(viewport=SCREEN) as context:  # type: ignore[arg-type]
        page = context.new_page()
        page.add_init_script(OBSERVE)
        page.goto(url, wait_until="networkidle")
        if cards:
            page.get_by_role("article").first.wait_for()
        times: dict[str, float] = page.evaluate(READ)
        return times


def scroll(browser: Browser, url: str) -> list[float]:
    """Load a whole column, scroll through it, and return the times between frames in ms."""
    with browser.new_context(viewport=SCREEN) as context:  # type: ignore[arg-type]
        board = Board(Visit(context), url).open()
        scroller = board.column("Pending").locator(".scroller")
        count = board.column("Pending").locator("header .count")
        while "+" in (before := count.inner_text()):
            scroller.evaluate("(element) => { element.scrollTop = element.scrollHeight }")
            expect(count).not_to_have_text(before)
        frames: list[float] = scroller.evaluate(SCROLL)
        return sorted(frames)


def script_bytes() -> int:
    """Return the size of all scripts, each compressed with gzip."""
    scripts = [name for name in routes.KINDS if name.endswith(".js")]
    return sum(len(gzip.compress((routes.FOLDER / name).read_bytes(), 9)) for name in scripts)


def report(browser: Browser, served: Served) -> None:
    """Measure, and print one line for each figure."""
    for status in STATUSES:
        add_tasks(FIRST // 4, at_once=100, name="Write the report", status=status)
    pages = {"board": (f"{served.url}/", True), "empty page": (f"{served.url}/v1/health", False)}
    runs = [
        {name: load(browser, url, cards=cards) for name, (url, cards) in pages.items()}
        for _ in range(RUNS + 1)
    ][1:]  # the first one warms up the server
    medians = {
        name: {
            key: statistics.median(run[name][key] for run in runs)
            for key in ("fcp", "lcp", "cards")
            if key in runs[0][name]
        }
        for name in pages
    }
    for name, times in medians.items():
        print(name, {key: f"{value:.0f} ms" for key, value in times.items()})  # noqa: T201
    ratio = medians["board"]["fcp"] / medians["empty page"]["fcp"]
    print(f"first contentful paint: {ratio:.2f} times that of the empty page")  # noqa: T201
    print(f"scripts: {script_bytes() / 1000:.1f} KB gzipped")  # noqa: T201
    add_tasks(MORE - FIRST, at_once=100, name="Write the report")
    frames = scroll(browser, served.url)
    p50, p95 = (frames[int(len(frames) * share)] for share in (0.5, 0.95))
    print(f"frames: p50 {p50:.1f} ms, p95 {p95:.1f} ms, longest {frames[-1]:.1f} ms")  # noqa: T201


if __name__ == "__main__":
    if CHROMIUM is None:
        sys.exit(NO_CHROMIUM)
    with served_database() as running, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        report(chromium, running)
        chromium.close()
