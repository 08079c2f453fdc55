"""Settles deliveries in groups: while one group is being written, the next one gathers."""

import asyncio
import logging

from tapwater_server.ports.bus import Bus, Delivery, Settlement
from tapwater_server.ports.clock import Clock

GROUP_MAX = 256
AGAIN_S = 1.0  # After the bus could not take a group: the disk is full, or slow.

_log = logging.getLogger(__name__)


class Settling:
    """``add()`` and forget: what is added is settled, or its lease ends and it comes again."""

    def __init__(self, *, bus: Bus, clock: Clock) -> None:
        self._bus, self._clock = bus, clock
        self._waiting: list[tuple[Delivery, Settlement]] = []
        self._some = asyncio.Event()
        self.failed = 0

    def add(self, delivery: Delivery, settlement: Settlement) -> None:
        self._waiting.append((delivery, settlement))
        self._some.set()

    async def run(self) -> None:
        """Settle until cancelled; then somebody calls ``finish()``."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                await self._settle()

    async def finish(self) -> None:
        """Settle what is left, once: the platform stops."""
        while self._waiting:
            group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            await self._bus.settle(group)

    async def _settle(self) -> None:
        group = self._waiting[:GROUP_MAX]
        try:
            await self._bus.settle(group)
        except Exception:  # The border of a loop's step: what failed is tried again.
            self.failed += 1
            _log.exception("deliveries could not be settled", extra={"count": len(group)})
            await self._clock.sleep(AGAIN_S)
            return
        del self._waiting[: len(group)]
