"""Bus → invoker → settle. A loop with a step; it decides nothing itself."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from tapwater_server.events.retry import Ack, Again, Bury, Release, RetryPolicy, decide, hopeless
from tapwater_server.model.errors import TapwaterError
from tapwater_server.model.invocation import Invocation, Outcome
from tapwater_server.ports.bus import Bus, Delivery
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker, run

RESULT_BYTES_MAX = 1 << 20  # What is kept of an answer nobody waited for.
# The leases of a process that died end when the next one starts (the bus is reclaimed). While it
# lives, none may end under a function that has no deadline: it would run twice.
LEASE_S = 30 * 24 * 3600.0
BATCH_MAX = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatcherStats:
    """What the dispatcher has done since it started."""

    running: int
    acked: int
    retried: int
    buried: int
    released: int


class Dispatcher:
    """Leases errands, runs them through the door and settles them as ``decide`` says.

    ``translate`` turns a delivery into an invocation of what is live, or raises NotFound when
    the function is gone; that buries the errand with the reason.
    """

    def __init__(
        self,
        *,
        bus: Bus,
        invoker: Invoker,
        translate: Callable[[Delivery], Invocation],
        clock: Clock,
        ids: IdSource,
        policy: RetryPolicy,
        running_max: int = 64,
    ) -> None:
        self._bus, self._invoker, self._translate = bus, invoker, translate
        self._clock, self._ids, self._policy = clock, ids, policy
        self._running_max = running_max
        self._running = 0
        self._counts = {"acked": 0, "retried": 0, "buried": 0, "released": 0}

    def stats(self) -> DispatcherStats:
        return DispatcherStats(running=self._running, **self._counts)

    async def run(self) -> None:
        """Serve until cancelled. Deliveries in flight come back when their leases end."""
        async with asyncio.TaskGroup() as group:
            while True:
                if await self.step(group) == 0:
                    await self._bus.wait_published()

    async def step(self, group: asyncio.TaskGroup) -> int:
        """Lease what there is room for and start it; say how many."""
        room = min(self._running_max - self._running, BATCH_MAX)
        if room <= 0:
            return 0
        batch = await self._bus.lease(count_max=room, lease_s=LEASE_S)
        for delivery in batch:
            self._running += 1
            group.create_task(self._deliver(delivery))
        return len(batch)

    async def _deliver(self, delivery: Delivery) -> None:
        try:
            await self._settle(delivery)
        finally:
            self._running -= 1

    async def _settle(self, delivery: Delivery) -> None:
        reason = hopeless(attempt=delivery.attempt, policy=self._policy)
        if reason:
            await self._bury(delivery, reason)
            return
        try:
            invocation = self._translate(delivery)
            outcome = await run(self._invoker, invocation, body_bytes_max=RESULT_BYTES_MAX)
        except TapwaterError as error:
            await self._bury(delivery, error.message)
            return
        except asyncio.CancelledError:
            # The platform stops: that is no fault of the function's, and uses no attempt.
            await asyncio.shield(self._bus.release(delivery, delay_s=0.0))
            raise
        await self._obey(delivery, outcome)

    async def _bury(self, delivery: Delivery, reason: str) -> None:
        self._counts["buried"] += 1
        await self._bus.bury(delivery, reason=reason)

    async def _obey(self, delivery: Delivery, outcome: Outcome) -> None:
        verdict = decide(
            outcome,
            attempt=delivery.attempt,
            age_s=self._clock.now() - delivery.published_at,
            chance=self._ids.chance(),
            policy=self._policy,
        )
        match verdict:
            case Ack():
                self._counts["acked"] += 1
                result = {"status": outcome.status, "body": outcome.body.decode("utf-8", "replace")}
                await self._bus.ack(delivery, result=msgspec.json.encode(result))
            case Again(delay_s, reason):
                self._counts["retried"] += 1
                await self._bus.retry(delivery, delay_s=delay_s, reason=reason)
            case Release(delay_s):
                self._counts["released"] += 1
                await self._bus.release(delivery, delay_s=delay_s)
            case Bury(reason):
                await self._bury(delivery, reason)
