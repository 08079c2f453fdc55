"""Receives messages: leases of the bus, long polls, and what was received too often moves on."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Protocol

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.sqs.book import Queue, QueueBook
from tapwater_server.clouds.aws.sqs.repeating import Repeats
from tapwater_server.model.message import pack_attributes, unpack
from tapwater_server.ports.bus import Bus, Dead, Delivery, Moved, Returned, Settlement
from tapwater_server.ports.clock import Clock, wait_either

IN_FLIGHT_MAX = 120_000  # messages of one queue that are received and not deleted
LINES_MAX = 10_000  # queues whose messages in flight are counted


class Arrivals(Protocol):
    """Of our queues: wakes who waits for a message."""

    @property
    def full(self) -> bool: ...

    def expecting(self, line: str) -> AbstractContextManager[asyncio.Event]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a receiver asks for."""

    count: int = 1
    wait_s: float = 0.0
    visibility_s: float = 30.0
    attempt: str = ""  # of a FIFO queue: the same one again gets the same messages


class Receiver:
    """Takes messages for who asks."""

    def __init__(self, *, bus: Bus, book: QueueBook, arrivals: Arrivals, clock: Clock) -> None:
        self._bus, self._book, self._arrivals, self._clock = bus, book, arrivals, clock
        self._in_flight: dict[str, int] = {}  # by line, never less than there are
        self._repeats = Repeats(bus=bus, clock=clock)

    async def receive(self, account: Account, queue: Queue, wanted: Wanted) -> Sequence[Delivery]:
        """Take up to ``count``; wait for the first as long as asked.

        Raises:
            AwsError: OverLimit, or too many wait already.
        """
        if wanted.wait_s and self._arrivals.full:
            raise AwsError("RequestThrottled", "Too many are waiting for messages already.", 403)
        until = self._clock.monotonic() + wanted.wait_s
        with self._arrivals.expecting(queue.line) as arrived:
            while True:
                arrived.clear()
                found = await self._take(account, queue, wanted)
                left_s = until - self._clock.monotonic()
                if found or left_s <= 0:
                    return found
                await wait_either(arrived, clock=self._clock, seconds=left_s)

    async def _take(self, account: Account, queue: Queue, wanted: Wanted) -> Sequence[Delivery]:
        if queue.fifo and wanted.attempt:
            again = await self._repeats.again(
                queue.line, wanted.attempt, visibility_s=wanted.visibility_s
            )
            if again is not None:
                return again
        if not await self._has_room(account, queue, wanted.count):
            return ()
        while True:
            leased = await self._lease(queue, wanted)
            good, moved = await self._sorted(account, queue, leased)
            if good or not moved:
                break
        if queue.fifo and wanted.attempt and good:
            self._repeats.keep(queue.line, wanted.attempt, good)
        return good

    async def _lease(self, queue: Queue, wanted: Wanted) -> Sequence[Delivery]:
        """Lease; what came while the receiver went away is given back."""
        leasing = asyncio.ensure_future(
            self._bus.lease(
                queue.line,
                count_max=wanted.count,
                lease_s=wanted.visibility_s,
                together=queue.fifo,
                outlives=True,
            )
        )
        try:
            leased = await asyncio.shield(leasing)
        except asyncio.CancelledError:
            leased = await leasing
            await self._bus.settle([(one, Returned()) for one in leased])
            raise
        if queue.line in self._in_flight:
            self._in_flight[queue.line] += len(leased)
        return leased

    async def _sorted(
        self, account: Account, queue: Queue, leased: Sequence[Delivery]
    ) -> tuple[Sequence[Delivery], int]:
        """Give those to be handed out, and how many were received too often and are gone."""
        most = queue.settings.attempts_max
        worn = [one for one in leased if most and one.begun > most]
        if not worn:
            return leased, 0
        target = queue.settings.dead_letters
        there = self._book.known(account, target) if target else None
        if target and there is None:
            return leased, 0  # Its dead-letter queue was deleted: they stay, as in SQS.
        settled: list[tuple[Delivery, Settlement]] = []
        for one in worn:
            reason = Dead(f"received {most} times and never deleted")
            settled.append((one, reason if there is None else self._move(one, queue, there)))
        await self._bus.settle(settled)
        return [one for one in leased if one not in worn], len(worn)

    def _move(self, delivery: Delivery, queue: Queue, to: Queue) -> Moved:
        return moved(delivery, to=to, came_from=queue.name, now=self._clock.now(), kept=not to.fifo)

    async def _has_room(self, account: Account, queue: Queue, count: int) -> bool:
        """Say whether so many more may be in flight; a FIFO queue then looks empty.

        Raises:
            AwsError: OverLimit.
        """
        known = self._in_flight.get(queue.line)
        if known is None or known + count > IN_FLIGHT_MAX:
            known = (await self._book.stats(account, queue.name)).leased
            while len(self._in_flight) >= LINES_MAX:
                del self._in_flight[next(iter(self._in_flight))]
            self._in_flight[queue.line] = known
        if known + count <= IN_FLIGHT_MAX:
            return True
        if queue.fifo:
            return False
        raise AwsError("OverLimit", "Too many messages in flight for queue.", 403)


def moved(delivery: Delivery, *, to: Queue, came_from: str, now: float, kept: bool) -> Moved:
    """Say how a message comes into another queue. ``kept``: it is as old there as it was."""
    sent = unpack(delivery.errand.body, delivery.errand.attributes)
    marks = {**sent.marks, "arrived": f"{now:.3f}"}
    marks.pop("from", None)
    if came_from:
        marks["from"] = came_from
    began = delivery.published_at if kept and delivery.published_at else now
    return Moved(
        line=to.line,
        attributes=pack_attributes(replace(sent, marks=marks)),
        expires_at=began + to.settings.retention_s,
    )
