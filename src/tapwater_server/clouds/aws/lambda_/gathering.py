"""A whole answer of a function, gathered in callbacks."""

from typing import Protocol

from tapwater_server.model.invocation import Headers, Outcome
from tapwater_server.ports.invoker import Call


class Ended(Protocol):
    """Hears the end of a call; of one that answered too much there is no body."""

    def __call__(self, outcome: Outcome, *, overflowed: bool) -> None: ...


class Gathering:
    """Keeps ``ports.invoker.Exchange``; ``invoker.run()`` without a future and a task."""

    __slots__ = ("_bytes_max", "_ended", "_headers", "_parts", "_size", "_status", "call")

    def __init__(self, ended: Ended, *, bytes_max: int) -> None:
        self._ended, self._bytes_max = ended, bytes_max
        self._status = 0
        self._headers: Headers = []
        self._parts: list[bytes] = []
        self._size = 0
        self.call: Call | None = None

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        self._status, self._headers = status, headers
        if whole is not None:
            self.body(whole)

    def body(self, data: bytes) -> bool:
        self._size += len(data)
        if self._size <= self._bytes_max:
            self._parts.append(data)
        elif self.call is not None:
            self.call.cancel("the answer is too large")
        return True

    def message(self, data: str | bytes) -> None:
        """Nobody is listening for messages here."""

    def ended(self, outcome: Outcome) -> None:
        outcome.status, outcome.headers = self._status, self._headers
        outcome.body = b"".join(self._parts)
        self._ended(outcome, overflowed=self._size > self._bytes_max)
