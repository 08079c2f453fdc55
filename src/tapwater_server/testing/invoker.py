"""A door without user code behind it: each call does what a script says. Keeps INV-1 to INV-6."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Usage
from tapwater_server.ports.invoker import Exchange, Resumed


class Script(Protocol):
    """What a call does: called when it begins, with the call to act on."""

    def __call__(self, call: "ScriptedCall", /) -> None: ...


class ScriptedCall:
    """One call in progress. The script answers through it, the caller feeds it."""

    def __init__(
        self, invocation: Invocation, exchange: Exchange, *, changed: Callable[[], None]
    ) -> None:
        self.invocation = invocation
        self.received = bytearray(invocation.body)
        self.body_complete = not invocation.body_follows
        self.messages: list[str | bytes] = []
        self.cancelled: str | None = None
        self.over = False
        self.outcome: Outcome | None = None
        self.takes_more = True  # False: feed() and send() say so, until take_more()
        self.when_fed: Callable[[ScriptedCall], None] | None = None
        self.when_message: Callable[[ScriptedCall, str | bytes], None] | None = None
        self.when_resumed: Callable[[ScriptedCall], None] | None = None
        self._exchange = exchange
        self._changed = changed
        self._answered = False
        self._resumed: Resumed | None = None

    # For the script: the function's side.

    def answer(self, status: int, headers: Headers | None = None, body: bytes = b"") -> None:
        """Answer whole, and end."""
        self.begin(status, headers, whole=body)
        self.end(Ending.OK)

    def begin(
        self, status: int, headers: Headers | None = None, *, whole: bytes | None = None
    ) -> None:
        """Give status and headers; the body comes in pieces unless ``whole`` is given."""
        assert not self._answered
        if not self.over:
            self._answered = True
            self._exchange.answered(status, headers or [], whole)

    def piece(self, data: bytes) -> bool:
        """Give a piece of the answer."""
        assert self._answered
        return self._exchange.body(data) if not self.over else True

    def say(self, message: str | bytes) -> None:
        """Send a WebSocket message."""
        if not self.over:
            self._exchange.message(message)

    def end(
        self,
        ending: Ending,
        *,
        message: str = "",
        retry_after_s: float = 0.0,
        status: int = 0,
    ) -> None:
        """End the call; more than once is once."""
        assert ending is not Ending.OK or self._answered
        if self.over:
            return
        self.over = True
        self.outcome = Outcome(
            ending=ending,
            usage=Usage(),
            message=message,
            retry_after_s=retry_after_s,
            status=status,
        )
        self._exchange.ended(self.outcome)
        self._changed()

    def take_more(self) -> None:
        """After ``takes_more`` was False: let the caller go on."""
        self.takes_more = True
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed()

    # For the caller: see ports.invoker.Call.

    def feed(self, data: bytes, *, last: bool) -> bool:
        self.received += data
        self.body_complete = self.body_complete or last
        if self.when_fed is not None and not self.over:
            self.when_fed(self)
        self._changed()
        return self.takes_more

    def send(self, message: str | bytes) -> bool:
        self.messages.append(message)
        if self.when_message is not None and not self.over:
            self.when_message(self, message)
        self._changed()
        return self.takes_more

    def when_writable(self, resumed: Resumed) -> None:
        self._resumed = resumed

    def resume(self) -> None:
        if self.when_resumed is not None and not self.over:
            self.when_resumed(self)

    def cancel(self, reason: str) -> None:
        if self.over:
            return
        self.cancelled = reason
        self.end(Ending.CANCELLED, message=reason)


class ScriptedInvoker:
    """An ``Invoker`` that runs a script for each call and keeps the calls for a test to look at."""

    def __init__(self, script: Script, *, calls_max: int = 10_000, room: int = 1_000_000) -> None:
        self.script = script
        self.calls: list[ScriptedCall] = []
        self._calls_max = calls_max
        self._room = room
        self._waiting: set[asyncio.Event] = set()

    @property
    def in_flight(self) -> int:
        return sum(not call.over for call in self.calls)

    def start(self, invocation: Invocation, exchange: Exchange) -> ScriptedCall:
        """Begin a call; see the promises in ``ports/invoker.py``."""
        call = ScriptedCall(invocation, exchange, changed=self._changed)
        full = self.in_flight >= self._room
        self.calls = [*self.calls[-self._calls_max + 1 :], call]
        if full:
            call.end(Ending.OVERLOADED, message="no room", retry_after_s=1.0)
            return call
        try:
            self.script(call)
        except Exception as error:
            call.end(Ending.USER_ERROR, message=f"{type(error).__name__}: {error}")
        self._changed()
        return call

    async def wait(self, true: Callable[[], object], *, s_max: float = 10.0) -> None:
        """Return when it is true; asked again whenever something happened to a call.

        Raises:
            TimeoutError: it did not come true.
        """
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(s_max):
                while not true():
                    event.clear()
                    await event.wait()
        finally:
            self._waiting.discard(event)

    def _changed(self) -> None:
        for event in self._waiting:
            event.set()


def hello(call: ScriptedCall) -> None:
    """A script: greet."""
    call.answer(200, [(b"content-type", b"text/plain")], b"hello")


def echo(call: ScriptedCall) -> None:
    """A script: once the body is complete, send it back."""

    def fed(call: ScriptedCall) -> None:
        if call.body_complete:
            call.answer(200, [(b"content-type", b"text/plain")], bytes(call.received))

    call.when_fed = fed
    fed(call)


def forever(call: ScriptedCall) -> None:
    """A script: never answer; only cancel() ends it."""
