"""What apps keep costs by the hour: a loop that looks how much it is, and notes it as use."""

import logging

from tapwater_server.ports.clock import Clock
from tapwater_server.ports.keeping import Keeping
from tapwater_server.ports.meter import Meter, Use

EVERY_S = 3600.0
FIRST_S = 60.0  # After a start others have more to do.
BILLED_S_MAX = 2 * EVERY_S  # Since the look before: a week in which nothing ran is not billed.
_HOUR_S = 3600.0
_log = logging.getLogger(__name__)


class Storing:
    """A loop with a step.

    What is kept now counts for the time since the look before. That moment is kept on disk and
    moved on before anything is noted: whatever is killed when, no hour is billed twice.
    """

    def __init__(self, *, keeping: Keeping, meter: Meter, clock: Clock) -> None:
        self._keeping, self._meter, self._clock = keeping, meter, clock

    async def run(self) -> None:
        """Look once an hour, until cancelled."""
        wait_s = FIRST_S
        while True:
            await self._clock.sleep(wait_s)
            wait_s = EVERY_S
            try:
                await self.step()
            except Exception:
                # The border of a loop's step: a full disk must not end the billing of storage.
                _log.exception("what apps keep could not be added up")

    async def step(self) -> int:
        """Look once; say how many apps keep anything."""
        kept = await self._keeping.kept()
        now = self._clock.now()
        hours = billed_s(await self._keeping.looked(now), now) / _HOUR_S
        for one in kept:
            for quantity, size in (
                ("doc_byte_hours", one.doc_bytes),
                ("blob_byte_hours", one.blob_bytes),
            ):
                if size and hours:
                    self._meter.use(
                        Use(at=now, app=one.app, quantity=quantity, amount=size * hours)
                    )
        return len(kept)


def billed_s(before: float | None, now: float) -> float:
    """Say how much time counts since the look before.

    A clock that was put back bills nothing, one put forward no more than the ceiling.

    >>> billed_s(None, 50.0), billed_s(100.0, 50.0), billed_s(0.0, 1800.0), billed_s(0.0, 1e9)
    (0.0, 0.0, 1800.0, 7200.0)
    """
    if before is None:
        return 0.0
    return min(max(now - before, 0.0), BILLED_S_MAX)
