"""One call in progress: what its caller may do to it, and what a guest may say about it."""

import json
from collections import deque
from collections.abc import Callable
from typing import Protocol

from tapwater.runtime.wire import (
    FRAME_BYTES_MAX,
    Kind,
    WireError,
    pack_message,
    pack_window,
    read_body,
    read_message,
    read_u16,
    read_u32,
)
from tapwater_server.instances.answers import AnswerReader
from tapwater_server.instances.flow import ReceiveWindow, SendWindow
from tapwater_server.model.function import Style
from tapwater_server.model.invocation import Ending, Invocation, Outcome, Usage, Verb
from tapwater_server.model.limits import BODY_INLINE_BYTES_MAX, COMING_S_MAX
from tapwater_server.ports.invoker import Exchange, Resumed

_ENDINGS_OF_GUESTS = {
    "user_error": Ending.USER_ERROR,
    "start_failed": Ending.START_FAILED,
    "timed_out": Ending.TIMED_OUT,
    "cancelled": Ending.CANCELLED,
}
_MESSAGE_BYTES_MAX = FRAME_BYTES_MAX - 64
_SENTENCE_CHARACTERS_MAX = 2000
_TRACE_CHARACTERS_MAX = 32_000
_NAME_CHARACTERS_MAX = 401  # Of a type, or of a place: a file and a function.
_FRAMES_MAX = 8
_TOLD = ("message", "trace", "error", "frames")  # of a failure, besides its ending


class Holder(Protocol):
    """Where a call is: in a waiting room, or in a seat of an instance."""

    def cancel(self, call: "CallInProgress", reason: str) -> None: ...


class Seat(Holder, Protocol):
    """What a seated call needs of its instance."""

    answers: AnswerReader
    writable: bool

    def write(self, frames: bytes) -> None: ...

    def complete(self, call: "CallInProgress", ending: Ending, message: str) -> None: ...

    def note(self, call: "CallInProgress", trace: str) -> None: ...


class CallInProgress:
    """From ``start()`` to ``ended()``. Made by the scheduler, seated by an instance."""

    __slots__ = (
        "_messages",
        "_resumed",
        "answered",
        "body_over",
        "by_function",
        "cancelled",
        "close_code",
        "cpu_s",
        "deadline",
        "ended",
        "error",
        "exchange",
        "frames",
        "holder",
        "invocation",
        "logged_bytes",
        "number",
        "overdue",
        "receiver",
        "retry_after_s",
        "seat",
        "seated_at",
        "sender",
        "waited",
        "whole",
    )

    def __init__(self, invocation: Invocation, exchange: Exchange) -> None:
        self.invocation = invocation
        self.exchange = exchange
        self.seat: Seat | None = None
        self.holder: Holder | None = None
        self.number = 0
        self.seated_at = 0.0
        self.deadline: float | None = None  # when it must be over; moved by cancel
        self.overdue = False  # the deadline has passed
        self.cancelled = ""  # why the caller does not want it any more
        self.waited = False  # it found no free seat
        self.answered = False
        self.body_over = False
        self.ended = False
        self.cpu_s = 0.0
        self.logged_bytes = 0
        self.retry_after_s = 0.0
        self.by_function = False  # it could not be started, and that is its own fault
        self.error = ""  # the type of what the function raised, as it says itself
        self.frames: tuple[str, ...] = ()  # and where in its code
        self.close_code = 0  # of a WebSocket; goes out as the outcome's status
        self.whole: bytes | None = None
        self.sender: SendWindow | None = None
        self.receiver: ReceiveWindow | None = None
        self._messages: deque[bytes] | None = None
        self._resumed: Resumed | None = None
        body = invocation.body
        if invocation.body_follows or len(body) > BODY_INLINE_BYTES_MAX:
            self.sender = SendWindow()
            rest = body[BODY_INLINE_BYTES_MAX:]
            if rest or not invocation.body_follows:
                self.sender.push(rest, last=not invocation.body_follows)

    # What the caller does.

    def feed(self, data: bytes, *, last: bool) -> bool:
        """The next piece of the request's body. False: wait for ``resumed``."""
        if self.ended or self.sender is None:
            return True
        frames = self.sender.push(data, last=last)
        if frames and self.seat is not None:
            self.seat.write(frames)
        return self.sender.open

    def send(self, message: str | bytes) -> bool:
        """One WebSocket message to the function."""
        if self.ended:
            return True
        if len(message) > _MESSAGE_BYTES_MAX // (4 if isinstance(message, str) else 1):
            self.cancel("a message larger than a frame")
            return True
        if self.seat is not None:
            self.seat.write(pack_message(self.number, message))
            return self.seat.writable
        if self._messages is None:
            self._messages = deque()
        self._messages.append(pack_message(0, message))
        return False

    def when_writable(self, resumed: Resumed) -> None:
        """Whom to tell that more may be fed."""
        self._resumed = resumed

    def resume(self) -> None:
        """The caller can take more of the answer again."""
        if self.receiver is not None and not self.ended:
            self.receiver.paused = False
            self._credit(self.receiver)

    def cancel(self, reason: str) -> None:
        """The caller has gone."""
        if not self.ended and not self.cancelled:
            self.cancelled = reason or "the caller has gone"
            if self.holder is not None:
                self.holder.cancel(self, self.cancelled)

    # What the instance does.

    def early(self) -> bytes:
        """Give the frames that waited for the call to be seated."""
        frames = b"" if self.sender is None else self.sender.begin(self.number)
        if self._messages is not None:
            for frame in self._messages:
                frames += frame[:5] + self.number.to_bytes(4, "little") + frame[9:]
            self._messages = None
        if frames or self.sender is not None:
            self.tell_writable()
        return frames

    def tell_writable(self) -> None:
        """Tell the caller that it may feed on, if it waits for that."""
        if self._resumed is not None and (self.sender is None or self.sender.open):
            self._resumed()

    def end(self, ending: Ending, usage: Usage, message: str) -> None:
        """Tell the caller how it ended. Once."""
        assert not self.ended
        self.ended = True
        self.holder = self.seat = None
        outcome = Outcome(
            ending=ending,
            usage=usage,
            message=message,
            retry_after_s=self.retry_after_s,
            by_function=self.by_function,
            error=self.error,
            frames=self.frames,
            status=self.close_code,
        )
        self.exchange.ended(outcome)

    # What the guest says. Each is input from an enemy.

    def on_result(self, payload: bytes) -> None:
        """The answer, whole or its beginning."""
        seat = self._seated()
        if self.answered:
            raise WireError("a second answer to one call")
        status, more, headers, body = seat.answers.read(payload)
        if self.invocation.verb is not Verb.WEBSOCKET and status < 200:
            raise WireError(f"a final status of {status}")
        self.answered = True
        if not more:
            self.whole = body
            if not self.cancelled:
                self.exchange.answered(status, headers, body)
            seat.complete(self, Ending.OK, "")
            return
        self.receiver = ReceiveWindow()
        if not self.cancelled:
            self.exchange.answered(status, headers, None)
        if body:
            self._receive(body, counted=False)

    def on_body(self, payload: bytes) -> None:
        """A piece of the answer's body."""
        if self.receiver is None or self.body_over:
            raise WireError("a piece of body where none belongs")
        data, last = read_body(payload)
        self.body_over = last
        if data:
            self._receive(data, counted=True)

    def on_message(self, payload: bytes) -> None:
        """A WebSocket message."""
        if self.invocation.verb is not Verb.WEBSOCKET or not self.answered:
            raise WireError("a message where none belongs")
        data = read_message(payload)
        if not self.cancelled:
            self.exchange.message(data)

    def on_window(self, payload: bytes) -> None:
        """Credit for more of the request's body."""
        count = read_u32(payload)
        if self.sender is None:
            return  # A guest may grant for a body that came whole.
        frames = self.sender.grant(count)
        if frames:
            self._seated().write(frames)
        self.tell_writable()

    def on_fail(self, payload: bytes) -> None:
        """The call ended badly inside the function."""
        seat = self._seated()
        try:
            told = json.loads(payload)
            ending = _ENDINGS_OF_GUESTS[told["ending"]]
            message, trace, error, frames = (told.get(name, "") for name in _TOLD)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as wrong:
            raise WireError("a failure that cannot be read") from wrong
        if not all(isinstance(one, str) for one in (message, trace, error, frames)):
            raise WireError("a failure that cannot be read")
        # JSON may hold half a character, which nothing that is written down takes.
        message, trace, error, frames = map(_whole, (message, trace, error, frames))
        if error:
            self.error = error[:_NAME_CHARACTERS_MAX]
            places = frames[:_TRACE_CHARACTERS_MAX].split("\n")[-_FRAMES_MAX:]
            self.frames = tuple(place[:_NAME_CHARACTERS_MAX] for place in places if place)
        self.by_function = ending is Ending.START_FAILED  # The guest runs, its module does not.
        if trace:
            seat.note(self, trace[:_TRACE_CHARACTERS_MAX])
        seat.complete(self, ending, message[:_SENTENCE_CHARACTERS_MAX])

    def on_done(self, payload: bytes) -> None:
        """The end of a streamed answer or a WebSocket."""
        code = read_u16(payload)
        if self.receiver is None:
            raise WireError("an end without a beginning")
        if self.invocation.verb is Verb.WEBSOCKET:
            self.close_code = code
            self._seated().complete(self, Ending.OK, "")
            return
        if not self.body_over:
            raise WireError("an end before the last piece of body")
        self._seated().complete(self, Ending.OK, "")

    def on_coming(self, payload: bytes) -> None:
        """Its runtime is a process that comes up first: that is not the call's own time."""
        took_s = min(read_u32(payload) / 1000, COMING_S_MAX)
        function = self.invocation.function
        if self.number != 1 or function.style is not Style.FOREIGN:
            raise WireError("a runtime that comes up where none does")
        if self.deadline is not None and not self.cancelled and not self.overdue:
            self.deadline = self.seated_at + took_s + (function.limits.timeout_s or 0.0)

    def _receive(self, data: bytes, *, counted: bool) -> None:
        receiver = self.receiver
        assert receiver is not None
        receiver.take(len(data), counted=counted)
        if not self.cancelled and not self.exchange.body(data):
            receiver.paused = True
        if not self.ended:
            self._credit(receiver)

    def _credit(self, receiver: ReceiveWindow) -> None:
        due = receiver.credit()
        if due and self.seat is not None:
            self.seat.write(pack_window(self.number, due))

    def _seated(self) -> Seat:
        assert self.seat is not None
        return self.seat


def _whole(said: str) -> str:
    return said if said.isascii() else said.encode("utf-8", "replace").decode()


# What each frame of a call in progress leads to.
HANDLERS: dict[int, Callable[[CallInProgress, bytes], None]] = {
    Kind.RESULT: CallInProgress.on_result,
    Kind.BODY: CallInProgress.on_body,
    Kind.MESSAGE: CallInProgress.on_message,
    Kind.WINDOW: CallInProgress.on_window,
    Kind.FAIL: CallInProgress.on_fail,
    Kind.DONE: CallInProgress.on_done,
    Kind.COMING: CallInProgress.on_coming,
}
