"""Records and log lines in a SQLite file of their own, written in batches off the loop."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from tapwater_server.backends.sqlite import blocks
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Asked, LogLine, MeterStats, Record, Span, Use

T = TypeVar("T")

FLUSH_S = 0.5
WAITING_MAX = 100_000  # Of either; ten seconds of a loud machine whose disk has stopped.
LINE_CHARS_WAITING_MAX = 64 << 20
BATCH_MAX = 10_000  # Of either, in one transaction.
KEPT_BYTES_MAX = 4 << 30  # On disk, whatever their age.


@dataclass(slots=True)
class _Batch:
    records: list[Record]
    lines: list[LogLine]


class SqliteMeter:
    """See the promises of ``ports/meter.py``. Writes by itself, half a second after a note."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        waiting_max: int = WAITING_MAX,
        kept_bytes_max: int = KEPT_BYTES_MAX,
    ) -> None:
        self._database = database
        self._clock = clock
        self._waiting_max = waiting_max
        self._kept_bytes_max = kept_bytes_max
        self._records: deque[Record] = deque()
        self._lines: deque[LogLine] = deque()
        self._spans: deque[Span] = deque(maxlen=waiting_max)
        self._uses: deque[Use] = deque(maxlen=waiting_max)
        self._when_noted: list[Callable[[Record], None]] = []
        self._when_used: list[Callable[[Use], None]] = []
        self._line_chars = 0
        self._noted = self._said = self._dropped = self._failed = self._in_flight = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._closed = False

    def note(self, record: Record) -> None:
        self._noted += 1
        self._records.append(record)
        for told in self._when_noted:
            told(record)
        if len(self._records) > self._waiting_max:
            self._records.popleft()
            self._dropped += 1
        if self._timer is None:
            self._arm()

    def log(self, line: LogLine) -> None:
        self._said += 1
        self._lines.append(line)
        self._line_chars += len(line.text)
        while len(self._lines) > self._waiting_max or self._line_chars > LINE_CHARS_WAITING_MAX:
            self._line_chars -= len(self._lines.popleft().text)
            self._dropped += 1
        if self._timer is None:
            self._arm()

    def span(self, span: Span) -> None:
        self._spans.append(span)

    def use(self, use: Use) -> None:
        self._uses.append(use)
        for told in self._when_used:
            told(use)

    def when_noted(self, told: Callable[[Record], None]) -> None:
        self._when_noted.append(told)

    def when_used(self, told: Callable[[Use], None]) -> None:
        self._when_used.append(told)

    async def spans(self, trace: str) -> Sequence[Span]:
        return [span for span in self._spans if span.trace == trace]

    async def records(self, asked: Asked) -> Sequence[Record]:
        await self.flush()
        return await self._database.read(partial(blocks.find_records, asked=asked))

    async def lines(self, asked: Asked) -> Sequence[LogLine]:
        await self.flush()
        return await self._database.read(partial(blocks.find_lines, asked=asked))

    async def flush(self) -> None:
        """Write everything that waits now. A disk that refuses leaves it waiting."""
        failed = self._failed
        while self._waiting() and failed == self._failed:
            await asyncio.wait([self._writing or self._send()])

    def stats(self) -> MeterStats:
        return MeterStats(
            records=self._noted, lines=self._said, dropped=self._dropped, waiting=self._waiting()
        )

    async def prune(self, *, older_than_s: float) -> int:
        """Forget what is too old or too much; say how many blocks that were."""
        until = self._clock.now() - older_than_s
        work = partial(blocks.prune, until=until, bytes_max=self._kept_bytes_max)
        return await self._database.write(work)

    async def close(self) -> None:
        """Write what waits, then write nothing more by itself."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self.flush()
        self._dropped += self._waiting()

    def _waiting(self) -> int:
        return len(self._records) + len(self._lines) + self._in_flight

    def _arm(self) -> None:
        """See to it that what waits is written in a while."""
        if not self._closed:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._writing is None and self._waiting():
            self._send()

    def _send(self) -> "asyncio.Future[None]":
        """Hand a batch to the writing thread. One is in flight at a time."""
        batch = _Batch(_take(self._records), _take(self._lines))
        self._line_chars -= sum(len(line.text) for line in batch.lines)
        self._in_flight = len(batch.records) + len(batch.lines)
        writing = self._database.submit(partial(_write, batch))
        writing.add_done_callback(partial(self._written, batch))
        self._writing = writing
        return writing

    def _written(self, batch: _Batch, writing: "asyncio.Future[None]") -> None:
        """It is on disk; or it waits again, before what came later, as far as there is room."""
        self._writing = None
        self._in_flight = 0
        if writing.cancelled() or writing.exception() is not None:
            self._failed += 1
            self._put_back(batch)
        if self._waiting() and self._timer is None:
            self._arm()

    def _put_back(self, batch: _Batch) -> None:
        room = self._waiting_max - len(self._records)
        kept = batch.records[max(0, len(batch.records) - room) :]
        self._dropped += len(batch.records) - len(kept)
        self._records.extendleft(reversed(kept))
        for line in reversed(batch.lines):
            chars = self._line_chars + len(line.text)
            if len(self._lines) >= self._waiting_max or chars > LINE_CHARS_WAITING_MAX:
                self._dropped += 1
                continue
            self._line_chars = chars
            self._lines.appendleft(line)


def _take(waiting: deque[T]) -> list[T]:
    return [waiting.popleft() for _ in range(min(BATCH_MAX, len(waiting)))]


def _write(batch: _Batch, connection: sqlite3.Connection) -> None:
    if batch.records:
        blocks.add(connection, "record", batch.records)
    if batch.lines:
        blocks.add(connection, "line", batch.lines)
