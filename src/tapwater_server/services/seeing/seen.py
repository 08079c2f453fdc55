"""What was seen of one function's calls: counts and histograms that can be added up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tapwater_server.ports.meter import Record
from tapwater_server.ports.stats import histogram

K = TypeVar("K", int, str)

FINE = frozenset({"ok", "cancelled"})


@dataclass(slots=True)
class Seen:
    """Sums of some calls. Not frozen: it is added to for each call."""

    calls: int = 0
    errors: int = 0
    cold: int = 0
    endings: dict[str, int] = field(default_factory=dict)
    latency: dict[int, int] = field(default_factory=dict)  # bucket -> calls; queue + wall
    starts: dict[int, int] = field(default_factory=dict)  # bucket -> cold starts
    latency_ms: float = 0.0  # sums
    start_ms: float = 0.0
    queue_ms: float = 0.0
    cpu_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    memory_peak_bytes: int = 0  # the largest

    def note(self, records: Sequence[Record]) -> None:
        """Add calls: some thousand a second, on the loop. Lists are added up by what runs in C."""
        times = [one.queue_ms + one.wall_ms for one in records]
        endings = Counter([one.ending for one in records])
        self.calls += len(times)
        self.errors += sum([count for ending, count in endings.items() if ending not in FINE])
        _add(self.endings, endings)
        _add(self.latency, histogram(times))
        self.latency_ms += sum(times)
        self.queue_ms += sum([one.queue_ms for one in records])
        self.cpu_ms += sum([one.cpu_ms for one in records])
        self.bytes_in += sum([one.bytes_in for one in records])
        self.bytes_out += sum([one.bytes_out for one in records])
        peak = max([one.memory_peak_bytes for one in records])
        self.memory_peak_bytes = max(self.memory_peak_bytes, peak)
        starts = [one.start_ms for one in records if one.cold]
        if starts:
            self.cold += len(starts)
            self.start_ms += sum(starts)
            _add(self.starts, histogram(starts))

    def add(self, other: "Seen") -> None:
        """Add another's sums to these."""
        self.calls += other.calls
        self.errors += other.errors
        self.cold += other.cold
        _add(self.endings, other.endings)
        _add(self.latency, other.latency)
        _add(self.starts, other.starts)
        self.latency_ms += other.latency_ms
        self.start_ms += other.start_ms
        self.queue_ms += other.queue_ms
        self.cpu_ms += other.cpu_ms
        self.bytes_in += other.bytes_in
        self.bytes_out += other.bytes_out
        self.memory_peak_bytes = max(self.memory_peak_bytes, other.memory_peak_bytes)


def _add(sums: dict[K, int], more: Mapping[K, int]) -> None:
    for key, count in more.items():
        sums[key] = sums.get(key, 0) + count
