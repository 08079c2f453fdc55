"""One call as the guest sees it: what was asked, and what has arrived since. No sockets."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from tapwater.file import File
from tapwater.runtime import wire
from tapwater.runtime.invoke_view import InvokeView
from tapwater.runtime.wire import WINDOW_BYTES, Kind, WireError

UNREAD_BYTES_MAX = 1 << 20  # of messages a WebSocket's handler has not taken yet


class CallerGone(ConnectionError):
    """The caller went away, or the deadline passed: nobody waits for the answer any more."""


class Link(Protocol):
    """The way to the host. One implementation blocks, one lives on a loop."""

    def send(self, frame: bytes) -> None:
        """Hand over one or more whole frames."""
        ...

    def wait(self, call: "Call", until: Callable[[], bool]) -> None:
        """Block until something has arrived that makes ``until`` true.

        The end of the connection cancels every call.
        """
        ...

    async def wait_async(self, call: "Call", until: Callable[[], bool]) -> None:
        """The same without blocking the loop."""
        ...

    def look(self) -> None:
        """Take in what has arrived, without waiting."""
        ...

    def blocks_others(self) -> bool:
        """Whether who asks is on the thread of a loop: then it must pump(), not wait()."""
        ...

    def pump(self, until: Callable[[], bool]) -> None:
        """Wait in the loop's stead, on its thread, until something makes ``until`` true."""
        ...

    @property
    def writable(self) -> bool:
        """Whether the host keeps up with what is sent."""
        ...

    def hold_reading(self, *, hold: bool) -> None:
        """Stop taking in what arrives, or go on."""
        ...


class Call:
    """One call. Made for each INVOKE, so it starts with as little as it can."""

    __slots__ = (
        "answers",
        "asked",
        "cancelled",
        "credit",
        "deadline",
        "ended",
        "files",
        "finished",
        "invoke",
        "link",
        "logged_bytes",
        "messages",
        "number",
        "on_cancel",
        "parts",
        "spans",  # how many it had; not there before the first
        "started",
        "unread_bytes",
        "waiters",
    )

    spans: int

    def __init__(self, number: int, invoke: InvokeView, link: Link, now: float) -> None:
        self.number = number
        self.invoke = invoke
        self.link = link
        self.deadline = now + invoke.timeout_s if invoke.timeout_s else None
        self.finished = not invoke.more  # the request's body is here whole
        self.cancelled: str | None = None
        self.credit = WINDOW_BYTES
        self.started = False  # a RESULT has gone out
        self.ended = False  # nothing more may be said about it
        self.asked = 0
        self.files: Sequence[str | File] = ()  # of a form
        self.logged_bytes = 0
        self.parts: deque[bytes] = _NOTHING
        self.messages: deque[str | bytes] = _NO_MESSAGES
        self.answers: dict[int, tuple[bool, bytes]] = _NO_ANSWERS
        self.unread_bytes = 0  # of the messages
        self.waiters: list[asyncio.Future[None]] = []
        self.on_cancel: Callable[[], None] | None = None

    def take(self, kind: int, payload: bytes) -> None:
        """Take in a frame that belongs to this call.

        Raises:
            WireError: it cannot be read.
        """
        if kind == Kind.BODY:
            self._take_body(payload)
        elif kind == Kind.WINDOW:
            self.credit += wire.read_u32(payload)
        elif kind == Kind.CANCEL:
            self.cancelled = payload.decode("utf-8", "replace") or "the caller has gone"
        elif kind == Kind.ANSWER:
            self._take_answer(payload)
        elif kind == Kind.MESSAGE:
            if self.messages is _NO_MESSAGES:
                self.messages = deque()
            self.messages.append(wire.read_message(payload))
            self.unread_bytes += len(payload)
        else:
            raise WireError(f"a frame of kind {kind} in the middle of a call")

    def pop_message(self) -> str | bytes:
        """The next WebSocket message that is here."""
        message = self.messages.popleft()
        # As it came: a byte for its kind, and the text in UTF-8.
        self.unread_bytes -= 1 + len(message.encode() if isinstance(message, str) else message)
        return message

    def _take_body(self, payload: bytes) -> None:
        data, self.finished = wire.read_body(payload)
        if self.parts is _NOTHING:
            self.parts = deque()
        if data:
            self.parts.append(data)

    def _take_answer(self, payload: bytes) -> None:
        ask, fine, body = wire.read_answer(payload)
        if self.answers is _NO_ANSWERS:
            self.answers = {}
        self.answers[ask] = (fine, body)


# Shared by all calls that have none; never added to.
_NOTHING: deque[bytes] = deque(maxlen=0)
_NO_MESSAGES: deque[str | bytes] = deque(maxlen=0)
_NO_ANSWERS: dict[int, tuple[bool, bytes]] = {}
