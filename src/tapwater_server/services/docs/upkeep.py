"""What goes on beside requests: indexes are built, expired documents are removed."""

import asyncio
import logging

from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.documents import Documents

SWEEP_S = 5.0  # Between looks for expired documents; they are invisible long before.
PAUSE_S = 0.005  # Between two steps of building: the writers go first.
RETRY_S = 5.0
_log = logging.getLogger(__name__)


class Upkeep:
    """Builds and sweeps, a step at a time."""

    def __init__(self, *, documents: Documents, clock: Clock) -> None:
        self._documents, self._clock = documents, clock
        self._stirred = asyncio.Event()

    def stir(self) -> None:
        """Say that there may be an index to build or to clear away."""
        self._stirred.set()

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            try:
                busy = await self.step()
            except Exception:
                # A border: a full disk must not end the upkeep for good.
                _log.exception("the upkeep of documents failed")
                await self._clock.sleep(RETRY_S)
                continue
            if busy:
                await self._clock.sleep(PAUSE_S)
            else:
                await wait_either(self._stirred, clock=self._clock, seconds=SWEEP_S)

    async def step(self) -> bool:
        """Do a little; say whether there is more to do now."""
        self._stirred.clear()
        building = await self._documents.build_step()
        swept = await self._documents.sweep()
        return building or swept > 0
