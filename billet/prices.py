"""The prices of DynamoDB."""

PRICES = {"read unit": 0.125, "write unit": 0.625}
"""US dollars per million units: on-demand, Standard table class.

One read unit is a strongly consistent read of 4 KB, one write unit a write of 1 KB.
https://aws.amazon.com/dynamodb/pricing/on-demand/
"""
PRICES_OF = "on demand, us-east-1, November 2026"
"""To what the prices apply."""


def dollars(read_units: float, write_units: float) -> float:
    """Return the price of some units in US dollars."""
    total = read_units * PRICES["read unit"] + write_units * PRICES["write unit"]
    return total / 1_000_000
