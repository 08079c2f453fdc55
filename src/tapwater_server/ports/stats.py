"""How calls went, added up by the minute: rates, latencies, endings, cold starts, memory.

STA-1  A question about any span of time is answered from sums, not from records: in less than
       200 ms with a million records behind it.
STA-2  Latencies are histograms whose buckets grow by a fixed factor, so that sums of them are
       exact and a percentile is off by at most half a bucket (BUCKET_FACTOR).
STA-3  Minutes are kept for two days, hours for as long as records are kept, and at least 90 days.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import NamedTuple, Protocol

import msgspec

from tapwater_server.model.errors import Invalid

_BUCKETS_A_DOUBLING = 4
_SMALLEST_MS = 0.01
BUCKET_FACTOR: float = 2.0 ** (1 / _BUCKETS_A_DOUBLING)
BUCKETS_MAX = 160  # A hundred days: what takes longer counts as that.
DIMENSIONS = ("app", "function", "revision", "route")
STEPS_S = (60, 600, 3600)  # What is kept; an answer uses the widest that fits.
POINTS_MAX = 10_000  # Of one key in one answer.
_UPPER_MS = [_SMALLEST_MS * BUCKET_FACTOR**n * (1 + 1e-9) for n in range(BUCKETS_MAX)]


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

    def check(self) -> None:
        """See that there are such numbers.

        Raises:
            Invalid: there are none.
        """
        unknown = [name for name in self.by if name not in DIMENSIONS]
        if unknown:
            raise Invalid(f"{unknown[0]} is nothing to group by: use {', '.join(DIMENSIONS)}")
        if self.step_s < 0 or self.until <= self.since:
            raise Invalid("the time must begin before it ends, and steps be longer than nothing")
        if self.step_s and (self.until - self.since) / self.step_s > POINTS_MAX:
            raise Invalid(f"that are more than {POINTS_MAX} points: ask for longer steps")

    def fitted(self, step_s: int) -> "SeriesWanted":
        """Round the start down and the step up to what is kept."""
        step = ceil(self.step_s / step_s) * step_s
        since = self.since // (step or step_s) * (step or step_s)
        return replace(self, since=float(since), step_s=float(step))

    def wants(self, line: "Line", *, step_s: int) -> bool:
        """Say whether a tally of so many seconds is one that was asked for."""
        return (
            self.since < line.at + step_s
            and line.at < self.until
            and (self.app is None or line.app == self.app)
            and (self.function is None or line.function == self.function)
            and (self.revision is None or line.revision == self.revision)
            and (self.route is None or line.route == self.route)
        )


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
    return bisect_left(_UPPER_MS, ms)


def histogram(times_ms: Iterable[float]) -> dict[int, int]:
    """Count times by their buckets.

    >>> histogram([0.005, 1.0, 1.0])
    {0: 1, 27: 2}
    """
    upper, find = _UPPER_MS, bisect_left
    return dict(Counter([find(upper, ms) for ms in times_ms]))


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
            return upper_ms(bucket) / float(BUCKET_FACTOR**0.5)  # The middle, as ratios go.
    return upper_ms(max(buckets))


class Line(NamedTuple):
    """What one tally is of. ``at`` is the start of its minute (or ten, or hour)."""

    at: int
    app: str
    function: str
    revision: str
    route: str


class Tally(msgspec.Struct, array_like=True):
    """Calls added up. Its fields are only ever added to, at the end: it is what is stored."""

    calls: int = 0
    errors: int = 0
    endings: dict[str, int] = msgspec.field(default_factory=dict)
    cold: int = 0
    wall_ms: float = 0.0
    cpu_ms: float = 0.0
    queue_ms: float = 0.0
    start_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    memory_peak_bytes: int = 0
    latency: dict[int, int] = msgspec.field(default_factory=dict)
    starts: dict[int, int] = msgspec.field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        """Add another one to this one."""
        self.calls += other.calls
        self.errors += other.errors
        self.cold += other.cold
        self.wall_ms += other.wall_ms
        self.cpu_ms += other.cpu_ms
        self.queue_ms += other.queue_ms
        self.start_ms += other.start_ms
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.memory_peak_bytes = max(self.memory_peak_bytes, other.memory_peak_bytes)
        for name, count in other.endings.items():
            self.endings[name] = self.endings.get(name, 0) + count
        _add(self.latency, other.latency)
        _add(self.starts, other.starts)

    def point(self, at: float, key: tuple[str, ...]) -> Point:
        """Give it as it is answered."""
        return Point(at=at, key=key, **msgspec.structs.asdict(self))


def _add(into: dict[int, int], counts: Mapping[int, int]) -> None:
    for bucket, count in counts.items():
        into[bucket] = into.get(bucket, 0) + count


def points(lines: Iterable[tuple[Line, Tally]], wanted: SeriesWanted) -> list[Point]:
    """Add up tallies by step and key, in the order of time and keys."""
    found: dict[tuple[float, tuple[str, ...]], Tally] = {}
    for line, tally in lines:
        at = wanted.since
        if wanted.step_s:
            at += (line.at - wanted.since) // wanted.step_s * wanted.step_s
        place = (max(at, wanted.since), tuple(getattr(line, name) for name in wanted.by))
        into = found.get(place)
        if into is None:
            found[place] = into = Tally()
        into.add(tally)
    return [found[at, key].point(at, key) for at, key in sorted(found)]


class Stats(Protocol):
    """Reads what the meter added up by the minute."""

    async def series(self, wanted: SeriesWanted) -> Sequence[Point]: ...
