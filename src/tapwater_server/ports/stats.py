"""How calls went, added up by the minute: rates, latencies, endings, cold starts, memory.

STA-1  A question about any span of time is answered from sums, not from records: in less than
       200 ms with a million records behind it.
STA-2  Latencies are histograms whose buckets grow by a fixed factor, so that sums of them are
       exact and a percentile is off by at most half a bucket (BUCKET_FACTOR).
STA-3  Minutes are kept for two days, hours for as long as records are kept, and at least 90 days.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, log2
from typing import Protocol

_BUCKETS_A_DOUBLING = 4
_SMALLEST_MS = 0.01
BUCKET_FACTOR = 2 ** (1 / _BUCKETS_A_DOUBLING)
BUCKETS_MAX = 160  # A hundred days: what takes longer counts as that.


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesWanted:
    """Which numbers. ``step_s`` is rounded up to whole minutes (or hours, for old times)."""

    since: float
    until: float
    step_s: float = 0.0  # 0: everything in one point
    by: tuple[str, ...] = ()  # of app, function, revision, route
    app: str | None = None
    function: str | None = None
    revision: str | None = None
    route: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The calls of one step of one key."""

    at: float
    key: tuple[str, ...] = ()
    calls: int = 0
    errors: int = 0
    endings: Mapping[str, int] = field(default_factory=dict)
    cold: int = 0
    wall_ms: float = 0.0  # sum
    cpu_ms: float = 0.0
    queue_ms: float = 0.0
    start_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    memory_peak_bytes: int = 0  # the largest
    latency: Mapping[int, int] = field(default_factory=dict)  # bucket -> calls; queue + wall
    starts: Mapping[int, int] = field(default_factory=dict)  # bucket -> cold starts

    def latency_ms(self, share: float) -> float:
        """Give a percentile of the latency: ``latency_ms(0.99)``; 0 where nothing was called."""
        return percentile(self.latency, share)


def bucket_of(ms: float) -> int:
    """Say in which bucket a time is: number n holds times up to 0.01 ms x BUCKET_FACTOR**n.

    >>> bucket_of(0.005), bucket_of(0.02), bucket_of(1.0)
    (0, 4, 27)
    """
    if ms <= _SMALLEST_MS:
        return 0
    return min(ceil(log2(ms / _SMALLEST_MS) * _BUCKETS_A_DOUBLING - 1e-9), BUCKETS_MAX)


def upper_ms(bucket: int) -> float:
    """Give the longest time that a bucket holds."""
    return float(_SMALLEST_MS * BUCKET_FACTOR**bucket)


def percentile(buckets: Mapping[int, int], share: float) -> float:
    """Give the time in milliseconds below which that share of the calls were.

    >>> round(percentile({bucket_of(1.0): 99, bucket_of(100.0): 1}, 0.5), 1)
    1.0
    """
    total = sum(buckets.values())
    if not total:
        return 0.0
    seen = 0
    for bucket in sorted(buckets):
        seen += buckets[bucket]
        if seen >= share * total:
            return upper_ms(bucket) / BUCKET_FACTOR**0.5  # The middle, as ratios go.
    return upper_ms(max(buckets))


class Stats(Protocol):
    """Reads what the meter added up by the minute."""

    async def series(self, wanted: SeriesWanted) -> Sequence[Point]: ...
