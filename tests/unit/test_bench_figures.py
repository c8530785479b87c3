"""The arithmetic of the benchmarks."""

from dataclasses import asdict

from billet.benchmark import markdown_report
from billet.benchmark.cost import dollars_per_million
from billet.benchmark.report import ResultTable, format_cell
from billet.benchmark.timing import Workload, p50, p99, percentile, time_interleaved


def test_percentiles_use_the_nearest_rank() -> None:
    samples = [float(number) for number in range(100, 0, -1)]
    assert (p50(samples), p99(samples), percentile(samples, 1)) == (50, 99, 100)
    assert p50([3.0]) == p99([3.0]) == 3
    assert p50([1.0, 2.0, 9.0]) == 2


def test_each_workload_runs_once_per_round_with_its_setup() -> None:
    seen: list[object] = []
    workloads = {
        "a": Workload(seen.append, lambda: "prepared"),
        "b": Workload(lambda nothing: seen.append(nothing)),
    }
    found = time_interleaved(workloads, rounds=3, warm_up=1)
    assert {name: len(samples) for name, samples in found.items()} == {"a": 3, "b": 3}
    assert seen.count("prepared") == seen.count(None) == 4
    assert all({*seen[at : at + 2]} == {"prepared", None} for at in range(0, 8, 2))


def test_a_million_requests_cost_their_units() -> None:
    assert dollars_per_million(1, 0, 0) == 0.125
    assert dollars_per_million(0, 6, 0) == 3.75
    assert dollars_per_million(1, 0, 3) == 0.125 + 6 * 0.625


def test_cells_are_shown_with_the_digits_that_count() -> None:
    assert [format_cell(cell) for cell in ("a", 7, 0.123, 1234.5, None)] == [
        "a",
        "7",
        "0.12",
        "1,234",
        "",
    ]


def test_the_document_of_a_run_has_its_machine_commands_and_tables() -> None:
    machine = {"day": "2026-01-31", "cores": 2, "memory_gb": 8, "machine": "x86_64"}
    tables = [
        ResultTable(
            "what it costs", ("request", "calls"), [("GET", 1), ("PUT", 2.5)], "by us", "cost"
        ),
        ResultTable("what lanes cost", ("lanes", "errors"), [(1, 0), (4, 3)], section="lanes"),
    ]
    assert (tables[1].column("errors"), tables[0].column("errors")) == ([0, 3], [])
    text = markdown_report.document(
        {
            "machine": machine | {"system": "Linux", "python": "3.11.7"},
            "size": "--quick ",
            "tables": [asdict(table) for table in tables],
        }
    )
    assert "2026-01-31, with 2 cores (x86_64) and 8 GB, Linux, Python 3.11.7" in text
    assert "    python -m billet bench --quick --json bench.json\n" in text
    table = "| request | calls |\n| --- | ---: |\n| GET | 1 |\n| PUT | 2.50 |\n\nBy us.\n"
    assert table in text
    assert text.index("    python -m billet bench --quick cost") < text.index(table)
    assert text.index(table) < text.index("    python -m billet bench --quick lanes")
