"""What was seen of one function's calls: counts and histograms that can be added up."""

from dataclasses import dataclass, field
from typing import TypeVar

from tapwater_server.ports.meter import Record
from tapwater_server.ports.stats import bucket_of

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

    def note(self, record: Record) -> None:
        """Add one call."""
        ending, took_ms = record.ending, record.queue_ms + record.wall_ms
        self.calls += 1
        self.endings[ending] = self.endings.get(ending, 0) + 1
        if ending not in FINE:
            self.errors += 1
        bucket = bucket_of(took_ms)
        self.latency[bucket] = self.latency.get(bucket, 0) + 1
        self.latency_ms += took_ms
        self.queue_ms += record.queue_ms
        self.cpu_ms += record.cpu_ms
        self.bytes_in += record.bytes_in
        self.bytes_out += record.bytes_out
        if record.memory_peak_bytes > self.memory_peak_bytes:
            self.memory_peak_bytes = record.memory_peak_bytes
        if record.cold:
            self.cold += 1
            started = bucket_of(record.start_ms)
            self.starts[started] = self.starts.get(started, 0) + 1
            self.start_ms += record.start_ms

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


def _add(sums: dict[K, int], more: dict[K, int]) -> None:
    for key, count in more.items():
        sums[key] = sums.get(key, 0) + count
