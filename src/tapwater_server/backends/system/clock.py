"""The machine's clock."""

import asyncio
import time


class SystemClock:
    """Real time. ``now`` and ``monotonic`` are the C functions themselves, without a call more."""

    now = staticmethod(time.time)  # noqa: TID251  This is the adapter.
    monotonic = staticmethod(time.monotonic)

    async def sleep(self, seconds: float) -> None:
        """Wait for at least ``seconds``: the loop's timers may round down, so look again."""
        until = time.monotonic() + seconds
        left = seconds
        while True:
            await asyncio.sleep(max(left, 0.0))  # noqa: TID251  This is the adapter.
            left = until - time.monotonic()
            if left <= 0:
                return
