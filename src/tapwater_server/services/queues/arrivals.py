"""Wakes who waits for a message: one watch over the bus, however many wait."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tapwater_server.ports.bus import Bus

WAITING_MAX = 10_000  # Long polls at a time.


class Arrivals:
    """Who waits for which line. Costs nothing while nobody waits."""

    def __init__(self, *, bus: Bus) -> None:
        self._bus = bus
        self._waiting: dict[str, list[asyncio.Event]] = {}
        self._somebody = asyncio.Event()
        self._seen = -1

    @property
    def full(self) -> bool:
        return sum(map(len, self._waiting.values())) >= WAITING_MAX

    @contextmanager
    def expecting(self, line: str) -> Iterator[asyncio.Event]:
        """Give an event that is set when the line may have something. Enter before you look."""
        arrived = asyncio.Event()
        self._waiting.setdefault(line, []).append(arrived)
        self._somebody.set()
        try:
            yield arrived
        finally:
            self._waiting[line].remove(arrived)
            if not self._waiting[line]:
                del self._waiting[line]
            if not self._waiting:
                self._somebody.clear()

    async def step(self) -> None:
        """Wait until somebody waits and the bus has changed, then wake whom it may concern."""
        await self._somebody.wait()
        self._seen = await self._bus.wait_ready(self._seen)
        for line in await self._bus.ready():
            for arrived in self._waiting.get(line, ()):
                arrived.set()

    async def run(self) -> None:
        while True:
            await self.step()
