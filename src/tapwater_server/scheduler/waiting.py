"""A room with so many chairs for calls that found no free seat. First come, first served."""

from collections import deque

from tapwater_server.instances.call import CallInProgress
from tapwater_server.model.invocation import Ending, Usage

_RETRY_S_MIN, _RETRY_S_MAX = 1.0, 60.0


class WaitingRoom:
    """The calls that wait for one function. Those that leave early are passed over later."""

    __slots__ = ("_calls", "_chairs", "waiting")

    def __init__(self, *, chairs: int) -> None:
        self._chairs = chairs
        self._calls: deque[CallInProgress] = deque()
        self.waiting = 0  # calls that are still here

    def __len__(self) -> int:
        return self.waiting

    @property
    def full(self) -> bool:
        """Whether there is no chair left."""
        return self.waiting >= self._chairs

    def enter(self, call: CallInProgress) -> None:
        """Sit down and wait. There must be a chair."""
        assert self.waiting < self._chairs
        call.waited = True
        call.holder = self
        self._calls.append(call)
        self.waiting += 1

    def enter_first(self, call: CallInProgress) -> None:
        """Come back from a seat that did not become free; nobody has waited longer."""
        call.holder = self
        self._calls.appendleft(call)
        self.waiting += 1

    def head(self) -> CallInProgress | None:
        """Give the call that has waited longest; it stays."""
        calls = self._calls
        while calls and calls[0].ended:
            calls.popleft()
        return calls[0] if calls else None

    def next(self) -> CallInProgress | None:
        """Give the call that has waited longest; it leaves."""
        call = self.head()
        if call is not None:
            self._calls.popleft()
            self.waiting -= 1
        return call

    def leave(self, call: CallInProgress) -> None:
        """The first has been given a place."""
        assert self._calls[0] is call
        self._calls.popleft()
        self.waiting -= 1

    def cancel(self, call: CallInProgress, reason: str) -> None:
        """Its caller has gone while it waited."""
        self.waiting -= 1
        call.end(Ending.CANCELLED, Usage(), reason)


def retry_after_s(*, waiting: int, seats: int, service_s: float) -> float:
    """Guess when there will be room: when those who wait now have been served.

    >>> retry_after_s(waiting=100, seats=10, service_s=0.5)
    5.0
    """
    guess = waiting * service_s / max(seats, 1)
    return min(max(guess, _RETRY_S_MIN), _RETRY_S_MAX)
