"""Percentiles of durations in bounded memory."""

import math
from collections import Counter

GROWTH = 1.05
"""How much wider each bucket is than the one before: a percentile is at most 2.5 % off."""
_LOG_GROWTH = math.log(GROWTH)
SHORTEST, LONGEST = 0.01, 1_000_000.0
"""The range in milliseconds. It has 378 buckets."""


class Histogram:
    """Counts of durations in milliseconds, in buckets of exponential width."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, ms: float) -> None:
        """Count a duration."""
        bounded = min(max(ms, SHORTEST), LONGEST)
        self._counts[math.floor(math.log(bounded) / _LOG_GROWTH)] += 1

    def merge(self, other: "Histogram") -> None:
        """Add the counts of another histogram."""
        self._counts.update(other._counts)

    def percentile(self, percent: float) -> float:
        """Return the duration that this share of the durations does not exceed; 0 without any."""
        rank = math.ceil(self._counts.total() * percent / 100)
        for bucket in sorted(self._counts):
            rank -= self._counts[bucket]
            if rank <= 0:
                return math.exp((bucket + 0.5) * _LOG_GROWTH)
        return 0.0
