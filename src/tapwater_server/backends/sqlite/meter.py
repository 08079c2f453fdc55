"""Records, log lines, spans and sums in a SQLite file of their own, written in batches.

A record is encoded and put into the journal at once, and half a second later its bytes go into a
block and its amounts onto the sums, in one transaction with the place in the journal: what was
noted is stored exactly once, whenever the process is killed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tapwater_server.backends.sqlite import (
    blocks,
    blocks_erasing,
    blocks_finding,
    blocks_merging,
    sums,
)
from tapwater_server.backends.sqlite.adding import Added
from tapwater_server.backends.sqlite.blocks import encode
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.journal import Journal
from tapwater_server.backends.sqlite.meter_batch import (
    RECORD,
    USE,
    Batch,
    Batches,
    recovered,
)
from tapwater_server.model.errors import Overloaded, StorageFull
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.meter import Asked, LogLine, MeterStats, Record, Span, Use, tell

T = TypeVar("T")
_log = logging.getLogger(__name__)

FLUSH_S = 0.5
WAITING_MAX = 100_000  # Of each; ten seconds of a loud machine whose disk has stopped.
LINE_CHARS_WAITING_MAX = 64 << 20
YOUNG_S = 60.0  # Blocks that were just written are left as they are.
KEPT_BYTES_MAX = 4 << 30  # On disk, whatever their age.


class SqliteMeter:
    """See the promises of ``ports/meter.py``. Writes by itself, half a second after a note.

    What the last life left in the journal waits from the beginning, as if just noted.
    """

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        journal: Journal | None = None,
        project_of: Callable[[str], str] = lambda app: "default",
        waiting_max: int = WAITING_MAX,
        kept_bytes_max: int = KEPT_BYTES_MAX,
        sample: float = 1.0,  # share of the calls that ended well whose records are kept
    ) -> None:
        self._database, self._clock, self._journal = database, clock, journal
        self._waiting_max, self._kept_bytes_max = waiting_max, kept_bytes_max
        self._batches = Batches(journal=journal, project_of=project_of, sample=sample)
        self._put = journal.put if journal is not None else None
        self._records: deque[Record] = deque()
        self._raws: deque[bytes] = deque()  # the same, encoded
        self._uses: list[Use] = []
        self._lines: deque[LogLine] = deque()
        self._spans: deque[Span] = deque()
        self._early = Added(project_of=project_of)  # of records there was no room for
        self._line_chars = 0
        self._noted = self._said = self._stepped = self._used = 0
        self._dropped = self._failed = self._in_flight = self._unsafe = 0
        self._recovered = self._unread = 0
        self._when_noted: list[Callable[[Record], None]] = []
        self._when_used: list[Callable[[Use], None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._closed = False
        self._recover()

    def note(self, record: Record) -> None:
        try:
            raw = encode(record)
        except blocks.NOT_ENCODABLE:
            (record,), (raw,) = blocks.encoded([record])
        self._noted += 1
        self._records.append(record)
        self._raws.append(raw)
        if self._put is not None and not self._put(RECORD, raw):
            self._unsafe += 1
        if len(self._raws) > self._waiting_max:
            self._make_room()
        if self._timer is None:
            self._arm()
        for told in self._when_noted:
            tell(told, record)

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
        self._stepped += 1
        self._spans.append(span)
        if len(self._spans) > self._waiting_max:
            self._spans.popleft()
            self._dropped += 1
        if self._timer is None:
            self._arm()

    def use(self, use: Use) -> None:
        self._used += 1
        if not use.within:  # Else it is in a record.
            (use,), (raw,) = blocks.encoded([use])
            self._uses.append(use)
            if self._put is not None and not self._put(USE, raw):
                self._unsafe += 1
            if len(self._uses) > self._waiting_max:
                self._early.uses(self._uses)
                self._uses.clear()
            if self._timer is None:
                self._arm()
        for told in self._when_used:
            tell(told, use)

    def when_noted(self, told: Callable[[Record], None]) -> None:
        self._when_noted.append(told)

    def when_used(self, told: Callable[[Use], None]) -> None:
        self._when_used.append(told)

    async def records(self, asked: Asked) -> Sequence[Record]:
        await self.flush()
        return await self._database.read(partial(blocks_finding.find_records, asked=asked))

    async def lines(self, asked: Asked) -> Sequence[LogLine]:
        await self.flush()
        return await self._database.read(partial(blocks_finding.find_lines, asked=asked))

    async def spans(self, trace: str) -> Sequence[Span]:
        await self.flush()
        return await self._database.read(partial(blocks_finding.find_spans, trace=trace))

    async def flush(self) -> None:
        """Write everything that waits now. A disk that refuses leaves it waiting."""
        failed = self._failed
        while self._waiting() and failed == self._failed:
            await asyncio.wait([self._writing or self._send()])

    def stats(self) -> MeterStats:
        return MeterStats(
            records=self._noted,
            lines=self._said,
            dropped=self._dropped,
            waiting=self._waiting(),
            spans=self._stepped,
            uses=self._used,
            recovered=self._recovered,
            unsafe=self._unsafe,
            lost=self._unread + (self._journal.stats().lost if self._journal is not None else 0),
        )

    async def prune(self, *, older_than_s: float) -> int:
        """Forget what is too old or too much; say how many blocks that were. Small blocks that
        are left become large ones.
        """
        now = self._clock.now()
        drop = partial(blocks.prune, until=now - older_than_s, bytes_max=self._kept_bytes_max)
        dropped = await self._database.write(drop)
        await self._database.write(partial(sums.prune, now=now, tallies_s=older_than_s))
        await self._database.write(partial(blocks_merging.merge, until=now - YOUNG_S))
        return dropped

    async def erase(self, app: str) -> None:
        """Keep nothing of an app that is gone but its sums, which are on bills."""
        await self.flush()
        while await self._database.write(partial(blocks_erasing.erase, app=app)):
            pass

    async def close(self) -> None:
        """Write what waits, then write nothing more by itself."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self.flush()
        self._dropped += self._waiting()
        if self._journal is not None:
            self._journal.close()

    def _recover(self) -> None:
        """Take up what the last life noted and did not store."""
        for frame in self._journal.take_left() if self._journal is not None else ():
            match recovered(frame):
                case Record() as record:
                    self._records.append(record)
                    self._raws.append(frame.data)
                case Use() as use:
                    self._uses.append(use)
                case None:
                    self._unread += 1
                    continue
            self._recovered += 1
        if self._unread:
            _log.error("%d items of the journal cannot be read, and are lost", self._unread)

    def _waiting(self) -> int:
        waiting = len(self._records) + len(self._lines) + len(self._spans) + len(self._uses)
        return waiting + self._in_flight

    def _make_room(self) -> None:
        """Add the oldest record up now, and drop it: the sums have room for what they are of."""
        self._raws.popleft()
        self._early.records([self._records.popleft()])
        self._dropped += 1

    def _arm(self) -> None:
        """See to it that what waits is written in a while."""
        if not self._closed:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._writing is None and self._waiting():
            self._send()

    def _send(self) -> "asyncio.Future[None]":
        """Hand all that waits to the writing thread. One batch is in flight at a time."""
        batch = Batch(
            records=list(self._records),
            raws=list(self._raws),
            uses=self._uses,
            lines=list(self._lines),
            spans=list(self._spans),
            early=self._early,
            position=self._journal.position if self._journal is not None else 0,
        )
        self._records.clear()
        self._raws.clear()
        self._lines.clear()
        self._spans.clear()
        self._uses, self._early = [], self._batches.nothing()
        self._line_chars = 0
        self._in_flight = len(batch)
        writing = self._database.submit(partial(self._batches.write, batch))
        writing.add_done_callback(partial(self._written, batch))
        self._writing = writing
        return writing

    def _written(self, batch: Batch, writing: "asyncio.Future[None]") -> None:
        """It is on disk; or it waits again, before what came later, as far as there is room."""
        self._writing = None
        self._in_flight = 0
        if writing.cancelled() or writing.exception() is not None:
            self._note_failure(writing)
            self._put_back(batch)
        elif self._journal is not None:
            self._journal.done(batch.position)
        if self._waiting() and self._timer is None:
            self._arm()

    def _note_failure(self, writing: "asyncio.Future[None]") -> None:
        self._failed += 1
        error = None if writing.cancelled() else writing.exception()
        if error is not None and not isinstance(error, StorageFull | Overloaded):
            # Not the disk, of which the database itself tells: a bug of ours.
            _log.error("records could not be stored, and wait", exc_info=error)

    def _put_back(self, batch: Batch) -> None:
        self._batches.forget()
        self._early = self._batches.both(batch.early, self._early)
        self._uses = batch.uses + self._uses
        self._records.extendleft(reversed(batch.records))
        self._raws.extendleft(reversed(batch.raws))
        while len(self._records) > self._waiting_max:
            self._make_room()
        self._dropped += _put_back(self._spans, batch.spans, self._waiting_max)
        self._dropped += _put_back(self._lines, batch.lines, self._waiting_max)
        self._line_chars = sum(len(line.text) for line in self._lines)


def _put_back(waiting: deque[T], items: list[T], count_max: int) -> int:
    """Put what was taken back in front, the oldest aside; say how many found no room."""
    room = max(count_max - len(waiting), 0)
    kept = items[len(items) - room :] if room < len(items) else items
    waiting.extendleft(reversed(kept))
    return len(items) - len(kept)
