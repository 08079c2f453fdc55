"""A clock wound by hand, and ids that count: for tests and simulations."""

import asyncio
import heapq
import random
from collections.abc import Callable
from itertools import count

_TURNS = 25  # of the loop, after which everything that could move has moved


class ManualClock:
    """Time stands still until ``advance()``. Keeps ``Clock``."""

    def __init__(self, *, now: float = 1_800_000_000.0) -> None:
        self._began = now
        self._monotonic = 1000.0
        self._alarms: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._began + self._monotonic - 1000.0

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self._monotonic

    def jump(self, seconds: float) -> None:
        """Set the wall clock, as an operator or NTP would."""
        self._began += seconds

    def at(self, seconds: float, ring: Callable[[], None]) -> None:
        """Call ``ring`` so many seconds from now."""
        heapq.heappush(self._alarms, (self._monotonic + seconds, next(self._order), ring))

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was wound so far."""
        awake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.at(max(seconds, 0.0), lambda: _wake(awake))
        await awake

    async def advance(self, seconds: float) -> None:
        """Wind on, stopping at each alarm on the way."""
        until = self._monotonic + seconds
        await settle()
        while self._alarms and self._alarms[0][0] <= until:
            when, _, ring = heapq.heappop(self._alarms)
            self._monotonic = max(self._monotonic, when)
            ring()
            await settle()
        self._monotonic = until
        await settle()


class CountingIds:
    """Ids that count, and chance from a seed. Keeps ``IdSource``, in one process."""

    def __init__(self, *, seed: int = 0) -> None:
        self._count = count(1)
        self._random = random.Random(seed)

    def fresh(self) -> str:
        """The next id."""
        return f"{next(self._count):026d}"

    def secret(self) -> str:
        """No secret at all, but different each time."""
        return f"secret-{next(self._count):036d}"

    def chance(self) -> float:
        """The next number of the seed."""
        return self._random.random()


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)


async def settle() -> None:
    """Let the loop turn until everything that could move has moved."""
    for _ in range(_TURNS):
        await asyncio.sleep(0)  # noqa: TID251  A turn of the loop takes no time.
