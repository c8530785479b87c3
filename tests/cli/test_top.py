"""`billet top`: the lines that it finds, its figures, and the causes that it names."""

import codecs
import fcntl
import io
import json
import math
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest
from botocore.stub import ANY, Stubber
from click.testing import CliRunner, Result
from rich.console import Console

from billet.cli import main
from billet.serve.recent_requests import RecentRequests, of_this_process
from billet.top import screen, sources
from billet.top.causes import RULES, RUNBOOK
from billet.top.histogram import Histogram
from billet.top.summary import Summary, summarize
from billet.top.window import MAX_PRINCIPALS, MAX_ROUTES, OTHER, Window, parse
from chalicelib.http.request_log import Line, timestamp
from tests.support.markdown import anchors

ROOT = Path(__file__).parents[2]
LINES = ROOT / "tests" / "drills" / "lines"
"""What `make drill` has produced."""
BEGAN = 1_800_000_000.0
CAUSES = {
    "cold-starts": "cold-starts",
    "conflicts": "conflicts",
    "cpu": "cpu",
    "errors": "errors",
    "full-server": "full-server",
    "hot-key": "throttling",
    "leak": "memory-growth",
    "limited-clients": "limited-clients",
    "offset": "far-offset",
    "slow-database": "slow-database",
    "slow-query": "slow-query",
}
"""The cause of each drill."""


def line(seconds: float = 0.0, **values: Any) -> Line:
    """Return the line of a request that ends so many seconds after BEGAN."""
    defaults: dict[str, Any] = {
        "request_id": "one",
        "trace_id": "",
        "route": "GET /v1/tasks",
        "status": 200,
        "principal": "app",
        "ms": 4.0,
        "db_ms": 3.0,
        "wait_ms": 0.0,
        "backoff_ms": 0.0,
        "cpu_ms": 2.0,
        "calls": 1,
        "rcu": 1.0,
        "wcu": 0.0,
        "items_read": 1,
        "items_returned": None,
        "retries": 0,
        "conflicts": 0,
        "throttles": 0,
        "replay": False,
        "page_size": None,
        "offset": None,
        "cold_start": False,
        "memory_mb": 60.0,
    }
    time = timestamp(BEGAN + seconds)
    return Line(time=time, level="INFO", **(defaults | values))


def summary_of(*lines: Line, seconds: float = math.inf) -> Summary:
    window = Window(seconds)
    for one in lines:
        window.add(one)
    return summarize(window.observed())


def top(*arguments: str, stdin: str = "", data: Path = Path("none")) -> Result:
    return CliRunner().invoke(main, ["--data", str(data), "top", *arguments], input=stdin)


@pytest.mark.parametrize("drill", CAUSES)
def test_the_first_cause_is_the_fault_of_the_drill(drill: str) -> None:
    result = top("--json", str(LINES / f"{drill}.jsonl"))
    causes = json.loads(result.stdout)["causes"]
    assert causes[0]["kind"] == CAUSES[drill]


@pytest.mark.parametrize("drill", sorted(CAUSES.keys() - {"leak"}))
def test_the_first_seconds_already_show_the_fault(drill: str) -> None:
    causes = summary_of(*first_lines(drill, 60)).causes
    assert causes[0].kind == CAUSES[drill]


@pytest.mark.parametrize("drill", CAUSES)
def test_few_requests_never_show_another_fault(drill: str) -> None:
    for requests in range(20, 160, 10):
        causes = summary_of(*first_lines(drill, requests)).causes
        assert {one.kind for one in causes[:1]} <= {CAUSES[drill]}, requests


def first_lines(drill: str, requests: int) -> list[Line]:
    texts = (LINES / f"{drill}.jsonl").read_text().splitlines()[:requests]
    return [found for text in texts if (found := parse(text))]


def test_a_healthy_server_has_no_cause() -> None:
    for requests in range(20, 160, 10):
        assert summary_of(*first_lines("none", requests)).causes == []
    assert "Few data yet (172 requests); look again in 30 s" in shown_of(
        summary_of(*first_lines("none", 172))
    )
    assert screen.NO_CAUSE in shown_of(summary_of(*2 * first_lines("none", 172)))


def test_new_connections_are_no_slow_database() -> None:
    cold = [line(0, ms=800, db_ms=790) for _ in range(9)]
    warm = [line(one / 10, ms=8, db_ms=7) for one in range(10)]
    assert summary_of(*cold, *warm, line(3)).causes == []
    slow = [line(one / 10, ms=80, db_ms=79) for one in range(20)]
    assert [one.kind for one in summary_of(*slow).causes] == ["slow-database"]


def test_the_first_line_and_the_cause_show_how_memory_grows() -> None:
    summary = summary_of(*first_lines("leak", 75))
    shown = shown_of(summary)
    assert "memory 73 -> 150 MB a process in 40 s" in shown
    assert "grew from 94 MB to 150 MB in the last 30 s" in shown
    assert [one.kind for one in summary.causes] == ["memory-growth"]
    assert "memory 75 -> 72 MB a process in 60 s" in shown_of(summary_of(*first_lines("none", 172)))


def test_a_warm_up_and_one_large_request_are_no_leak() -> None:
    def causes(megabytes: Iterator[float]) -> list[str]:
        lines = [line(5 * step, memory_mb=mb) for step, mb in enumerate(megabytes) for _ in "12345"]
        return [one.kind for one in summary_of(*lines).causes]

    assert causes(120 - 70 * 0.7**step for step in range(10)) == []
    assert causes(50.0 + 40 * (step > 5) for step in range(10)) == []
    assert causes(50.0 + 4 * step for step in range(10)) == ["memory-growth"]


def test_the_first_line_says_when_requests_have_stopped() -> None:
    window = Window(60)
    window.add(line(0))
    assert "last request" not in shown_of(summarize(window.observed()))
    window.advance(BEGAN + 8)
    assert "last request 8 s ago" in shown_of(summarize(window.observed()))
    window.advance(BEGAN + 100)
    assert "last request 100 s ago" in shown_of(summarize(window.observed()))


def test_requests_that_wait_for_a_core_name_the_cpu_also_on_a_busy_machine() -> None:
    lines = [line(one / 12, ms=743, db_ms=350, calls=2, cpu_ms=45) for one in range(423)]
    assert [one.kind for one in summary_of(*lines).causes] == ["cpu"]


@pytest.mark.parametrize(("far", "expected"), [(1, []), (4, ["far-offset"])])
def test_scans_that_slow_all_routes_come_before_a_slow_database(
    far: int, expected: list[str]
) -> None:
    slow = [line(one / 10, ms=660, db_ms=640) for one in range(60)]
    scans = [
        line(one, offset=8000, rcu=186.0, ms=900, db_ms=880, principal="export")
        for one in range(far)
    ]
    causes = summary_of(*slow, *scans).causes
    assert [one.kind for one in causes] == expected
    assert all(one.text.endswith("principal export") for one in causes)


def test_throttling_names_the_client_and_the_routes_that_are_refused() -> None:
    read = [line(one, ms=900, principal="reader") for one in range(40)]
    hot = [line(one, route="PATCH /hot", principal="writer", throttles=2) for one in range(20)]
    [cause] = summary_of(*read, *hot).causes
    assert cause.route == "PATCH /hot"
    assert "100 % of all refusals are on this route: a hot key" in cause.text
    assert cause.text.endswith("100 % of the refusals are of principal writer")

    def refused(route: str) -> list[Line]:
        return [line(one, route=route, wcu=5, throttles=2) for one in range(20)]

    [cause] = summary_of(*refused("POST /one"), *refused("PUT /two"), *read).causes
    assert "2 routes are refused: a table or index at its limit" in cause.text


@pytest.mark.parametrize("drill", ["conflicts", "hot-key"])
def test_what_follows_from_the_first_cause_is_called_its_consequence(drill: str) -> None:
    summary = summary_of(*first_lines(drill, 160))
    assert [one.follows for one in summary.causes] == [False, True]
    assert "\nProbably its consequence: " in shown_of(summary)
    assert "\nAlso: " not in shown_of(summary)


def test_a_cause_of_its_own_comes_before_a_consequence() -> None:
    far = [
        line(one, offset=8000, ms=900, db_ms=850, items_read=8100, items_returned=100)
        for one in range(30)
    ]
    limited = [line(one, route="PATCH /a", status=429, ms=1, calls=0) for one in range(30)]
    causes = summary_of(*far, *limited).causes
    assert [(one.kind, one.follows) for one in causes] == [
        ("far-offset", False),
        ("limited-clients", False),
        ("slow-database", True),
    ]


def test_a_drill_in_the_background_ends_on_ctrl_c_and_says_so() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", DRILL],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),  # as a shell's `&` does
    )
    assert process.stdout
    try:
        assert "Ctrl-C ends it" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30)[0] == "The drill was interrupted\n"
    finally:
        process.kill()
        process.wait()


DRILL = """
from tests.drills.waiting import ends_on_signals, wait
ends_on_signals()
wait(3600)
"""


def test_cpu_that_is_a_small_part_of_the_time_is_no_cause() -> None:
    def causes(**values: float) -> list[str]:
        lines = [line(second, calls=0, db_ms=0, **values) for second in range(300)]
        return [one.kind for one in summary_of(*lines).causes]

    assert causes(ms=1100, cpu_ms=21) == []
    assert causes(ms=30, cpu_ms=21) == ["cpu"]
    assert causes(ms=9000, cpu_ms=700) == ["cpu"]  # the core is busy


def shown_of(summary: Summary, width: int = screen.WIDTH) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(screen.render(summary, width=width))
    return console.export_text()


def test_each_rule_has_a_drill() -> None:
    assert {rule.__name__.replace("_", "-") for rule in RULES} == set(CAUSES.values())


def test_each_cause_has_a_section_in_the_runbook() -> None:
    assert set(CAUSES.values()) <= anchors(ROOT / RUNBOOK)


def test_percentiles_are_at_most_three_percent_off() -> None:
    source = random.Random(1)  # noqa: S311
    samples = [source.lognormvariate(2, 1.5) for _ in range(2_000)]
    histogram = Histogram()
    for one in samples:
        histogram.add(one)
    samples.sort()
    for percent in (50, 95, 99, 100):
        exact = samples[math.ceil(len(samples) * percent / 100) - 1]
        assert histogram.percentile(percent) == pytest.approx(exact, rel=0.03)
    assert Histogram().percentile(50) == 0


def test_the_figures_of_a_route_are_for_each_request() -> None:
    requests = [line(second, ms=10, db_ms=9, calls=2, rcu=4, wcu=8) for second in range(11)]
    other = line(10, route="GET /v1/users", ms=90, status=500, conflicts=3, throttles=2)
    summary = summary_of(*requests, other)
    [tasks, users] = sorted(summary.routes, key=lambda row: row.route)
    assert (tasks.requests, tasks.rate, tasks.db_percent, tasks.calls) == (11, 1.1, 90.0, 2.0)
    assert (tasks.time_percent, tasks.rcu, tasks.wcu) == (55.0, 4.0, 8.0)
    # 44 read and 88 write units in 10 s
    assert tasks.dollars_per_hour == pytest.approx((44 * 0.125 + 88 * 0.625) / 1e6 * 360, abs=1e-4)
    assert (users.errors, users.conflicts, users.throttles) == (1, 3, 2)


def test_a_window_forgets_what_is_older() -> None:
    window = Window(60)
    window.add(line(0, ms=1000))
    window.add(line(30))
    window.add(line(100))
    assert summarize(window.observed()).requests == 1
    window.add(line(20))  # late
    assert summarize(window.observed()).requests == 1
    window.advance(BEGAN + 300)
    assert summarize(window.observed()).requests == 0


def test_the_memory_is_bounded_whatever_a_log_has() -> None:
    many = [line(0, route=f"GET /{one}", principal=str(one)) for one in range(2 * MAX_ROUTES)]
    window = Window()
    for one in many:
        window.add(one)
        window.add(msgspec.structs.replace(one, route="GET /0"))
    observed = window.observed()
    assert len(observed.routes) == MAX_ROUTES + 1
    assert observed.routes[OTHER].requests == MAX_ROUTES
    assert len(observed.routes["GET /0"].principals) == MAX_PRINCIPALS + 1


def test_lines_are_found_after_a_prefix_and_others_are_ignored() -> None:
    text = str(line())
    assert parse(f"billet_api  | {text}\n") == line()
    for other in (
        "Serving http://localhost:3000",
        '{"logger":"chalicelib","message":"{"}',
        "{",
        "",
    ):
        assert parse(other) is None
    assert parse(text.replace("billet.request", "other")) is None


def test_standard_input_is_read_to_its_end() -> None:
    result = top("--json", "-", stdin="noise\n" + "\n".join(str(line(one)) for one in range(3)))
    assert result.exit_code == 0
    assert json.loads(result.stdout)["requests"] == 3
    assert screen.NO_REQUESTS in top("--once", "-").stdout


def test_wrong_arguments_are_one_line(tmp_path: Path) -> None:
    for arguments, text in (
        ((), "standard output is no terminal: add --once or --json"),
        (("--once", "missing.jsonl"), "missing.jsonl: is not a file"),
        (("--once",), f"no `billet serve` with the data folder {tmp_path} has run"),
        (("--once", "-", "--log-group", "a"), "FILE and --log-group: give one of them"),
    ):
        result = top(*arguments, data=tmp_path)
        assert result.exit_code != 0
        assert text in result.stderr.replace("\n", " ")


def test_a_server_keeps_its_last_requests_in_bounded_files(tmp_path: Path) -> None:
    size = len(f"{line()}\n")
    path = tmp_path / "requests-1.jsonl"
    recent = RecentRequests(path, max_bytes=10 * size)
    for number in range(25):
        recent.add(line(number))
    assert [len(one.read_text().splitlines()) for one in sorted(tmp_path.iterdir())] == [5, 10]
    texts = list(sources.from_server(tmp_path, follow=False))
    assert sorted(texts, key=str) == [f"{line(number)}\n" for number in range(10, 25)]


def test_files_of_workers_that_ended_long_ago_are_deleted(tmp_path: Path) -> None:
    old, new = tmp_path / "requests-1.jsonl", tmp_path / "requests-2.jsonl"
    for one in (old, new):
        one.touch()
    os.utime(old, (0, 0))
    of_this_process(tmp_path)
    assert not old.exists()
    assert new.exists()


def test_a_follower_reads_new_lines_of_rotated_and_of_new_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "POLL_SECONDS", 0)
    size = len(f"{line()}\n")
    first = RecentRequests(tmp_path / "requests-1.jsonl", max_bytes=2 * size)
    texts = sources.from_server(tmp_path, follow=True)
    assert next(texts) is None
    first.add(line(0))
    assert _until_none(texts) == [f"{line(0)}\n"]
    first.add(line(1))
    first.add(line(2))  # in a new file
    RecentRequests(tmp_path / "requests-2.jsonl").add(line(3))
    assert _until_none(texts) == [f"{line(number)}\n" for number in (1, 2, 3)]
    with (tmp_path / "requests-2.jsonl").open("a") as file:
        file.write("half")
        file.flush()
        assert _until_none(texts) == []
        file.write(" line\n")
        file.flush()
        assert _until_none(texts) == ["half line\n"]


def _until_none(texts: Iterator[str | None]) -> list[str]:
    found = []
    while (text := next(texts)) is not None:
        found.append(text)
    return found


def test_a_log_group_is_followed_without_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "LOGS_POLL_SECONDS", 0)
    logs = boto3.client("logs")
    with Stubber(logs) as stubber:
        for numbers in ((0, 1), (1, 20), (20,)):
            events = [
                {"eventId": str(one), "timestamp": milliseconds(one), "message": str(line(one))}
                for one in numbers
            ]
            start = milliseconds(0 if numbers[0] < 20 else 10)
            expected = {"logGroupName": "group", "startTime": start, "filterPattern": ANY}
            stubber.add_response("filter_log_events", {"events": events}, expected)
        texts = sources.from_log_group(logs, "group", BEGAN, follow=True)
        assert _until_none(texts) == [str(line(0)), str(line(1))]
        assert _until_none(texts) == [str(line(20))]
        assert _until_none(texts) == []


def milliseconds(seconds: float) -> int:
    return int((BEGAN + seconds) * 1000)


def test_the_table_sorts_by_the_chosen_key() -> None:
    rare = line(0, route="GET /rare", ms=900)
    often = [line(1, route="GET /often", ms=1) for _ in range(30)]
    summary = summary_of(rare, *often)
    assert _first_route(summary, "t") == "GET /rare"
    assert _first_route(summary, "r") == "GET /often"


def test_keys_sort_and_end_the_live_screen(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text(f"{line(0, route='GET /rare', ms=900)}\n" + f"{line(1)}\n" * 30)
    with on_terminal("top", str(file)) as (terminal, process):
        read_until(terminal, "GET /rare")
        os.write(terminal, b"r")
        read_until(terminal, f"req/s{SAME_SCREEN}GET /v1/tasks{SAME_SCREEN}GET /rare")
        os.write(terminal, b"q")
        read_until(terminal, re.escape("\x1b[?1049l"))  # the screen before
        assert process.wait(timeout=30) == 0


@contextmanager
def on_terminal(*arguments: str) -> Iterator[tuple[int, "subprocess.Popen[bytes]"]]:
    """Run `billet` on a terminal of its own; yield the other end and the process."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-c", ON_TERMINAL, *arguments],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "160", "TERM": "xterm"},
        stdin=there,
        stdout=there,
        stderr=there,
        start_new_session=True,
    )
    os.close(there)
    try:
        yield here, process
    finally:
        process.kill()
        process.wait()
        os.close(here)


ON_TERMINAL = """
import fcntl, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
from billet.cli import main
main()
"""


SAME_SCREEN = r"((?!\x1b\[H).)*"
"""What comes between two parts of one screen: each begins at the upper left."""


def read_until(terminal: int, pattern: str) -> None:
    """Read what the terminal shows, up to the first read after which the pattern is in it."""
    shown = ""
    decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a character
    end = time.monotonic() + 60
    while not re.search(pattern, shown, re.DOTALL):
        ready, _, _ = select.select([terminal], [], [], 30)
        assert ready, f"{pattern!r} is not in {shown!r}"
        assert time.monotonic() < end, f"{pattern!r} is not in {shown!r}"
        shown += decoder.decode(os.read(terminal, 65536))


ROUTE = "PUT /v1/tasks/{task_id}/unassign/user/{user_id}"


@pytest.mark.parametrize(
    ("width", "titles"),
    [
        (80, {"p95", "p50", "throttles"}),
        (100, {"p95", "p50", "throttles", "db %", "time %", "5xx"}),
        (screen.WIDTH, {column.title for column in screen.COLUMNS[1:]}),
    ],
)
def test_a_narrow_terminal_shows_fewer_columns_and_whole_routes(
    width: int, titles: set[str]
) -> None:
    slow = [line(one, route=ROUTE, ms=123_456 - one) for one in range(3)]
    shown = shown_of(summary_of(*slow, line(4, ms=9_900)), width)
    headers = next(one for one in shown.splitlines() if one.startswith("route"))
    assert {one for one in titles if f" {one}" in headers} == titles
    rows = [one for one in shown.splitlines() if one.startswith(ROUTE)]
    assert len(rows) == 1
    assert " 125 s" in rows[0]  # of a bucket of the histogram
    assert "…" not in shown


def test_long_times_are_in_seconds() -> None:
    figures = [screen.milliseconds(one) for one in (4.04, 9_999, 12_345, 123_456)]
    assert figures == ["4.0", "9,999", "12.3 s", "123 s"]


def _first_route(summary: Summary, key: str) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(screen.render(summary, key, live=True))
    return (
        next(one for one in console.export_text().splitlines() if "GET /" in one)
        .split("  ")[0]
        .strip()
    )
