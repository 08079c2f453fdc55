"""Things to be done later: wills that are delayed, sessions that expire."""

import heapq
from collections.abc import Callable
from itertools import count

from tapwater_server.ports.clock import Clock


class Alarms:
    """Rings when ``step()`` finds that it is time. Nothing is taken back: who is rung looks
    whether it still applies."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def after(self, seconds: float, ring: Callable[[], None]) -> None:
        when = self._clock.monotonic() + seconds
        heapq.heappush(self._waiting, (when, next(self._order), ring))

    def step(self) -> int:
        """Ring what is due; say how many that were."""
        rung = 0
        while self._waiting and self._waiting[0][0] <= self._clock.monotonic():
            _, _, ring = heapq.heappop(self._waiting)
            ring()
            rung += 1
        return rung
