"""How calls went, in memory: the reference, which adds up each call by itself."""

from collections import deque
from collections.abc import Sequence

from tapwater_server.model.usage import is_error
from tapwater_server.ports.meter import Meter, Record
from tapwater_server.ports.stats import (
    Line,
    Point,
    SeriesWanted,
    Tally,
    bucket_of,
    points,
)

KEPT_MAX = 100_000
_STEP_S = 60


class MemoryStats:
    """See the promises of ``ports/stats.py``. Listens to a meter."""

    def __init__(self, meter: Meter, *, kept_max: int = KEPT_MAX) -> None:
        self._calls: deque[tuple[Line, Tally]] = deque(maxlen=kept_max)
        meter.when_noted(self._note)

    async def series(self, wanted: SeriesWanted) -> Sequence[Point]:
        wanted.check()
        wanted = wanted.fitted(_STEP_S)
        lines = (one for one in self._calls if wanted.wants(one[0], step_s=_STEP_S))
        return points(lines, wanted)

    def _note(self, record: Record) -> None:
        line = Line(
            at=int(record.ended_at // _STEP_S) * _STEP_S,
            app=record.app,
            function=record.function,
            revision=record.revision,
            route=record.route,
        )
        self._calls.append((line, _tally(record)))


def _tally(record: Record) -> Tally:
    return Tally(
        calls=1,
        errors=int(is_error(record.ending)),
        endings={record.ending: 1},
        cold=int(record.cold),
        wall_ms=record.wall_ms,
        cpu_ms=record.cpu_ms,
        queue_ms=record.queue_ms,
        start_ms=record.start_ms,
        bytes_in=record.bytes_in,
        bytes_out=record.bytes_out,
        memory_peak_bytes=record.memory_peak_bytes,
        latency={bucket_of(record.queue_ms + record.wall_ms): 1},
        starts={bucket_of(record.start_ms): 1} if record.cold else {},
    )
