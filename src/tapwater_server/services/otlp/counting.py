"""Sums and histograms of invocations since the start, as OTLP metrics. Pure, but for its memory."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.ports.meter import Record
from tapwater_server.services.otlp.conventions import Json, attributes, nanos

# Seconds, as the conventions of HTTP have them, with finer steps for calls that take little.
BOUNDS: Sequence[float] = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0,
    7.5, 10.0,
)  # fmt: skip
FUNCTIONS_MAX = 5_000  # More are counted as "(other)".
METRICS_MAX = 10 * FUNCTIONS_MAX
OTHER = ("(other)", "(other)")
_CUMULATIVE = 2
_FINE = frozenset({"ok", "cancelled"})


@dataclass(slots=True)
class _Histogram:
    count: int = 0
    total: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self.buckets[bisect_left(BOUNDS, value)] += 1


@dataclass(slots=True)
class _Sums:
    calls: int = 0
    errors: int = 0
    timeouts: int = 0
    cold: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    cpu_s: float = 0.0
    duration: _Histogram = field(default_factory=_Histogram)
    start: _Histogram = field(default_factory=_Histogram)
    memory_bytes: int = 0  # the latest peak


class Counting:
    """Adds up records by app and function."""

    def __init__(self, *, started_at: float) -> None:
        self._started = nanos(started_at)
        self._sums: dict[tuple[str, str], _Sums] = {}

    def add(self, record: Record) -> None:
        key = (record.app, record.function)
        sums = self._sums.get(key)
        if sums is None:
            if len(self._sums) >= FUNCTIONS_MAX:
                key = OTHER
            sums = self._sums.setdefault(key, _Sums())
        sums.calls += 1
        sums.errors += record.ending not in _FINE
        sums.timeouts += record.ending == "timed_out"
        sums.cold += record.cold
        sums.bytes_in += record.bytes_in
        sums.bytes_out += record.bytes_out
        sums.cpu_s += record.cpu_ms / 1e3
        sums.duration.add(record.wall_ms / 1e3)
        if record.cold:
            sums.start.add((record.start_ms or record.queue_ms) / 1e3)
        sums.memory_bytes = record.memory_peak_bytes or sums.memory_bytes

    def forget(self, app: str) -> None:
        """An app is gone."""
        self._sums = {key: sums for key, sums in self._sums.items() if key[0] != app}

    def metrics(self, *, at: float) -> Iterator[Sequence[tuple[str, Json]]]:
        """Write those of one function after the other, each with its app."""
        now = nanos(at)
        for (app, function), sums in self._sums.items():
            yield [(app, metric) for metric in self._of(function, sums, now)]

    def _of(self, function: str, sums: _Sums, now: str) -> list[Json]:
        point = {
            "attributes": attributes({"faas.name": function}),
            "startTimeUnixNano": self._started,
            "timeUnixNano": now,
        }
        return [
            _sum("faas.invocations", "{invocation}", point, sums.calls),
            _sum("faas.errors", "{error}", point, sums.errors),
            _sum("faas.timeouts", "{timeout}", point, sums.timeouts),
            _sum("faas.coldstarts", "{coldstart}", point, sums.cold),
            _sum("tapwater.request.bytes", "By", point, sums.bytes_in),
            _sum("tapwater.response.bytes", "By", point, sums.bytes_out),
            _sum("tapwater.cpu.time", "s", point, sums.cpu_s),
            _histogram("faas.invoke_duration", point, sums.duration),
            _histogram("faas.init_duration", point, sums.start),
            {
                "name": "tapwater.memory.peak",
                "unit": "By",
                "gauge": {"dataPoints": [{**point, **_number(sums.memory_bytes)}]},
            },
        ]


def _sum(name: str, unit: str, point: Json, value: float) -> Json:
    return {
        "name": name,
        "unit": unit,
        "sum": {
            "aggregationTemporality": _CUMULATIVE,
            "isMonotonic": True,
            "dataPoints": [{**point, **_number(value)}],
        },
    }


def _number(value: float) -> dict[str, Any]:
    return {"asInt": str(value)} if isinstance(value, int) else {"asDouble": value}


def _histogram(name: str, point: Json, histogram: _Histogram) -> Json:
    said: Json = {
        **point,
        "count": str(histogram.count),
        "sum": histogram.total,
        "bucketCounts": [str(count) for count in histogram.buckets],
        "explicitBounds": list(BOUNDS),
    }
    return {
        "name": name,
        "unit": "s",
        "histogram": {"aggregationTemporality": _CUMULATIVE, "dataPoints": [said]},
    }
