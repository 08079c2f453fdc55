"""Lines of the bus → invoker → settle. A loop with a step; it decides nothing itself."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tapwater_server.events.audience import Audience, Target
from tapwater_server.events.batching import Filling, goes_alone
from tapwater_server.events.breaks import Breaks
from tapwater_server.events.delivering import Delivering
from tapwater_server.events.lines import share
from tapwater_server.events.pacing import Paces
from tapwater_server.events.settling import Settling
from tapwater_server.ports.bus import Bus, Dead, Delivery, Returned
from tapwater_server.ports.clock import Clock, wait_either

# The leases of a process that died end when the next one starts (the bus is reclaimed). While it
# lives, none may end under a function that has no deadline: it would run twice.
LEASE_S = 30 * 24 * 3600.0
RUNNING_MAX = 128  # Calls of functions at a time, from all lines.
OVERFLOW = 4  # So many times as many, if each is the only one of its line.
AGAIN_S = 1.0  # After the bus could not be used.

# Whether calls of a function (of an app) would be refused for long: its deliveries stay where
# they are, and use up nothing, until look_again().
Closed = Callable[[str, str], bool]
_log = logging.getLogger(__name__)


def never_closed(app: str, function: str) -> bool:
    """Say that nothing keeps a function from being called."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherStats:
    """What the dispatcher has done since it started."""

    running: int
    acked: int
    retried: int
    buried: int
    released: int
    failed: int  # steps and deliveries that broke by a mistake of ours, or for lack of disk


class Dispatcher:
    """Leases from the lines that somebody live serves, and has each delivery made and settled."""

    def __init__(
        self,
        *,
        bus: Bus,
        audience: Audience,
        delivering: Delivering,
        settling: Settling,
        clock: Clock,
        closed: Closed = never_closed,
        running_max: int = RUNNING_MAX,
    ) -> None:
        self._bus, self._audience = bus, audience
        self._delivering, self._settling, self._clock = delivering, settling, clock
        self._running_max, self._closed = running_max, closed
        self._running: dict[str, int] = {}  # calls by line
        self._fillings: dict[str, Filling] = {}
        self._paces = Paces()
        self._breaks = Breaks()
        self._turn = 0
        self._under_way: dict[int, Sequence[Delivery]] = {}  # by a number of their own
        self._number = 0
        self._failed = 0
        self._wake = asyncio.Event()
        self._due: float | None = None  # when a batch or a pace wants to be looked at again

    def stats(self) -> DispatcherStats:
        running = sum(self._running.values())
        failed = self._failed + self._settling.failed
        return DispatcherStats(running=running, failed=failed, **self._delivering.counts)

    def look_again(self) -> None:
        """Something else than the bus has changed: what is live, or may be called again."""
        self._wake.set()

    async def run(self) -> None:
        """Serve until cancelled. What runs then is given back, and uses no attempt."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch())
                group.create_task(self._settling.run())
                while True:
                    await self._step_or_pause(group)
        finally:
            await asyncio.shield(self._stop())

    async def _watch(self) -> None:
        seen = 0
        while True:
            seen = await self._bus.wait_ready(seen)
            self._wake.set()

    async def _step_or_pause(self, group: asyncio.TaskGroup) -> None:
        self._wake.clear()
        try:
            if await self.step(group):
                return
        except Exception:  # The border of a loop's step: a full disk is no end of the line.
            self._failed += 1
            _log.exception("no deliveries could be leased")
            await self._clock.sleep(AGAIN_S)
            return
        if self._due is None:
            await self._wake.wait()
            return
        wait_s = max(0.0, self._due - self._clock.monotonic())
        await wait_either(self._wake, clock=self._clock, seconds=wait_s)

    async def step(self, group: asyncio.TaskGroup) -> int:
        """Lease what there is room for and start it; say how many deliveries came."""
        self._due = None
        targets = await self._targets()
        leasing = self._plan(targets)
        leased = await self._lease(leasing, targets)
        came = 0
        for (line, count), deliveries in zip(leasing, leased, strict=True):
            came += len(deliveries)
            self._take_in(group, line, targets[line], deliveries, asked=count)
        for line in list(self._fillings):
            self._send_when_ready(group, line, targets.get(line))
        return came

    async def _lease(
        self, leasing: Sequence[tuple[str, int]], targets: Mapping[str, Target]
    ) -> Sequence[Sequence[Delivery]]:
        """Lease from several lines at once: they share one write. Where somebody wants to hear of
        bad ends, what has expired comes too, to be buried here.
        """
        leases = asyncio.gather(
            *(
                self._bus.lease(
                    line,
                    count_max=count,
                    lease_s=LEASE_S,
                    take_expired=bool(targets[line].options.on_failure),
                    together=_together(targets[line]),
                )
                for line, count in leasing
            ),
            return_exceptions=True,
        )
        try:
            found = await asyncio.shield(leases)
        except asyncio.CancelledError:
            found = await leases
            self._give_back([one for leased in found for one in _came(leased)])
            raise
        for failed in found:
            if isinstance(failed, BaseException):  # What came of the others is ours by now.
                self._give_back([one for leased in found for one in _came(leased)])
                raise failed
        return [_came(leased) for leased in found]

    async def _targets(self) -> dict[str, Target]:
        """Who serves the lines that have something, and those with a batch under way."""
        lines = dict.fromkeys([*await self._bus.ready(), *self._fillings])
        found = {line: self._audience.target(line) for line in lines}
        return {
            line: target
            for line, target in found.items()
            if target is not None and not self._is_closed(target)
        }

    def _is_closed(self, target: Target) -> bool:
        return target.function is not None and self._closed(target.app, target.function.id.name)

    def _plan(self, targets: Mapping[str, Target]) -> Sequence[tuple[str, int]]:
        """Say how many to lease from which line."""
        self._turn += 1
        rooms = {
            line: target.seats - self._running.get(line, 0) for line, target in targets.items()
        }
        running = sum(self._running.values())
        room = self._running_max - running
        seats = share(list(targets), rooms, room=room, first=self._turn)
        if room <= 0 and running < self._running_max * OVERFLOW:
            # All seats are taken, perhaps for long. Who has none gets one all the same.
            seats = {line: 1 for line in rooms if not self._running.get(line)}
        counts = [(line, self._count(line, targets[line], n)) for line, n in seats.items()]
        return [(line, count) for line, count in counts if count > 0]

    def _count(self, line: str, target: Target, seats: int) -> int:
        """Turn seats into deliveries: as many as a batch still takes, or as its pace allows."""
        count = seats
        if target.batching is not None:
            filling = self._fillings.get(line)
            count = filling.room if filling is not None else target.batching.size
        pace = target.options.pace
        if pace is None or pace.of_key:
            return count
        step = self._paces.take(line, "", pace, now=self._clock.monotonic(), wanted=count)
        if step.count < count:
            self._look_at(step.again_at)
        return step.count

    def _take_in(
        self,
        group: asyncio.TaskGroup,
        line: str,
        target: Target,
        deliveries: Sequence[Delivery],
        *,
        asked: int,
    ) -> None:
        pace = target.options.pace
        if pace is not None and not pace.of_key and len(deliveries) < asked:
            self._paces.give_back(line, "", pace, asked - len(deliveries))
        for delivery in deliveries:
            if not self._is_too_fast(line, target, delivery):
                self._send(group, line, target, delivery)

    def _send(
        self, group: asyncio.TaskGroup, line: str, target: Target, delivery: Delivery
    ) -> None:
        # In the background, with its data.
        called = not target.queue and not delivery.errand.event and target.serving is None
        if target.batching is None or called:
            work = partial(self._delivering.one, delivery, target)
        elif not _together(target) and goes_alone(
            delivery, attempts_max=target.options.attempts_max
        ):
            work = partial(self._delivering.several, [delivery], target)
        else:
            self._fill(group, line, target, delivery)
            return
        self._start(group, line, work, [delivery])

    def _is_too_fast(self, line: str, target: Target, delivery: Delivery) -> bool:
        """Give a delivery back whose key has had its share."""
        pace = target.options.pace
        if pace is None or not pace.of_key:
            return False
        now = self._clock.monotonic()
        step = self._paces.take(line, delivery.errand.key, pace, now=now, wanted=1)
        if not step.count:
            self._settling.add(delivery, Returned(delay_s=max(0.001, step.again_at - now)))
        return not step.count

    def _fill(
        self, group: asyncio.TaskGroup, line: str, target: Target, delivery: Delivery
    ) -> None:
        assert target.batching is not None
        filling = self._fillings.get(line)
        if filling is None:
            due = self._clock.monotonic() + target.batching.window_s
            filling = self._fillings[line] = Filling(batching=target.batching, due=due)
        filling.add(delivery)
        if not filling.room:
            self._send_when_ready(group, line, target)

    def _send_when_ready(self, group: asyncio.TaskGroup, line: str, target: Target | None) -> None:
        filling = self._fillings.get(line)
        if filling is None:
            return
        if target is None:  # Nobody takes them any more: they wait, as they did before.
            self._give_back(self._fillings.pop(line).held)
        elif filling.ready(self._clock.monotonic()):
            del self._fillings[line]
            work = partial(self._delivering.several, filling.held, target)
            self._start(group, line, work, filling.held)
        else:
            self._look_at(filling.due)

    def _start(
        self,
        group: asyncio.TaskGroup,
        line: str,
        work: Callable[[], Awaitable[None]],
        deliveries: Sequence[Delivery],
    ) -> None:
        self._running[line] = self._running.get(line, 0) + 1
        self._number += 1
        self._under_way[self._number] = deliveries
        group.create_task(self._deliver(line, work, self._number))

    async def _deliver(self, line: str, work: Callable[[], Awaitable[None]], number: int) -> None:
        """If this is cancelled, run() gives back what is still under way."""
        try:
            await work()
        except Exception:  # The border of a delivery: a mistake of ours, or no disk.
            self._failed += 1
            _log.exception("a delivery broke", extra={"line": line})
            for delivery in self._under_way[number]:
                self._broke(line, delivery)
        del self._under_way[number]
        self._running[line] -= 1
        if not self._running[line]:
            del self._running[line]
        self._wake.set()

    def _broke(self, line: str, delivery: Delivery) -> None:
        verdict = self._breaks.judge(delivery.errand.id)
        if isinstance(verdict, Dead):
            self._delivering.give_up(delivery, self._audience.target(line), verdict.reason)
        else:
            self._settling.add(delivery, verdict)

    def _look_at(self, at: float) -> None:
        self._due = at if self._due is None else min(self._due, at)

    def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._settling.add(delivery, Returned())

    async def _stop(self) -> None:
        """Give back what is not done. That is no fault of the functions', and uses no attempt."""
        for filling in self._fillings.values():
            self._give_back(filling.held)
        for deliveries in self._under_way.values():
            self._give_back(deliveries)
        for kept in (self._fillings, self._under_way, self._running):
            kept.clear()
        await self._settling.finish()


def _together(target: Target) -> bool:
    return target.batching is not None and target.batching.together


def _came(leased: Sequence[Delivery] | BaseException) -> Sequence[Delivery]:
    return () if isinstance(leased, BaseException) else leased
