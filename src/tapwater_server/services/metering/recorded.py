"""An invoker that wraps an invoker: every call leaves one record behind, off the hot path."""

from collections.abc import Callable

import msgspec

from tapwater_server.model.function import Function
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Usage, Verb
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.invoker import Call, Exchange, Invoker
from tapwater_server.ports.meter import LogLine, Meter, Record
from tapwater_server.ports.tracing import SPANS_PER_CALL_MAX, rest_of
from tapwater_server.services.metering.blaming import note_blame


class _Who(msgspec.Struct):
    id: str = ""


_who = msgspec.json.Decoder(_Who).decode
_SILENT = (Ending.OK, Ending.CANCELLED, Ending.BUDGET, Ending.SLOWED)


class Recorded:
    """Passes calls on and notes how each ended. Adds no task and no I/O to a call."""

    def __init__(
        self,
        inner: Invoker,
        *,
        meter: Meter,
        clock: Clock,
        fresh: Callable[[], bytes] = lambda: b"",
    ) -> None:
        self._inner, self._meter, self._clock = inner, meter, clock
        self._fresh = fresh

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if not invocation.traceparent:
            invocation.traceparent = self._fresh()  # A replay, say: it begins a trace of its own.
        return self._inner.start(
            invocation, _Noting(invocation, exchange, self._meter, self._clock)
        )


class _Noting:
    """An exchange that looks at the status as it passes, and writes down the end."""

    __slots__ = (
        "_clock",
        "_exchange",
        "_invocation",
        "_meter",
        "_status",
        "_whole",
        "body",
        "message",
    )

    def __init__(
        self, invocation: Invocation, exchange: Exchange, meter: Meter, clock: Clock
    ) -> None:
        self._invocation, self._exchange = invocation, exchange
        self._meter, self._clock = meter, clock
        self._status = 0
        self._whole: tuple[int, Headers, bytes] | None = None
        # Bodies pass straight through: bound methods of the caller's, no frame of ours between.
        self.body = exchange.body
        self.message = exchange.message

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self._status = status
        if whole is None:
            self._exchange.answered(status, headers, None)
        else:
            self._whole = status, headers, whole

    def ended(self, outcome: Outcome) -> None:
        # Noted first: what was answered has been noted, even if we are killed in between.
        self._note(outcome)
        if self._whole is not None:
            self._exchange.answered(*self._whole)
        self._exchange.ended(outcome)

    def _note(self, outcome: Outcome) -> None:
        invocation, usage = self._invocation, outcome.usage
        now = self._clock.now()
        record = _record_of(invocation, usage, now=now, status=self._status)
        if outcome.ending is not Ending.OK:
            record.ending, record.message = outcome.ending.value, outcome.message
            record.by_function = outcome.by_function
        if outcome.ending not in _SILENT:
            note_blame(record, outcome)
        self._meter.note(record)
        if invocation.spans > SPANS_PER_CALL_MAX:
            self._meter.span(rest_of(invocation, at=now))
        invocation.noted = True
        if outcome.message and not usage.instance and outcome.ending not in _SILENT:
            # It never reached an instance, which would have said so itself.
            self._meter.log(_sentence(record, at=now))


def _record_of(invocation: Invocation, usage: Usage, *, now: float, status: int) -> Record:
    """Write down a call that ended well just now. What most calls have none of is set only where
    they have it: that halves the time this takes.
    """
    function: Function = invocation.function
    context = invocation.traceparent.decode("ascii", "replace")
    route = function.route
    record = Record(
        id=invocation.id,
        at=now - usage.queue_s - usage.wall_s,
        app=function.id.app,
        function=function.id.name,
        revision=invocation.revision,
        method=invocation.method,
        path=invocation.root_path + invocation.path,
        status=status,
        ending="ok",
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
        route=route.path if route is not None else "",
        memory_bytes=function.limits.memory_bytes,
    )
    if invocation.parent:
        record.parent = invocation.parent
    if invocation.user:
        record.user = user_id(invocation.user)
    if invocation.used:
        record.used = invocation.used
    if usage.cold:
        record.start_ms = usage.start_s * 1e3
    if usage.egress_bytes:
        record.egress_bytes = usage.egress_bytes
    if invocation.verb is not Verb.HTTP or invocation.depth or invocation.replay_of:
        _note_cause(record, invocation)
    return record


def _note_cause(record: Record, invocation: Invocation) -> None:
    record.verb = invocation.verb.value
    record.root, record.depth = invocation.root, invocation.depth
    record.event, record.delivery = invocation.event, invocation.delivery
    record.attempt, record.replay_of = invocation.attempt, invocation.replay_of


def user_id(said: bytes) -> str:
    """Find the id of the user in what a function is told of who asks; "" for another sort.

    >>> user_id(b'{"id": "7", "name": "Ada"}'), user_id(b'{"name": "admin"}')
    ('7', '')
    """
    return _who(said).id


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
