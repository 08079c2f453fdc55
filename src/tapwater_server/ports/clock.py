"""Time, given. CLK-1 monotonic() never goes back. CLK-2 sleep() ends no earlier than asked."""

from typing import Protocol


class Clock(Protocol):
    """Seconds as floats. ``now`` is since the epoch and may jump; ``monotonic`` never goes back."""

    def now(self) -> float: ...

    def monotonic(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...
