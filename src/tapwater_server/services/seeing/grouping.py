"""Puts calls that did not end well into groups, off the hot path, and says which are news."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tapwater_server.model.fault import REVISIONS_MAX, SAMPLES_MAX, TITLE_CHARS_MAX, Fault
from tapwater_server.model.foreign_fault import traceback_in
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.faults import Faults, Stirred
from tapwater_server.ports.meter import Asked, Meter, Record
from tapwater_server.services.seeing.pulse import Beat

WAITING_MAX = 2_000  # Groups between two writes; what is more is counted, and no group.
TRACES_AT_ONCE_MAX = 20  # News whose tracebacks are looked up; a bad deploy makes many at once.
LINES_LOOKED_AT_MAX = 1_000
AGAIN_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Came:
    """What came of one group since the last write. Not frozen: it is added to for each call."""

    first: Record
    count: int = 0
    last_at: float = 0.0
    revisions: dict[str, int] = field(default_factory=dict)
    samples: list[str] = field(default_factory=list)

    def add(self, record: Record) -> None:
        self.count += 1
        self.last_at = max(self.last_at, record.at)
        if record.revision in self.revisions or len(self.revisions) < REVISIONS_MAX:
            self.revisions[record.revision] = self.revisions.get(record.revision, 0) + 1
        self.samples.append(record.id)
        del self.samples[:-SAMPLES_MAX]

    def join(self, later: "_Came") -> None:
        self.count += later.count
        self.last_at = max(self.last_at, later.last_at)
        for revision, count in later.revisions.items():
            self.revisions[revision] = self.revisions.get(revision, 0) + count
        self.samples = [*self.samples, *later.samples][-SAMPLES_MAX:]

    def fault(self) -> Fault:
        record = self.first
        return Fault(
            id=record.fault,
            app=AppId(record.app),
            function=record.function,
            ending=record.ending,
            error=_text(record.error),
            title=_text(record.message)[:TITLE_CHARS_MAX] or record.ending,
            where=_text(record.where),
            first_at=record.at,
            last_at=self.last_at,
            count=self.count,
            revisions=dict(self.revisions),
            samples=tuple(reversed(self.samples)),
        )


class Grouping:
    """Hears of each second (``note``), writes down what came (``run()`` must run beside it)."""

    def __init__(
        self,
        *,
        faults: Faults,
        meter: Meter,
        clock: Clock,
        exists: Callable[[AppId], bool] = lambda app: True,
    ) -> None:
        self._faults, self._meter, self._clock = faults, meter, clock
        self._exists = exists
        self._waiting: dict[str, _Came] = {}
        self._listeners: list[Callable[[Stirred], None]] = []
        self._arrived, self._writing = asyncio.Event(), asyncio.Lock()
        self.ungrouped = 0

    def when_stirred(self, told: Callable[[Stirred], None]) -> None:
        """Whom to call with each group that is new or open again."""
        self._listeners.append(told)

    def note(self, beat: Beat) -> None:
        """Take the calls of a second that did not end well."""
        for record in beat.failed:
            if not record.fault or record.replay_of:
                continue  # Somebody looks into a mistake that is known: no news, and no regression.
            came = self._waiting.get(record.fault)
            if came is None:
                if len(self._waiting) >= WAITING_MAX:
                    self.ungrouped += 1
                    continue
                came = self._waiting[record.fault] = _Came(record)
            came.add(record)
        if self._waiting:
            self._arrived.set()

    async def run(self) -> None:
        """Write down what comes, until cancelled."""
        while True:
            await self._arrived.wait()
            try:
                await self.step()
            except Exception:
                # The border of a loop's step: a full disk is no end of grouping.
                _log.exception("groups of errors could not be written down")
                await self._clock.sleep(AGAIN_S)

    async def step(self) -> int:
        """Write down what waits; say how many groups that were. What fails waits on."""
        async with self._writing:
            return await self._write()

    async def _write(self) -> int:
        waiting, self._waiting = self._waiting, {}
        self._arrived.clear()
        if not waiting:
            return 0
        try:
            came = [one.fault() for one in waiting.values()]
            # Of an app that was removed meanwhile, nothing is to be kept any more.
            stirred = await self._faults.note([one for one in came if self._exists(one.app)])
        except BaseException:
            self._put_back(waiting)
            raise
        for one in stirred:
            for told in self._listeners:
                told(one)
        await self._keep_traces(stirred[:TRACES_AT_ONCE_MAX])
        return len(waiting)

    def _put_back(self, waiting: dict[str, _Came]) -> None:
        for id, came in self._waiting.items():
            if id in waiting:
                waiting[id].join(came)
            else:
                waiting[id] = came
        self._waiting = waiting
        self._arrived.set()

    async def _keep_traces(self, stirred: Sequence[Stirred]) -> None:
        """Copy the traceback from the log: the group outlives the lines."""
        for one in stirred:
            sample = one.fault.samples[0]
            wanted = Asked(invocation=sample, level="error", count_max=LINES_LOOKED_AT_MAX)
            lines = await self._meter.lines(wanted)
            trace = next(filter(None, (traceback_in(line.text) for line in lines)), "")
            if trace:
                await self._faults.keep_trace(one.fault.id, trace)


def _text(said: str) -> str:
    """What a guest says may have half a character in it, which no file takes."""
    return said.encode("utf-8", "replace").decode()
