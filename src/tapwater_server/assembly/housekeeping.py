"""What must go after a while: old records, logs, events, results, and what services let go."""

from collections.abc import Awaitable, Callable

from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.ports.bus import Bus
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog

_DAY_S = 24 * 3600.0
_EVERY_S = 60.0


class Housekeeping:
    """A loop with a step."""

    def __init__(
        self,
        *,
        meter: SqliteMeter,
        bus: Bus,
        eventlog: EventLog,
        sweep: Callable[[], Awaitable[None]],  # of the services
        clock: Clock,
        retention_days: float,
    ) -> None:
        self._meter, self._bus, self._eventlog = meter, bus, eventlog
        self._sweep, self._clock = sweep, clock
        self._retention_s = retention_days * _DAY_S

    async def run(self) -> None:
        """Clean up once a minute, until cancelled."""
        while True:
            await self._clock.sleep(_EVERY_S)
            await self.step()

    async def step(self) -> None:
        """Clean up once."""
        await self._meter.prune(older_than_s=self._retention_s)
        await self._bus.sweep(older_than_s=_DAY_S)
        await self._eventlog.sweep(older_than_s=self._retention_s)
        await self._sweep()
