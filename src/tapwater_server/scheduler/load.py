"""What we saw lately of one function: how long calls take, how much memory, how long it idles."""

import math
from dataclasses import dataclass, field

_SMOOTH = 0.1
_SUB = 4  # buckets per power of two
_LOW = -20  # 2**-20 s: a microsecond
_BUCKETS = 40 * _SUB
_QUIET_CALLS = 1024  # of so many, the quickest was disturbed by nobody
_SHORTEST_S = 2.0**_LOW
_PEAK_FADES = 0.999  # per call: an old peak is forgotten after some thousand calls


class Histogram:
    """Counts of durations in buckets that grow by a quarter of a power of two."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * _BUCKETS
        self.total = 0

    def add(self, seconds: float) -> None:
        """Count one. Nothing takes no time at all: zero counts as the shortest there is."""
        mantissa, exponent = math.frexp(seconds or _SHORTEST_S)
        bucket = (exponent - _LOW) * _SUB + int(mantissa * 8) - _SUB
        self.counts[min(max(bucket, 0), _BUCKETS - 1)] += 1
        self.total += 1

    def quantile(self, share: float) -> float:
        """Give the upper edge of the bucket in which ``share`` of all lie below; 0: none seen."""
        if not self.total:
            return 0.0
        wanted, seen = share * self.total, 0
        for bucket, count in enumerate(self.counts):
            seen += count
            if seen >= wanted:
                return edge(bucket)
        return edge(_BUCKETS - 1)

    def fade(self) -> None:
        """Halve all counts: what was long ago weighs less."""
        self.counts = [count >> 1 for count in self.counts]
        self.total = sum(self.counts)


def edge(bucket: int) -> float:
    """Give a bucket's upper edge in seconds."""
    exponent, part = divmod(bucket, _SUB)
    return math.ldexp(0.5 + (part + 1) / 8, exponent + _LOW)


@dataclass(slots=True, kw_only=True)
class Load:
    """What one function of one revision does with its instances."""

    service_s: float = 0.0  # smoothed; 0: nothing seen yet
    quiet_s: float = 0.0  # what a call takes when nothing is in its way: the quickest lately
    quickest_s: float = 0.0  # of those that are counted now
    cpu_s: float = 0.0  # smoothed
    start_s: float = 0.0  # smoothed time to make an instance
    peak_bytes: float = 0.0  # the most an instance held, fading
    calls: int = 0
    cold_starts: int = 0
    walls: Histogram = field(default_factory=Histogram)

    def note_call(self, wall_s: float, cpu_s: float, peak_bytes: int, *, cold: bool) -> None:
        """One call has ended."""
        self.calls += 1
        self.cold_starts += cold
        before = self.service_s
        self.service_s = before + _SMOOTH * (wall_s - before) if before else wall_s
        if wall_s < self.quickest_s or not self.quickest_s:
            self.quickest_s = wall_s
            self.quiet_s = min(wall_s, self.quiet_s or wall_s)
        if not self.calls % _QUIET_CALLS:
            self.quiet_s, self.quickest_s = self.quickest_s, 0.0
        self.cpu_s += _SMOOTH * (cpu_s - self.cpu_s)
        self.peak_bytes = max(self.peak_bytes * _PEAK_FADES, peak_bytes)
        self.walls.add(wall_s)
        if self.walls.total >= 100_000:
            self.walls.fade()

    def note_start(self, took_s: float) -> None:
        """One instance was made."""
        before = self.start_s
        self.start_s = before + _SMOOTH * (took_s - before) if before else took_s
