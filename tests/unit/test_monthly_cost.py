"""What a month costs: infrastructure/cost.py and the tables in docs/deploying.md."""

import pytest

from infrastructure import cost

REPORT = cost.REPORT.read_text()
HEADER = "| request | calls | read units | write units | transacted | $ per million |\n| - | - |\n"


def test_the_page_has_the_costs_of_the_report() -> None:
    page = cost.PAGE.read_text()
    assert page == cost.page(page, REPORT), f"out of date: {cost.COMMAND}"


def test_the_shares_of_the_requests_are_all_of_them() -> None:
    assert sum(cost.MIX.values()) == pytest.approx(1)
    assert cost.requests(REPORT).keys() == cost.MIX.keys()


def test_a_request_uses_what_the_report_says() -> None:
    rows = "".join(
        f"| {name} | 2 | 1.00 | 3.00 | 4 | 9.99 |\n| x | 1 | 1 | 1 | 1 | 1 |\n" for name in cost.MIX
    )
    times = "| request | p50 ms | boto3 p50 |\n| - | - | - |\n" + "".join(
        f"| {name} | 1024.00 | 1 |\n" for name in cost.MIX
    )
    each = cost.requests(f"{HEADER}{rows}\nText.\n\n{times}")
    assert each["POST task"] == pytest.approx((1, 3 + 4 * 2, 1769 + 2 * cost.CALL_MS))
    assert each["assign, unassign"] == pytest.approx((0.5, 5.5, 1769 / 2 + cost.CALL_MS))


def test_a_month_is_requests_times_prices() -> None:
    costs = cost.month(2_000_000, cost.Request(4, 3, 50))
    assert costs == pytest.approx(
        {
            "API Gateway": 2 * 3.50,
            "Lambda, requests": 2 * 1.05 * 0.20,
            "Lambda, time": 2_000_000 * 0.05 * 0.0000133334,
            "DynamoDB, reads": 2 * 4 * 0.125,
            "DynamoDB, writes": 2 * 3 * 0.625,
            "DynamoDB, storage": 5.76 * 0.25,
            "DynamoDB, point-in-time recovery": 5.76 * 0.20,
            "CloudWatch, logs": 2.6 * 0.53,
            "CloudWatch, alarms": cost.ALARM_METRICS * 0.10,
            "CloudWatch, dashboard": 3.00,
            "X-Ray": 2 * 5.00,
            "data transfer": 6 * 0.09,
        }
    )


def test_a_month_without_requests_costs_the_alarms_and_the_dashboard() -> None:
    costs = cost.month(0, cost.Request(4, 3, 50))
    assert {name for name, dollars in costs.items() if dollars} == {
        "CloudWatch, alarms",
        "CloudWatch, dashboard",
    }
    assert cost.free(costs) == pytest.approx(1.00 + 3.00)


def test_a_report_without_a_table_is_refused() -> None:
    with pytest.raises(ValueError, match=r"no table with the column \$ per million"):
        cost.requests("# Performance\n")
