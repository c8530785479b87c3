"""What DynamoDB charges on demand."""

PRICES = {"read unit": 0.125, "write unit": 0.625}
"""US dollars per million units: on-demand, us-east-1, Standard table class, November 2026.

One read unit is a strongly consistent read of 4 KB, one write unit a write of 1 KB.
https://aws.amazon.com/dynamodb/pricing/on-demand/
"""
MILLION = 1_000_000


def dollars(read_units: float, write_units: float) -> float:
    """Return the price of these units in US dollars."""
    return (read_units * PRICES["read unit"] + write_units * PRICES["write unit"]) / MILLION
