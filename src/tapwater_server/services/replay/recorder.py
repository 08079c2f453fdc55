"""An invoker that wraps an invoker: calls that fail leave a recording, and a sample of the others.

That a call fails is known only when it has ended. Until then nothing is copied: the invocation is
held anyway, and of the answer a reference. A call that ends well costs one throw of the dice.
"""

from collections import deque
from collections.abc import Callable

from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Verb
from tapwater_server.model.recording import ANSWER_BYTES_MAX, REQUEST_BYTES_MAX, Why
from tapwater_server.model.tape import Tape
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Call, Exchange, Invoker, Resumed
from tapwater_server.services.replay.floods import Floods
from tapwater_server.services.replay.packing import Taken
from tapwater_server.services.replay.settings import ReplaySettings

STATUS_FAILED = 500  # An answer of this or more is a failure, though the call ended well.
_UNTOUCHED = frozenset({Ending.OVERLOADED})  # It never ran: there is nothing to run again.


class Recorder:
    """Passes calls on, and puts what is to be written down into ``waiting``."""

    def __init__(
        self, inner: Invoker, *, clock: Clock, ids: IdSource, settings: ReplaySettings
    ) -> None:
        self._inner, self._clock, self._chance = inner, clock, ids.chance
        self._settings = settings
        self._floods = Floods(
            burst=settings.failures_burst, per_s=settings.failures_per_s, clock=clock
        )
        self.held_bytes = 0
        self.waiting: deque[Taken] = deque()
        self.waiting_bytes = 0
        self.dropped = 0
        self.when_taken: Callable[[], None] = _nobody

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if not invocation.function.record or invocation.verb is Verb.WEBSOCKET:
            return self._inner.start(invocation, exchange)
        watching = _Watching(self, invocation, exchange)
        call = self._inner.start(invocation, watching)
        return _Feeding(call, watching) if invocation.body_follows else call

    # What the questions of a call may be held for it.

    def room_for(self, size: int) -> bool:
        """Say whether so many bytes more may be held for running calls."""
        return self.held_bytes + size <= self._settings.held_bytes_max

    def hold(self, tape: Tape, size: int) -> None:
        """Hold so many bytes more for a running call."""
        tape.size_bytes += size
        self.held_bytes += size

    def let_go(self, tape: Tape) -> None:
        """The call has ended: what its questions held is not counted here any more."""
        tape.over = True
        self.held_bytes -= tape.size_bytes

    # What an exchange tells.

    def is_sampled(self, share: float | None) -> bool:
        """Throw the dice for a call that ended well."""
        return self._chance() < (self._settings.share if share is None else share)

    def take(self, watching: "_Watching", outcome: Outcome, why: Why) -> None:
        """Put a call into the queue of those to be written down, if there is room."""
        function = watching.invocation.function
        if why is Why.ERROR and not self._floods.admits(function.id):
            self.dropped += 1
            return
        took_s = outcome.usage.queue_s + outcome.usage.wall_s
        taken = watching.taken(outcome, why, at=self._clock.now() - took_s)
        size, settings = taken.size_bytes, self._settings
        full = len(self.waiting) >= settings.waiting_max
        if full or self.waiting_bytes + size > settings.waiting_bytes_max:
            self.dropped += 1
            return
        self.waiting.append(taken)
        self.waiting_bytes += size
        self.when_taken()


class _Watching:
    """An exchange that looks at the answer as it passes."""

    __slots__ = (
        "_answer",
        "_answer_bytes",
        "_exchange",
        "_headers",
        "_recorder",
        "_status",
        "body",
        "invocation",
        "message",
        "request",
        "request_bytes",
    )

    def __init__(self, recorder: Recorder, invocation: Invocation, exchange: Exchange) -> None:
        self._recorder, self._exchange = recorder, exchange
        self.invocation = invocation
        self._status = 0
        self._headers: Headers = []
        self._answer: bytes | list[bytes] = b""
        self.request: list[bytes] | None = None  # what came after the body's first part
        self.message = exchange.message
        # Pieces pass straight through, unless an answer comes in pieces.
        self.body: Callable[[bytes], bool] = exchange.body

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self._status, self._headers = status, headers
        if whole is None:
            self._answer, self._answer_bytes = [], 0
            self.body = self._piece
        else:
            self._answer = whole
        self._exchange.answered(status, headers, whole)

    def ended(self, outcome: Outcome) -> None:
        recorder, ending = self._recorder, outcome.ending
        fine = ending is Ending.OK and self._status < STATUS_FAILED
        tape = self.invocation.tape
        if tape is not None:
            recorder.let_go(tape)
        if fine or ending is Ending.CANCELLED:
            if recorder.is_sampled(self.invocation.function.record_share):
                recorder.take(self, outcome, Why.SAMPLE)
        elif ending not in _UNTOUCHED:
            recorder.take(self, outcome, Why.ERROR)
        self._exchange.ended(outcome)

    def _piece(self, data: bytes) -> bool:
        assert isinstance(self._answer, list)
        self._answer_bytes += len(data)
        if self._answer_bytes - len(data) < ANSWER_BYTES_MAX:
            self._answer.append(data)
        return self._exchange.body(data)

    def fed(self, data: bytes) -> None:
        """A piece of the request's body has come."""
        if self.request is None:
            self.request, self.request_bytes = [], len(self.invocation.body)
        self.request_bytes += len(data)
        if self.request_bytes - len(data) < REQUEST_BYTES_MAX:
            self.request.append(data)

    def taken(self, outcome: Outcome, why: Why, *, at: float) -> Taken:
        """Give all that is known, by reference."""
        streamed = isinstance(self._answer, list)
        return Taken(
            invocation=self.invocation,
            outcome=outcome,
            why=why,
            at=at,
            status=self._status,
            headers=self._headers,
            answer=self._answer,
            answer_bytes=self._answer_bytes if streamed else len(self._answer),
            rest=self.request or (),
            body_bytes=self.request_bytes if self.request else len(self.invocation.body),
        )


class _Feeding:
    """A call whose request's body comes in pieces: its first part is held."""

    __slots__ = ("_call", "_watching", "cancel", "resume", "send", "when_writable")

    def __init__(self, call: Call, watching: _Watching) -> None:
        self._call, self._watching = call, watching
        self.send: Callable[[str | bytes], bool] = call.send
        self.when_writable: Callable[[Resumed], None] = call.when_writable
        self.resume: Callable[[], None] = call.resume
        self.cancel: Callable[[str], None] = call.cancel

    def feed(self, data: bytes, *, last: bool) -> bool:
        self._watching.fed(data)
        return self._call.feed(data, last=last)


def _nobody() -> None:
    """Nobody wants to hear."""
