"""The loop that makes it so: deadlines, late calls, reaping, warming, memory pressure."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from tapwater_server.model.ids import RevisionId
from tapwater_server.ports.clock import Clock
from tapwater_server.scheduler.capacity import Capacity
from tapwater_server.scheduler.growth import Growth, ZygoteSource
from tapwater_server.scheduler.keepalive import warm_now, window
from tapwater_server.scheduler.lane import Lane
from tapwater_server.scheduler.settings import SchedulerSettings

HASTE_S = 0.01  # between rounds while somebody waits
PAUSE_S = 0.05  # between rounds otherwise: so late a deadline may be noticed
HOUSEKEEPING_S = 1.0
LANE_IDLE_S_MAX = 3600.0  # A lane without instances is forgotten so long after its last call.


class Refuse(Protocol):
    """Sends away the first ``count`` of those who wait."""

    def __call__(self, lane: Lane, message: str, *, count: int) -> None: ...


class Scaler:
    """Asks the pure parts, and does what they say."""

    def __init__(
        self,
        *,
        lanes: dict[tuple[RevisionId, str], Lane],
        growth: Growth,
        capacity: Capacity,
        zygotes: ZygoteSource,
        clock: Clock,
        settings: SchedulerSettings,
        refuse: Refuse,
        seat: Callable[[Lane], None],
    ) -> None:
        self._lanes = lanes
        self._growth = growth
        self._capacity = capacity
        self._zygotes = zygotes
        self._clock = clock
        self._settings = settings
        self._refuse = refuse
        self._seat = seat
        self._housekeeping_at = 0.0
        self._relief: asyncio.Task[int] | None = None
        self.pause_s = PAUSE_S

    def step(self) -> int:
        """One round; say how many instances were looked at."""
        now = self._clock.monotonic()
        looked = self.sweep(now)
        self._growth.feed()
        if now >= self._housekeeping_at:
            self._housekeeping_at = now + HOUSEKEEPING_S
            self._keep_house(now)
        return looked

    def sweep(self, now: float) -> int:
        """Enforce deadlines, of those who run and of those who wait."""
        looked, waiting = 0, False
        for lane in tuple(self._lanes.values()):
            for instance in lane.pool:
                instance.sweep(now)
                waiting = waiting or instance.holds
                looked += 1
            lane.settle_spare(now, cores=self._settings.cores)
            if len(lane.room):
                waiting = True
                self._seat(lane)
                self._sweep_room(lane, now)
        self.pause_s = HASTE_S if waiting else PAUSE_S
        return looked

    async def stop(self) -> None:
        """Let go of what is under way."""
        if self._relief is not None:
            self._relief.cancel()
            await asyncio.gather(self._relief, return_exceptions=True)

    def _sweep_room(self, lane: Lane, now: float) -> None:
        longest_s = lane.function.limits.waiting_s_max
        while (head := lane.room.head()) is not None:
            if now - head.invocation.arrived_at < longest_s:
                break
            self._refuse(lane, f"no seat became free in {longest_s:g} s", count=1)
        if len(lane.room) and lane not in self._growth.hungry:
            self._growth.grow(lane)

    def _keep_house(self, now: float) -> None:
        self._growth.revalue()
        for key, lane in tuple(self._lanes.items()):
            self._reap(lane, now)
            if lane.empty and self._forgettable(lane, now):
                del self._lanes[key]
        missing = self._capacity.look()
        if missing:
            self._relieve(missing)

    def _reap(self, lane: Lane, now: float) -> None:
        if lane.retired:
            for instance in lane.pool.idle():
                lane.pool.retire(instance)
            return
        limits = lane.function.limits
        lane.window = window(
            lane.habit,
            fixed_s=self._settings.keep_alive_s,
            keep_s_max=self._settings.keep_alive_s_max,
        )
        idle_s = now - lane.last_at
        warm = bool(lane.last_at) and warm_now(lane.window, idle_s=idle_s)
        # Within the window after the last call of all, one instance stays ready; the others
        # go when they themselves have been idle for as long.
        keep = max(limits.instances_min, 1 if warm else 0)
        for instance in lane.pool.reapable(now=now, idle_s_max=lane.window.keep_s, keep=keep):
            lane.pool.retire(instance)
        there = len(lane.pool) + lane.starting
        wanted = max(limits.instances_min, 1 if warm and lane.window.prewarm_s is not None else 0)
        failing = lane.failure is not None and now < lane.failure.until
        if wanted > there and not failing:
            self._growth.start(lane, min(wanted, limits.instances_max) - there)

    def _forgettable(self, lane: Lane, now: float) -> bool:
        if lane.retired:
            return True
        return not lane.function.limits.instances_min and now - lane.last_at > LANE_IDLE_S_MAX

    def _relieve(self, missing_bytes: int) -> None:
        """The machine is short of memory: idle instances go first, then zygotes."""
        freed = self._growth.evict(missing_bytes)
        if freed < missing_bytes and (self._relief is None or self._relief.done()):
            self._relief = asyncio.get_running_loop().create_task(
                self._zygotes.relieve(missing_bytes - freed)
            )
