"""An invoker that wraps an invoker: calls that fail leave a recording, and a sample of the others.

That a call fails is known only when it has ended. Until then nothing is copied: the invocation is
held anyway, and of the answer a reference. A call that ends well costs one throw of the dice.
"""

import math
from collections import deque
from collections.abc import Callable

from tapwater_server.model.function import Function
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Verb
from tapwater_server.model.recording import ANSWER_BYTES_MAX, REQUEST_BYTES_MAX, Why
from tapwater_server.model.sampling import STATUS_FAILED
from tapwater_server.model.tape import Tape
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Call, Exchange, Invoker, Resumed
from tapwater_server.services.replay.floods import Floods
from tapwater_server.services.replay.packing import Taken
from tapwater_server.services.replay.settings import ReplaySettings

_FAR = 1 << 40
_OK, _CANCELLED, _WEBSOCKET = Ending.OK, Ending.CANCELLED, Verb.WEBSOCKET
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
        self._samples = Floods(
            burst=settings.samples_burst, per_s=settings.samples_per_s, clock=clock
        )
        self._pass = self._stride()
        self.held_bytes = 0
        self.waiting: deque[Taken] = deque()
        self.waiting_bytes = 0
        self.dropped = 0
        self.when_taken: Callable[[], None] = _nobody

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        if not invocation.function.record or invocation.verb is _WEBSOCKET:
            return self._inner.start(invocation, exchange)
        watching = _Watching(self, invocation, exchange)
        call = self._inner.start(invocation, watching)
        if not invocation.body_follows:
            return call
        watching.feeding = _Feeding(call, watching)
        return watching.feeding

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

    def why(self, function: Function, ending: Ending, status: int) -> Why | None:
        """Say why a call that has ended is to be written down; None: it is not."""
        if (ending is _OK and status < STATUS_FAILED) or ending is _CANCELLED:
            if function.record_share is None:
                self._pass -= 1
                if self._pass > 0:
                    return None  # As most calls: dice are thrown only to choose the next one.
            return Why.SAMPLE if self._is_sampled(function) else None
        return Why.ERROR if ending not in _UNTOUCHED else None

    def _is_sampled(self, function: Function) -> bool:
        if function.record_share is not None:
            return self._chance() < function.record_share
        self._pass = self._stride()
        share = self._settings.share
        return share >= 1 or (share > 0 and self._samples.admits(function.id))

    def _stride(self) -> int:
        """How many calls from here the next sample is, if each has the same chance."""
        share = self._settings.share
        if share <= 0:
            return _FAR
        if share >= 1:
            return 1
        return 1 + min(_FAR, int(math.log(1 - self._chance()) / math.log(1 - share)))

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
    """An exchange that looks at the answer as it passes. Made for each call: it sets little."""

    __slots__ = (
        "_answer",
        "_answer_bytes",
        "_exchange",
        "_headers",
        "_recorder",
        "_status",
        "feeding",
        "held_bytes",
        "invocation",
    )
    _answer: bytes | list[bytes] | None
    _answer_bytes: int
    _headers: Headers

    def __init__(self, recorder: Recorder, invocation: Invocation, exchange: Exchange) -> None:
        self._recorder, self._exchange = recorder, exchange
        self.invocation = invocation
        self._status = self.held_bytes = 0
        self.feeding: _Feeding | None = None

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self._status, self._headers, self._answer = status, headers, whole
        if whole is None:
            self._answer, self._answer_bytes = [], 0
        self._exchange.answered(status, headers, whole)

    def body(self, data: bytes) -> bool:
        assert isinstance(self._answer, list)
        if self._answer_bytes < ANSWER_BYTES_MAX and self.holds(data):
            self._answer.append(data)
        self._answer_bytes += len(data)
        return self._exchange.body(data)

    def message(self, data: str | bytes) -> None:
        self._exchange.message(data)

    def ended(self, outcome: Outcome) -> None:
        recorder, invocation = self._recorder, self.invocation
        if self.held_bytes:
            recorder.held_bytes -= self.held_bytes
        if invocation.tape is not None:
            recorder.let_go(invocation.tape)
        why = recorder.why(invocation.function, outcome.ending, self._status)
        if why is not None:
            recorder.take(self, outcome, why)
        self._exchange.ended(outcome)

    def holds(self, data: bytes) -> bool:
        """Say whether there is memory to hold a piece of a body until the call has ended."""
        if not self._recorder.room_for(len(data)):
            return False
        self.held_bytes += len(data)
        self._recorder.held_bytes += len(data)
        return True

    def taken(self, outcome: Outcome, why: Why, *, at: float) -> Taken:
        """Give all that is known, by reference."""
        headers: Headers = []
        answer: bytes | list[bytes] = b""
        size = 0
        if self._status:
            assert self._answer is not None
            headers, answer = self._headers, self._answer
            size = self._answer_bytes if isinstance(answer, list) else len(answer)
        feeding = self.feeding
        first = len(self.invocation.body)
        return Taken(
            invocation=self.invocation,
            outcome=outcome,
            why=why,
            at=at,
            status=self._status,
            headers=headers,
            answer=answer,
            answer_bytes=size,
            rest=feeding.pieces if feeding is not None else (),
            body_bytes=first + (feeding.size_bytes if feeding is not None else 0),
            body_whole=feeding.whole if feeding is not None else not self.invocation.body_follows,
        )


class _Feeding:
    """A call whose request's body comes in pieces: as much as is recorded is held."""

    __slots__ = ("_call", "_cut", "_over", "_watching", "pieces", "size_bytes")

    def __init__(self, call: Call, watching: _Watching) -> None:
        self._call, self._watching = call, watching
        self.pieces: list[bytes] = []
        self.size_bytes = 0
        self._over = False  # the last piece has come
        self._cut = False  # some piece is not held

    @property
    def whole(self) -> bool:
        """Whether all of the body came, and is held."""
        return self._over and not self._cut

    def feed(self, data: bytes, *, last: bool) -> bool:
        fits = self.size_bytes < REQUEST_BYTES_MAX and not self._cut and self._watching.holds(data)
        if fits:
            self.pieces.append(data)
        self._cut = not fits
        self.size_bytes += len(data)
        self._over = last
        return self._call.feed(data, last=last)

    def send(self, message: str | bytes) -> bool:
        return self._call.send(message)

    def when_writable(self, resumed: Resumed) -> None:
        self._call.when_writable(resumed)

    def resume(self) -> None:
        self._call.resume()

    def cancel(self, reason: str) -> None:
        self._call.cancel(reason)


def _nobody() -> None:
    """Nobody wants to hear."""
