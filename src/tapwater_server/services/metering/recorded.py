"""An invoker that wraps an invoker: every call leaves one record behind, off the hot path."""

from collections.abc import Callable

from tapwater_server.model.function import Function
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Usage, Verb
from tapwater_server.model.sampling import STATUS_FAILED
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.invoker import Call, Exchange, Invoker
from tapwater_server.ports.meter import LogLine, Meter, Record, user_id
from tapwater_server.ports.tracing import SPANS_PER_CALL_MAX, rest_of
from tapwater_server.services.metering.blaming import note_blame, note_error_answer

_OK, _HTTP = Ending.OK, Verb.HTTP
_SILENT = (Ending.OK, Ending.CANCELLED, Ending.BUDGET, Ending.SLOWED)
_BLANKS_MAX = 10_000  # Of functions that were called lately; then all are written anew.


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
        self._inner, self._fresh = inner, fresh
        self.meter, self.clock = meter, clock
        self._blanks: dict[int, tuple[Function, Record]] = {}

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if not invocation.traceparent:
            invocation.traceparent = self._fresh()  # A replay, say: it begins a trace of its own.
        return self._inner.start(invocation, _Noting(invocation, exchange, self))

    def blank(self, function: Function) -> Record:
        """Give a record with all that is the same for all calls of a function, to be copied."""
        known = self._blanks.get(id(function))  # Which is its own as long as it is kept here.
        if known is None:
            if len(self._blanks) >= _BLANKS_MAX:
                self._blanks.clear()
            known = self._blanks[id(function)] = function, _blank_of(function)
        return known[1]


class _Noting:
    """An exchange that looks at the status as it passes, and writes down the end."""

    __slots__ = (
        "_exchange",
        "_invocation",
        "_recorded",
        "_status",
        "_whole",
        "body",
        "message",
    )

    def __init__(self, invocation: Invocation, exchange: Exchange, recorded: Recorded) -> None:
        self._invocation, self._exchange, self._recorded = invocation, exchange, recorded
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
        recorded, invocation, usage = self._recorded, self._invocation, outcome.usage
        meter, now = recorded.meter, recorded.clock.now()
        # copy.copy() finds the same after twice the time.
        record: Record = recorded.blank(invocation.function).__copy__()  # type: ignore[attr-defined]
        _fill_in(record, invocation, usage)
        record.at, record.status = now - usage.queue_s - usage.wall_s, self._status
        if outcome.ending is not _OK:
            record.ending, record.message = outcome.ending.value, outcome.message
            record.by_function = outcome.by_function
            if outcome.ending not in _SILENT:
                note_blame(record, outcome)
        elif self._status >= STATUS_FAILED:
            note_error_answer(record, invocation.function, self._whole)
        meter.note(record)
        if invocation.spans > SPANS_PER_CALL_MAX:
            meter.span(rest_of(invocation, at=now))
        invocation.noted = True
        if outcome.message and not usage.instance and outcome.ending not in _SILENT:
            # It never reached an instance, which would have said so itself.
            meter.log(_sentence(record, at=now))


def _blank_of(function: Function) -> Record:
    """Write down what is known of a call before it begins: that it will end well, at first."""
    route = function.route
    return Record(
        id="",
        at=0.0,
        app=function.id.app,
        function=function.id.name,
        revision="",
        method="",
        path="",
        status=0,
        ending="ok",
        cold=False,
        queue_ms=0.0,
        wall_ms=0.0,
        cpu_ms=0.0,
        memory_peak_bytes=0,
        bytes_in=0,
        bytes_out=0,
        instance="",
        route=route.path if route is not None else "",
        memory_bytes=function.limits.memory_bytes,
    )


def _fill_in(record: Record, invocation: Invocation, usage: Usage) -> None:
    """Write into a blank what a call was. What most calls have none of is set only where they have
    it: that and the copying take half as long as making a record of forty members.
    """
    context = invocation.traceparent.decode("ascii", "replace")
    record.id, record.revision = invocation.id, invocation.revision
    record.trace, record.span = context[3:35], context[36:52]
    record.method, record.path = invocation.method, invocation.root_path + invocation.path
    record.queue_ms, record.wall_ms = usage.queue_s * 1e3, usage.wall_s * 1e3
    record.cpu_ms, record.memory_peak_bytes = usage.cpu_s * 1e3, usage.memory_peak_bytes
    record.bytes_in, record.bytes_out = usage.bytes_in, usage.bytes_out
    record.instance = usage.instance
    if invocation.parent:
        record.parent = invocation.parent
    if invocation.user:
        record.user = user_id(invocation.user)
    if invocation.used:
        record.used = invocation.used
    if usage.cold:
        record.cold, record.start_ms = True, usage.start_s * 1e3
    if invocation.verb is not _HTTP or invocation.depth or invocation.replay_of:
        _note_cause(record, invocation)


def _note_cause(record: Record, invocation: Invocation) -> None:
    record.verb = invocation.verb.value
    record.root, record.depth = invocation.root, invocation.depth
    record.event, record.delivery = invocation.event, invocation.delivery
    record.attempt, record.replay_of = invocation.attempt, invocation.replay_of


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
