"""Records and log lines in memory: the reference, forgetting the oldest above a ceiling."""

from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice

from msgspec.structs import replace

from tapwater_server.ports.meter import Asked, LogLine, MeterStats, Record, Span, Use, tell

KEPT_MAX = 100_000


class MemoryMeter:
    """See the promises of ``ports/meter.py``."""

    def __init__(self, *, kept_max: int = KEPT_MAX) -> None:
        self._records: deque[Record] = deque(maxlen=kept_max)
        self._lines: deque[LogLine] = deque(maxlen=kept_max)
        self._spans: deque[Span] = deque(maxlen=kept_max)
        self._when_noted: list[Callable[[Record], None]] = []
        self._when_used: list[Callable[[Use], None]] = []
        self._seq = self._used = self._noted = self._dropped = 0

    def note(self, record: Record) -> None:
        self._dropped += len(self._records) == self._records.maxlen
        self._noted += 1
        self._records.append(record)
        for told in self._when_noted:
            tell(told, record)

    def log(self, line: LogLine) -> None:
        self._dropped += len(self._lines) == self._lines.maxlen
        self._seq += 1
        self._lines.append(replace(line, seq=self._seq))

    def span(self, span: Span) -> None:
        self._dropped += len(self._spans) == self._spans.maxlen
        self._spans.append(span)

    def use(self, use: Use) -> None:
        self._used += 1
        for told in self._when_used:
            tell(told, use)

    def when_noted(self, told: Callable[[Record], None]) -> None:
        self._when_noted.append(told)

    def when_used(self, told: Callable[[Use], None]) -> None:
        self._when_used.append(told)

    async def spans(self, trace: str) -> Sequence[Span]:
        return sorted((one for one in self._spans if one.trace == trace), key=lambda one: one.at)

    async def records(self, asked: Asked) -> Sequence[Record]:
        found = (record for record in reversed(self._records) if asked.wants_record(record))
        return list(islice(found, asked.count_max))

    async def lines(self, asked: Asked) -> Sequence[LogLine]:
        if asked.after_seq is not None:
            found = (line for line in self._lines if asked.wants_line(line))
            return list(islice(found, asked.count_max))
        newest = (line for line in reversed(self._lines) if asked.wants_line(line))
        return list(islice(newest, asked.count_max))[::-1]

    async def flush(self) -> None:
        """Nothing waits here."""

    def stats(self) -> MeterStats:
        return MeterStats(
            records=self._noted, lines=self._seq, dropped=self._dropped, waiting=0, uses=self._used
        )

    async def close(self) -> None:
        """Nothing is open here."""
