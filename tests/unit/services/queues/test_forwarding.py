"""The loop that moves dead letters: a full disk does not end it."""

import asyncio
from collections.abc import Sequence
from typing import Any, cast

from tapwater_server.model.errors import StorageFull
from tapwater_server.model.ids import AppId
from tapwater_server.services.queues.forwarding import LOOK_S, Forwarding
from tapwater_server.testing.clock import ManualClock


class Forwarded:
    def forwarding(self) -> Sequence[tuple[AppId, str, str]]:
        return [(AppId("shop"), "jobs", "dead-jobs")]


class FullAtFirst:
    """Moves one letter, once there is room."""

    def __init__(self) -> None:
        self.full, self.moved = 3, 0

    async def move_dead(self, app: AppId, queue: str, to: str, *, ids: Sequence[str] = ()) -> int:
        self.full -= 1
        if self.full >= 0:
            raise StorageFull("the disk is full")
        self.moved += 1
        return 0


async def test_a_full_disk_does_not_end_the_moving() -> None:
    clock, moves = ManualClock(), FullAtFirst()
    loop = Forwarding(queues=cast(Any, Forwarded()), moves=moves, clock=clock)
    running = asyncio.create_task(loop.run())
    await clock.advance(LOOK_S * 4)
    assert (running.done(), moves.moved > 0) == (False, True)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
