"""What DynamoDB takes, on demand, in us-east-1, Standard table class, as of November 2026.

https://aws.amazon.com/dynamodb/pricing/on-demand/
"""

PRICES = {"read unit": 0.125, "write unit": 0.625}
"""US dollars for a million. One unit reads 4 KB strongly consistent, half a unit eventually
consistent; one unit writes 1 KB."""
UNITS_OF_TRANSACTED_WRITE = 2


def per_million(read_units: float, write_units: float, transacted: int) -> float:
    """US dollars for a million requests of so many units each.

    `transacted` operations count as writes of 1 KB, each twice; what they write to indexes is not
    in it, because DynamoDB does not tell it apart.
    """
    writes = write_units + transacted * UNITS_OF_TRANSACTED_WRITE
    return read_units * PRICES["read unit"] + writes * PRICES["write unit"]
