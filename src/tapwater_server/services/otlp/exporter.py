"""The loop that sends what was seen. To it a call costs an append; a dead collector, not more.

Whatever is sent is sent from memory: what waits when the process dies is lost here (it is in the
node's own store), and nothing is sent twice by a new start. A batch whose answer was lost is sent
again, as OTLP asks for: a collector may see it twice.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tapwater_server.model.sampling import has_failed
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.meter import LogLine, Record, Span
from tapwater_server.ports.shipping import Receipt, Shipper
from tapwater_server.services.otlp import conventions as said
from tapwater_server.services.otlp.counting import METRICS_MAX, Counting
from tapwater_server.services.otlp.encoding import (
    LOGS,
    METRICS,
    TRACES,
    Signal,
    encode,
    media_type,
    read_rejected,
)
from tapwater_server.services.otlp.outbox import Item, Waiting
from tapwater_server.services.otlp.retrying import Again, Lost, Taken, decide

EVERY_S = 1.0
METRICS_EVERY_S = 15.0
INBOX_MAX = 50_000  # Seen and not looked at: a second of more than any node does.
WAITING_MAX = 20_000  # Of one signal, written and not sent: a few megabytes.
BATCH_MAX = 512
BATCHES_AT_ONCE_MAX = 20  # Then others have their turn, and the clock is looked at.
LOOKED_AT_ONCE_MAX = 500
FUNCTIONS_AT_ONCE_MAX = 50  # Whose numbers are written before others have their turn.
GOODBYE_S = 5.0  # What is left at the end of the process is tried so long.
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExporterStats:
    """What was sent and what was lost, by signal."""

    sent: Mapping[str, int]
    lost: Mapping[str, int]  # for want of room, or because they were refused
    waiting: Mapping[str, int]
    failing: bool


class _Line:
    """One signal on its way."""

    def __init__(self, signal: Signal, *, items_max: int) -> None:
        self.signal = signal
        self.waiting = Waiting(items_max=items_max)
        self.sent = self.refused = 0
        self.failures = 0  # in a row
        self.not_before = 0.0


class Exporter:
    """``note`` and ``hear`` are for the meter to call; ``run()`` must run beside it."""

    def __init__(
        self,
        *,
        shipper: Shipper,
        protocol: str,
        sample: float,
        node: str,
        clock: Clock,
        ids: IdSource,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self._shipper, self._protocol = shipper, protocol
        self._sample, self._node = sample, node
        self._clock, self._ids = clock, ids
        self._records: deque[Record] = deque()
        self._said: deque[LogLine | Span] = deque()
        self._overrun = 0
        self._counting = Counting(started_at=clock.now())
        self._metrics_at = clock.monotonic()
        self._traces = _Line(TRACES, items_max=waiting_max)
        self._logs = _Line(LOGS, items_max=waiting_max)
        self._metrics = _Line(METRICS, items_max=METRICS_MAX)
        self._lines: Sequence[_Line] = (self._traces, self._logs, self._metrics)
        self.forget = self._counting.forget

    def note(self, record: Record) -> None:
        """An invocation has ended."""
        self._records.append(record)
        if len(self._records) > INBOX_MAX:
            self._records.popleft()
            self._overrun += 1

    def hear(self, one: LogLine | Span) -> None:
        """A line was said, or a step has ended."""
        self._said.append(one)
        if len(self._said) > INBOX_MAX:
            self._said.popleft()
            self._overrun += 1

    def stats(self) -> ExporterStats:
        return ExporterStats(
            sent={line.signal.name: line.sent for line in self._lines},
            lost={
                **{line.signal.name: line.waiting.dropped + line.refused for line in self._lines},
                "unseen": self._overrun,
            },
            waiting={line.signal.name: len(line.waiting) for line in self._lines},
            failing=any(line.failures for line in self._lines),
        )

    async def run(self) -> None:
        """Send until cancelled; then what is left, if it goes quickly."""
        try:
            while True:
                if await self.step() == 0:
                    await self._clock.sleep(EVERY_S)
        finally:
            await self._say_goodbye()

    async def step(self) -> int:
        """Look at what came, send what may be sent; say how many batches were taken."""
        try:
            await self._look()
            await self._write_metrics()
            return sum([await self._send(line) for line in self._lines])
        except Exception:
            # A border: a mistake of ours with one batch must not end the sending of all later ones.
            _log.exception("telemetry could not be sent")
            return 0

    async def _look(self) -> None:
        """Turn what came into what is sent, some at a time."""
        for _ in range(INBOX_MAX // LOOKED_AT_ONCE_MAX):
            for _ in range(min(LOOKED_AT_ONCE_MAX, len(self._records))):
                self._take(self._records.popleft())
            for _ in range(min(LOOKED_AT_ONCE_MAX, len(self._said))):
                self._take_said(self._said.popleft())
            if not self._records and not self._said:
                return
            await self._clock.sleep(0)

    def _take(self, record: Record) -> None:
        self._counting.add(record)
        if has_failed(record.ending, record.status) or self._sampled(record.trace):
            self._traces.waiting.add((record.app, one) for one in said.spans_of_record(record))

    def _take_said(self, one: LogLine | Span) -> None:
        if isinstance(one, Span):
            if not one.ok or self._sampled(one.trace):
                self._traces.waiting.add([(one.app, said.span(one))])
        else:
            self._logs.waiting.add([(one.app, said.log_record(one))])

    def _sampled(self, trace: str) -> bool:
        """Decide by the trace's id, so that all of a trace goes or stays."""
        if self._sample >= 1.0:
            return True
        return bool(trace) and int(trace[16:32], 16) < self._sample * 2**64

    async def _write_metrics(self) -> None:
        now = self._clock.monotonic()
        if now - self._metrics_at < METRICS_EVERY_S:
            return
        self._metrics_at = now
        # Sums say all that earlier ones said: those that still wait are not sent any more.
        self._metrics.waiting.take(len(self._metrics.waiting))
        for count, of_function in enumerate(self._counting.metrics(at=self._clock.now()), 1):
            self._metrics.waiting.add(of_function)
            if count % FUNCTIONS_AT_ONCE_MAX == 0:
                await self._clock.sleep(0)

    async def _send(self, line: _Line) -> int:
        taken = 0
        while line.waiting and taken < BATCHES_AT_ONCE_MAX:
            if self._clock.monotonic() < line.not_before:
                break
            batch = line.waiting.take(BATCH_MAX)
            if not await self._send_batch(line, batch):
                break
            taken += 1
        return taken

    async def _send_batch(self, line: _Line, batch: Sequence[Item]) -> bool:
        """Send one batch; False: not now."""
        try:
            receipt = await self._ship(line.signal, batch)
        except asyncio.CancelledError:
            line.waiting.put_back(batch)
            raise
        except ValueError:
            line.refused += len(batch)
            _log.exception("telemetry that cannot be written", extra={"signal": line.signal.name})
            return True
        match decide(receipt, failures=line.failures, chance=self._ids.chance()):
            case Taken():
                rejected = read_rejected(line.signal, receipt.body, self._protocol)
                line.refused += min(rejected, len(batch))
                line.sent += len(batch) - min(rejected, len(batch))
                self._note_failures(line, 0, "")
            case Again(delay_s, why):
                line.waiting.put_back(batch)
                line.not_before = self._clock.monotonic() + delay_s
                self._note_failures(line, line.failures + 1, why)
                return False
            case Lost(why):
                line.refused += len(batch)
                self._note_failures(line, line.failures + 1, why)
        return True

    async def _ship(self, signal: Signal, batch: Sequence[Item]) -> Receipt:
        outer, inner, scoped = _NAMES[signal.name]
        message = said.by_resource(batch, outer=outer, inner=inner, scoped=scoped, node=self._node)
        # On a thread: to write a batch as protobuf takes milliseconds.
        body = await asyncio.to_thread(encode, signal, message, self._protocol)
        headers = {"content-type": media_type(self._protocol)}
        return await self._shipper.send(signal.path, body, headers)

    def _note_failures(self, line: _Line, failures: int, why: str) -> None:
        """Say in the platform's log when it begins to fail, and when it goes again."""
        if bool(failures) != bool(line.failures):
            extra = {"signal": line.signal.name, "why": why}
            if failures:
                _log.warning("the collector of telemetry does not take it", extra=extra)
            else:
                _log.info("the collector of telemetry takes it again", extra=extra)
        line.failures = failures

    async def _say_goodbye(self) -> None:
        try:
            async with asyncio.timeout(GOODBYE_S):
                self._metrics_at -= METRICS_EVERY_S
                while await self.step():
                    pass
        except TimeoutError:
            left = sum(len(line.waiting) for line in self._lines)
            _log.warning("telemetry was left unsent", extra={"items": left})


_NAMES: Mapping[str, tuple[str, str, str]] = {
    "traces": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
}
