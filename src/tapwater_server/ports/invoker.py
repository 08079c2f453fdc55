"""The one door to user code. Requests, deliveries and calls between functions all pass it.

INV-1  start() never raises for anything a function, a guest or a client does.
INV-2  Exactly one ended() per start(), and nothing after it.
INV-3  answered() comes at most once, before any body(); ended(OK) never without answered().
       With ``whole`` the answer is complete: no body() follows and ended() comes at once, so
       that the caller can write everything in one go.
INV-4  cancel() and the deadline end the call: ended() follows within KILL_GRACE_S and a bit,
       whatever the function does.
INV-5  More calls than there is room for end as OVERLOADED at once, with retry_after_s > 0.
INV-6  All callbacks come on the loop's thread; start() may call back before it returns.

It is callbacks, not ``await``, because a task and a future per request cost more than all the
rest of the door together (docs/decisions/0003). ``run()`` below is the comfortable form.
"""

import asyncio
from typing import Protocol

from tapwater_server.model.errors import TooLarge
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome


class Exchange(Protocol):
    """The caller's side of one call: the answer arrives here."""

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        """Status (100..599) and headers, checked: lower-case token names, no line breaks or NULs.

        ``whole`` is the complete body, or None when it will come in pieces.
        """
        ...

    def body(self, data: bytes) -> bool:
        """The next piece of the answer. False: please wait until ``Call.resume()``."""
        ...

    def message(self, data: str | bytes) -> None:
        """One WebSocket message from the function (only for ``Verb.WEBSOCKET``)."""
        ...

    def ended(self, outcome: Outcome) -> None:
        """The call is over."""
        ...


class Call(Protocol):
    """The door's side of one call in progress: what the caller may still do to it."""

    def feed(self, data: bytes, *, last: bool) -> bool:
        """The next piece of the request's body. False: wait for ``Exchange``'s ``resumed``."""
        ...

    def send(self, message: str | bytes) -> bool:
        """One WebSocket message to the function. False as with ``feed``."""
        ...

    def when_writable(self, resumed: "Resumed") -> None:
        """Whom to tell that ``feed`` or ``send`` may go on, after one of them said False."""
        ...

    def resume(self) -> None:
        """The caller can take more of the answer again."""
        ...

    def cancel(self, reason: str) -> None:
        """The caller has gone; for WebSockets also: the peer has closed."""
        ...


class Resumed(Protocol):
    """Called when a call can take more body."""

    def __call__(self) -> None: ...


class Invoker(Protocol):
    """The door."""

    def start(self, invocation: Invocation, exchange: Exchange) -> Call:
        """Begin a call. See the promises above."""
        ...


class Gathered:
    """An exchange that keeps the whole answer, up to a ceiling."""

    def __init__(self, *, body_bytes_max: int) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._body_bytes_max = body_bytes_max
        self._status = 0
        self._headers: Headers = []
        self.call: Call | None = None
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self._status, self._headers = status, headers
        if whole is not None:
            self.body(whole)

    def body(self, data: bytes) -> bool:
        self._size += len(data)
        if self._size <= self._body_bytes_max:
            self._parts.append(data)
        elif self.call is not None:
            self.call.cancel("the answer is too large")
        return True

    def message(self, data: str | bytes) -> None:
        """Nobody is listening for messages here."""

    def ended(self, outcome: Outcome) -> None:
        outcome.status, outcome.headers = self._status, self._headers
        outcome.body = b"".join(self._parts)
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    @property
    def overflowed(self) -> bool:
        return self._size > self._body_bytes_max


async def run(invoker: Invoker, invocation: Invocation, *, body_bytes_max: int) -> Outcome:
    """Call a function and wait for its whole answer.

    Raises:
        TooLarge: the answer has more than ``body_bytes_max`` bytes.
    """
    gathered = Gathered(body_bytes_max=body_bytes_max)
    call = gathered.call = invoker.start(invocation, gathered)
    try:
        outcome = await gathered.outcome
    except asyncio.CancelledError:
        call.cancel("the caller has gone")
        raise
    if gathered.overflowed and outcome.ending is not Ending.OK:
        raise TooLarge(f"the answer has more than {body_bytes_max} bytes")
    return outcome
