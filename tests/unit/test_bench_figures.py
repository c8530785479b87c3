"""The arithmetic of the benchmarks."""

from billet.bench import prices, replay
from billet.bench.lanes import creates_a_second, updates_a_second
from billet.bench.report import Table, shown
from billet.bench.timing import Candidate, p50, p99, percentile, side_by_side


def test_percentiles_are_samples_by_the_nearest_rank() -> None:
    samples = [float(number) for number in range(100, 0, -1)]
    assert (p50(samples), p99(samples), percentile(samples, 1)) == (50, 99, 100)
    assert p50([3.0]) == p99([3.0]) == 3
    assert p50([1.0, 2.0, 9.0]) == 2


def test_each_candidate_runs_once_a_round_on_what_was_prepared_for_it() -> None:
    seen: list[object] = []
    candidates = {
        "a": Candidate(seen.append, lambda: "prepared"),
        "b": Candidate(lambda nothing: seen.append(nothing)),
    }
    found = side_by_side(candidates, rounds=3, warm_up=1)
    assert {name: len(samples) for name, samples in found.items()} == {"a": 3, "b": 3}
    assert seen.count("prepared") == seen.count(None) == 4
    assert all({*seen[at : at + 2]} == {"prepared", None} for at in range(0, 8, 2))


def test_a_million_requests_cost_their_units() -> None:
    assert prices.per_million(1, 0, 0) == 0.125
    assert prices.per_million(0, 6, 0) == 3.75
    assert prices.per_million(1, 0, 3) == 0.125 + 6 * 0.625


def test_lanes_multiply_what_the_busiest_key_takes() -> None:
    assert [creates_a_second(lanes) for lanes in (1, 16)] == [1000, 16_000]
    assert [updates_a_second(lanes) for lanes in (1, 16)] == [500, 8_000]


def test_conditions_and_what_only_they_need_are_left_out_of_a_floor() -> None:
    update = {
        "TableName": "tasks",
        "UpdateExpression": "SET #0 = :0",
        "ConditionExpression": "#1 = :1",
        "ExpressionAttributeNames": {"#0": "name", "#1": "version"},
        "ExpressionAttributeValues": {":0": {"S": "a"}, ":1": {"N": "1"}},
        "ReturnConsumedCapacity": "TOTAL",
    }
    bare = {
        "TableName": "tasks",
        "UpdateExpression": "SET #0 = :0",
        "ExpressionAttributeNames": {"#0": "name"},
        "ExpressionAttributeValues": {":0": {"S": "a"}},
    }
    assert replay.unconditional(update) == bare
    transaction = {
        "TransactItems": [{"Update": update}, {"ConditionCheck": {"TableName": "users"}}],
        "ClientRequestToken": "once",
    }
    assert replay.unconditional(transaction) == {"TransactItems": [{"Update": bare}]}


def test_cells_are_shown_with_the_digits_that_count() -> None:
    assert [shown(cell) for cell in ("a", 7, 0.123, 1234.5, None)] == [
        "a",
        "7",
        "0.12",
        "1,234",
        "",
    ]
    assert Table("t", ("a",), [(1,)]).as_dict() == {
        "title": "t",
        "columns": ("a",),
        "rows": [(1,)],
        "note": "",
    }
