"""An invoker that wraps an invoker: every call leaves one record behind, off the hot path."""

from tapwater_server.model.function import Function
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.invoker import Call, Exchange, Invoker
from tapwater_server.ports.meter import LogLine, Meter, Record
from tapwater_server.ports.tracing import SPANS_PER_CALL_MAX, rest_of
from tapwater_server.services.metering.blaming import note_blame

_SILENT = (Ending.OK, Ending.CANCELLED, Ending.BUDGET, Ending.SLOWED)


class Recorded:
    """Passes calls on and notes how each ended. Adds no task and no I/O to a call."""

    def __init__(self, inner: Invoker, *, meter: Meter, clock: Clock) -> None:
        self._inner, self._meter, self._clock = inner, meter, clock

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        return self._inner.start(
            invocation, _Noting(invocation, exchange, self._meter, self._clock)
        )


class _Noting:
    """An exchange that looks at the status as it passes, and writes down the end."""

    __slots__ = ("_clock", "_exchange", "_invocation", "_meter", "_status", "body", "message")

    def __init__(
        self, invocation: Invocation, exchange: Exchange, meter: Meter, clock: Clock
    ) -> None:
        self._invocation, self._exchange = invocation, exchange
        self._meter, self._clock = meter, clock
        self._status = 0
        # Bodies pass straight through: bound methods of the caller's, no frame of ours between.
        self.body = exchange.body
        self.message = exchange.message

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self._status = status
        self._exchange.answered(status, headers, whole)

    def ended(self, outcome: Outcome) -> None:
        self._exchange.ended(outcome)
        invocation, usage = self._invocation, outcome.usage
        function: Function = invocation.function
        took_s = usage.queue_s + usage.wall_s
        context = invocation.traceparent.decode("ascii", "replace")
        record = Record(
            id=invocation.id,
            at=self._clock.now() - took_s,
            app=function.id.app,
            function=function.id.name,
            revision=invocation.revision,
            method=invocation.method,
            path=invocation.root_path + invocation.path,
            status=self._status,
            ending=outcome.ending.value,
            cold=usage.cold,
            queue_ms=usage.queue_s * 1e3,
            wall_ms=usage.wall_s * 1e3,
            cpu_ms=usage.cpu_s * 1e3,
            memory_peak_bytes=usage.memory_peak_bytes,
            bytes_in=usage.bytes_in,
            bytes_out=usage.bytes_out,
            instance=usage.instance,
            trace=context[3:35],
            span=context[36:52],
            parent=invocation.parent,
            event=invocation.event,
            delivery=invocation.delivery,
            attempt=invocation.attempt,
            message=outcome.message,
        )
        if outcome.ending not in _SILENT:
            note_blame(record, outcome)
        self._meter.note(record)
        if invocation.spans > SPANS_PER_CALL_MAX:
            self._meter.span(rest_of(invocation, at=record.at + took_s))
        invocation.noted = True
        if outcome.message and not usage.instance and outcome.ending not in _SILENT:
            # It never reached an instance, which would have said so itself.
            self._meter.log(_sentence(record, at=record.at + took_s))


def _sentence(record: Record, *, at: float) -> LogLine:
    """What the platform says in the function's log when a call did not end well."""
    return LogLine(
        at=at,
        app=record.app,
        function=record.function,
        invocation=record.id,
        instance=record.instance,
        level="error",
        text=f"{record.ending}: {record.message}",
    )
