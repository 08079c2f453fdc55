"""Event log → matching → bus. One loop; its cursor says how far it has come.

The cursor is written down after the errands are, and not each time: what is read again after a
crash gives the same errands, and the bus takes each of them once.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tapwater_server.events.audience import Audience
from tapwater_server.events.contexts import event_span
from tapwater_server.events.matching import errand_of
from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.ports.bus import Bus, Errand
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog, Logged
from tapwater_server.ports.tracing import Spans, unseen

CURSOR = "relay"
READ_MAX = 256  # Events at a time: bounds what is repeated and how large a write becomes.
GROUP_BYTES = 8 << 20  # Of errands published at once; one errand more does no harm.
CURSOR_S = 0.5  # How often the cursor is written down while there is much to do.
AGAIN_S = 1.0  # After the log or the bus could not be used.

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayStats:
    """What the relay has done since it started."""

    seq: int
    events: int
    errands: int
    poison: int  # events that could not be matched or published, by a mistake of ours
    failed: int  # steps


class Relay:
    """Reads the log by rising ``seq`` and publishes an errand for each trigger that fits."""

    def __init__(
        self,
        *,
        log: EventLog,
        bus: Bus,
        audience: Audience,
        clock: Clock,
        spans: Spans = unseen,
    ) -> None:
        self._eventlog, self._bus = log, bus
        self._audience, self._clock = audience, clock
        self._spans = spans
        self._seq = -1  # not read yet
        self._written, self._written_at = -1, 0.0
        self._counts = {"events": 0, "errands": 0, "poison": 0, "failed": 0}

    def stats(self) -> RelayStats:
        return RelayStats(seq=self._seq, **self._counts)

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            try:
                if await self.step() == 0:
                    await self._write_cursor()
                    await self._eventlog.wait_appended(self._seq)
            except Exception:  # The border of a loop's step: a full disk is no end of the line.
                self._counts["failed"] += 1
                _log.exception("the event log could not be relayed", extra={"seq": self._seq})
                await self._clock.sleep(AGAIN_S)

    async def step(self) -> int:
        """Relay what is there, up to a ceiling; say how many events."""
        if self._seq < 0:
            self._seq = self._written = await self._eventlog.cursor(CURSOR)
            self._written_at = self._clock.monotonic()
        logged = await self._eventlog.read(after=self._seq, count_max=READ_MAX)
        if not logged:
            return 0
        for errands in self._matched(logged):
            await self._publish(errands)
        self._seq = logged[-1].seq
        self._counts["events"] += len(logged)
        if self._clock.monotonic() - self._written_at >= CURSOR_S:
            await self._write_cursor()
        return len(logged)

    def _matched(self, logged: Sequence[Logged]) -> Iterator[Sequence[Errand]]:
        """Make the errands, a group at a time: each of a hundred triggers has the data again."""
        group, size = list[Errand](), 0
        for errand in self._made(logged):
            group.append(errand)
            size += len(errand.body)
            if size >= GROUP_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _made(self, logged: Sequence[Logged]) -> Iterator[Errand]:
        now = self._clock.now()
        for one in logged:
            try:
                matches = self._audience.match(one.event)
                for match in matches:
                    yield errand_of(match, one.event, now=now)
                yield from self._audience.heard(one.event)
                if matches:
                    self._spans(event_span(one.event, len(matches), now=now))
            except Exception:  # One event that we cannot handle must not stop all later ones.
                self._poison(one.event.app, one.event.id, one.seq)

    async def _publish(self, errands: Sequence[Errand]) -> None:
        """Publish all; if they are refused, each by itself, leaving out what never fits."""
        try:
            self._counts["errands"] += await self._bus.publish(errands)
        except (Invalid, TooLarge):
            for errand in errands:
                try:
                    self._counts["errands"] += await self._bus.publish([errand])
                except (Invalid, TooLarge):
                    self._poison(errand.app, errand.event, 0)

    def _poison(self, app: str, event: str, seq: int) -> None:
        self._counts["poison"] += 1
        _log.exception(
            "an event could not be relayed", extra={"app": app, "event": event, "seq": seq}
        )

    async def _write_cursor(self) -> None:
        if self._seq != self._written:
            await self._eventlog.move_cursor(CURSOR, self._seq)
            self._written, self._written_at = self._seq, self._clock.monotonic()
