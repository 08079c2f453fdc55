"""One change of an app at a time: the others wait their turn, up to a ceiling."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import AppId

WAITING_MAX = 4  # Deploys of one app; more than that is a loop gone wild.


@dataclass(slots=True)
class _Queue:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    count: int = 0


class Turns:
    """Who may change an app now."""

    def __init__(self) -> None:
        self._queues: dict[AppId, _Queue] = {}

    def count(self, app: AppId) -> int:
        """Say how many change the app now or wait to."""
        queue = self._queues.get(app)
        return queue.count if queue is not None else 0

    @asynccontextmanager
    async def of(self, app: AppId) -> AsyncIterator[None]:
        """Wait for the app to be free, and hold it.

        Raises:
            Conflict: too many wait for it already.
        """
        queue = self._queues.setdefault(app, _Queue())
        if queue.count > WAITING_MAX:
            raise Conflict(f"{queue.count} deploys of {app} are waiting already")
        queue.count += 1
        try:
            async with queue.lock:
                yield
        finally:
            queue.count -= 1
            if queue.count == 0:
                self._queues.pop(app, None)
