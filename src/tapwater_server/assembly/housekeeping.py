"""What must go after a while: old records, logs, events, results, and what services let go."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from tapwater_server.assembly.steady import SteadyClock
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.ports.bus import Bus
from tapwater_server.ports.eventlog import EventLog

_DAY_S = 24 * 3600.0
_EVERY_S = 60.0

_log = logging.getLogger(__name__)


class Housekeeping:
    """A loop with a step."""

    def __init__(
        self,
        *,
        meter: SqliteMeter,
        bus: Bus,
        eventlog: EventLog,
        sweep: Callable[[], Awaitable[None]],  # of the services
        spare: Callable[[str], bool],  # lines whose expired errands are somebody's to bury
        clock: SteadyClock,
        retention_days: float,
    ) -> None:
        self._meter, self._bus, self._eventlog = meter, bus, eventlog
        self._sweep, self._spare, self._clock = sweep, spare, clock
        self._retention_s = retention_days * _DAY_S

    async def run(self) -> None:
        """Clean up once a minute, until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            await self.step()

    async def step(self) -> int:
        """Clean up once; say how many of the stores could not be cleaned."""
        behind_s = self._clock.behind_s  # Events and their stores go by the clock of the machine.
        sweeps: Sequence[Callable[[], Awaitable[object]]] = (
            partial(self._meter.prune, older_than_s=self._retention_s),
            partial(self._bus.sweep, older_than_s=_DAY_S + behind_s, spare=self._spare),
            partial(self._eventlog.sweep, older_than_s=self._retention_s + behind_s),
            self._sweep,
            self._clock.keep,
        )
        failed = 0
        for sweep in sweeps:
            try:
                await sweep()
            except Exception:
                # A border: a full disk must end the cleaning neither here nor for good. It is
                # what makes room.
                failed += 1
                _log.exception("something old could not be cleared away")
        return failed
