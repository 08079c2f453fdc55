"""A clock for clearing away: it does not believe a leap forward before that has lasted an hour.

What is removed by its age does not come back. A clock that stands in 2099 for a moment, because an
operator mistyped or the machine's own battery is empty, must not make everything old.
"""

import logging
import os
from pathlib import Path

from tapwater_server.ports.clock import Clock

LEAP_S = 3600.0  # Less is believed at once: summer time, a machine that slept.
BELIEVED_S = 3600.0  # After which the new time is the time.

_log = logging.getLogger(__name__)


class SteadyClock:
    """``now()`` goes on from where it was; a clock put back is followed at once, as that removes
    less. What it believed is kept in a file's time over starts (``keep()``).
    """

    def __init__(self, clock: Clock, *, file: Path) -> None:
        self._clock, self._file = clock, file
        self._doubted: tuple[float, float] | None = None  # the offset, and since when
        known, now = self._known(), clock.now()
        self._offset = (now if known is None else min(now, known)) - clock.monotonic()

    def now(self) -> float:
        """Seconds since the epoch, as far as they are believed."""
        monotonic = self._clock.monotonic()
        offset = self._clock.now() - monotonic
        if offset - self._offset <= LEAP_S or self._has_lasted(offset, monotonic):
            self._offset, self._doubted = offset, None
        return self._offset + monotonic

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    @property
    def behind_s(self) -> float:
        """How far it is behind the clock."""
        return max(0.0, self._clock.now() - self.now())

    async def keep(self) -> None:
        """Remember for the next start what time it is; takes no room on the disk."""
        now = self.now()
        self._file.touch(mode=0o600)
        os.utime(self._file, (now, now))

    def _known(self) -> float | None:
        try:
            return self._file.stat().st_mtime
        except OSError:
            return None

    def _has_lasted(self, offset: float, monotonic: float) -> bool:
        if self._doubted is None or abs(offset - self._doubted[0]) > LEAP_S:
            self._doubted = (offset, monotonic)
            _log.warning(
                "the clock has leapt by %d s: for an hour, nothing is cleared away for its age",
                round(offset - self._offset),
            )
        return monotonic - self._doubted[1] >= BELIEVED_S
