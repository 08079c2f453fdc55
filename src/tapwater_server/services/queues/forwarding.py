"""Moves dead letters to the queues they are meant for, also those a function gave up on."""

import logging
from collections.abc import Sequence
from typing import Protocol

from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.queues import Queues

LOOK_S = 2.0

_log = logging.getLogger(__name__)


class Moves(Protocol):
    """Of the queues: what this loop needs."""

    async def move_dead(
        self, app: AppId, queue: str, to: str, *, ids: Sequence[str] = ()
    ) -> int: ...


class Forwarding:
    """Looks after queues whose settings name another one for dead letters, and no others."""

    def __init__(self, *, queues: Queues, moves: Moves, clock: Clock) -> None:
        self._queues, self._moves, self._clock = queues, moves, clock

    async def step(self) -> int:
        """Move what there is; say how many."""
        moved = 0
        for app, queue, to in self._queues.forwarding():
            moved += await self._moves.move_dead(app, queue, to)
        return moved

    async def run(self) -> None:
        while True:
            try:
                moved = await self.step()
            except Exception:
                # A border: a full disk must not end the moving for good.
                _log.exception("dead letters could not be moved to their queues")
                moved = 0
            if moved == 0:
                await self._clock.sleep(LOOK_S)
