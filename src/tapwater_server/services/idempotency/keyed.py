"""One request with a key: a call to its caller, and the caller to the call behind it."""

import asyncio

from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Usage
from tapwater_server.ports.invoker import Call, Exchange, Invoker, Resumed
from tapwater_server.services.idempotency.answers import NOT_KEPT, begin_digest, fits


class Keyed:
    """It has not begun until its key was looked up. Then it is run, or another's answer is given.

    A caller that goes away after it has sent everything does not end the call: it will ask again
    with the same key, and is to find the answer.
    """

    def __init__(self, invocation: Invocation, exchange: Exchange) -> None:
        self._invocation, self._exchange = invocation, exchange
        self._digest = begin_digest(invocation)
        self._digest.update(invocation.body)
        self._early: list[bytes] = []  # of the body, come before the call has begun
        self._whole = asyncio.Event()  # all of the request is here, or nobody waits any more
        self._read = not invocation.body_follows
        if self._read:
            self._whole.set()
        self._call: Call | None = None
        self._reading_only = False
        self._passing = False  # the answer goes straight to the caller: it is not kept
        self._resumed: Resumed | None = None
        self._finished: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.over = False  # the caller has been told the end
        self.status = 0
        self.headers: Headers = []
        self._parts: list[bytes] = []
        self._size = 0

    # What its owner does.

    async def run(self, invoker: Invoker) -> Outcome:
        """Call the function, wait for the end; a small answer is held back until ``tell``."""
        invocation = self._invocation
        if self._early:
            invocation.body += b"".join(self._early)
            self._early.clear()
        invocation.body_follows = not self._read
        self._call = invoker.start(invocation, self)
        self._go_on()
        return await self._finished

    async def read(self) -> bytes:
        """Wait for the rest of the request, which will not be run; give its digest."""
        self._reading_only = True
        self._early.clear()
        self._go_on()
        await self._whole.wait()
        return self.digest

    @property
    def digest(self) -> bytes:
        return self._digest.digest()

    @property
    def is_held(self) -> bool:
        """Whether there is a whole answer to a whole request, which the caller does not have."""
        return self._read and self.status > 0 and not self._passing

    @property
    def body_held(self) -> bytes:
        return b"".join(self._parts)

    def tell(self, outcome: Outcome, *more: tuple[bytes, bytes]) -> None:
        """Give the caller what was held back, and the end."""
        if self.over:
            return
        if not self._passing and self.status and outcome.ending is Ending.OK:
            self._exchange.answered(self.status, [*self.headers, *more], self.body_held)
        self._end(outcome)

    def say(self, status: int, headers: Headers, body: bytes) -> None:
        """Give the caller an answer of ours."""
        if not self.over:
            self._exchange.answered(status, headers, body)
            self._end(Outcome(ending=Ending.OK, usage=Usage()))

    # What the caller does.

    def feed(self, data: bytes, *, last: bool) -> bool:
        """The next piece of the request's body."""
        self._digest.update(data)
        if last:
            self._read = True
            self._whole.set()
        if self._call is not None:
            return self._call.feed(data, last=last)
        if not self._reading_only:
            self._early.append(data)
        return self._reading_only

    def send(self, message: str | bytes) -> bool:
        """No WebSocket has a key."""
        return True

    def when_writable(self, resumed: Resumed) -> None:
        """Whom to tell that more may be fed."""
        self._resumed = resumed
        if self._call is not None:
            self._call.when_writable(resumed)

    def resume(self) -> None:
        """The caller can take more of the answer again."""
        if self._call is not None:
            self._call.resume()

    def cancel(self, reason: str) -> None:
        """The caller has gone. What it asked for as a whole goes on without it."""
        if self.over:
            return
        if self._call is not None and (not self._read or self._passing):
            self._call.cancel(reason)
            return
        self._whole.set()
        self._end(Outcome(ending=Ending.CANCELLED, usage=Usage(), message=reason))

    # What the function says.

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        """Hold the answer back if it can be kept; else pass it on, and say that it is not."""
        self.status, self.headers = status, headers
        size = len(whole) if whole is not None else _length(headers)
        if size is not None and fits(headers, size):
            if whole is not None:
                self._parts.append(whole)
            self._size = size
            return
        self._passing = True
        if not self.over:
            self._exchange.answered(status, [*headers, NOT_KEPT], whole)

    def body(self, data: bytes) -> bool:
        """The next piece of the answer."""
        if self._passing:
            return self.over or self._exchange.body(data)
        # What is more than was announced is nobody's.
        self._parts.append(data[: max(0, self._size - sum(map(len, self._parts)))])
        return True

    def message(self, data: str | bytes) -> None:
        """No WebSocket has a key."""

    def ended(self, outcome: Outcome) -> None:
        """The function's call is over."""
        if self._passing and not self.over:
            self._end(outcome)
        if not self._finished.done():
            self._finished.set_result(outcome)

    # Inside.

    def _end(self, outcome: Outcome) -> None:
        self.over = True
        self._exchange.ended(outcome)

    def _go_on(self) -> None:
        """The caller was told to wait with its body: no longer."""
        if self._resumed is None:
            return
        if self._call is not None:
            self._call.when_writable(self._resumed)
        self._resumed()


def _length(headers: Headers) -> int | None:
    """How long a function says that the answer it streams is."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 16 else None
    return None
