"""Time, given. CLK-1 monotonic() never goes back. CLK-2 sleep() ends no earlier than asked."""

import asyncio
from typing import Protocol


class Clock(Protocol):
    """Seconds as floats. ``now`` is since the epoch and may jump; ``monotonic`` never goes back."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


async def wait_either(event: asyncio.Event, *, clock: Clock, seconds: float) -> None:
    """Wait for the event or the time, whichever comes first; leave no task behind."""
    tasks = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(seconds))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
