"""Waiting for changes without losing one: a count of them, and whoever waits for the next."""

import asyncio

from tapwater_server.ports.clock import Clock, wait_either


class Changes:
    """Counts changes on one event loop. ``stir()`` wakes those who wait without a change."""

    def __init__(self) -> None:
        self.count = 0
        self._stirred = asyncio.Event()

    def note(self) -> None:
        self.count += 1
        self.stir()

    def stir(self) -> None:
        """Let everybody who waits look again; those who come later wait for the next."""
        stirred, self._stirred = self._stirred, asyncio.Event()
        stirred.set()

    async def wait_stirred(self, *, clock: Clock, seconds: float | None) -> None:
        """Return at the next stir, or when the time is over."""
        if seconds is None:
            await self._stirred.wait()
        else:
            await wait_either(self._stirred, clock=clock, seconds=seconds)
