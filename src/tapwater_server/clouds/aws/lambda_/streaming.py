"""An answer that passes on piece by piece, as fast as who reads it takes it."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from tapwater_server.model.invocation import Headers, Outcome
from tapwater_server.ports.invoker import Call

HELD_BYTES_MAX = 256 << 10  # Of what was not read yet; then the function waits.
STREAM_BYTES_MAX = 200 << 20  # In all, as on AWS.


class Streamed:
    """An ``Exchange``: the function's side writes, the reader awaits."""

    def __init__(
        self,
        invocation: str,
        *,
        ended: Callable[[], None],
        bytes_max: int = STREAM_BYTES_MAX,
    ) -> None:
        self.invocation = invocation
        self._bytes_max = bytes_max
        self._told = ended
        self.status = 0
        self.headers: Headers = []
        self.outcome: Outcome | None = None
        self.overflowed = False
        self.call: Call | None = None
        self._parts: deque[bytes] = deque()
        self._held = self._size = 0
        self._paused = False
        self._changed = asyncio.Event()

    # The function's side.

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self.status, self.headers = status, headers
        if whole:
            self.body(whole)
        self._changed.set()

    def body(self, data: bytes) -> bool:
        self._size += len(data)
        if self._size > self._bytes_max:
            self.overflowed = True
            if self.call is not None:
                self.call.cancel("the answer is too large")
            return True
        self._parts.append(data)
        self._held += len(data)
        self._changed.set()
        self._paused = self._held > HELD_BYTES_MAX
        return not self._paused

    def message(self, data: str | bytes) -> None:
        """Nobody is listening for messages here."""

    def ended(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self._told()
        self._changed.set()

    # The reader's side.

    async def wait_head(self) -> None:
        """Return when status and headers are known, or the call is over without any."""
        while not self.status and self.outcome is None:
            self._changed.clear()
            await self._changed.wait()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Give the pieces as they come, until the call is over; who stops reading ends it."""
        try:
            while True:
                while self._parts:
                    yield self._take()
                if self.outcome is not None:
                    return
                self._changed.clear()
                await self._changed.wait()
        finally:
            self.close()

    async def whole(self) -> bytes:
        """Give all of it."""
        return b"".join([piece async for piece in self.pieces()])

    def close(self) -> None:
        """End the call if nobody reads on."""
        if self.outcome is None and self.call is not None:
            self.call.cancel("the caller has gone")

    def _take(self) -> bytes:
        part = self._parts.popleft()
        self._held -= len(part)
        if self._paused and self._held <= HELD_BYTES_MAX // 2:
            self._paused = False
            if self.call is not None:
                self.call.resume()
        return part
