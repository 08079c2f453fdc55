"""Moves the messages of move tasks, a batch at a time; a task goes on where a restart found it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.sqs.book import Queue, QueueBook
from tapwater_server.clouds.aws.sqs.moves import KIND
from tapwater_server.clouds.aws.sqs.receiving import moved
from tapwater_server.clouds.aws.sqs.tasks import COMPLETED, FAILED, RUNNING, MoveTask, task_of
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import unpack
from tapwater_server.ports.bus import Bus, Delivery, Returned, Settlement
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Facts, Put

BATCH_MAX = 100
LEASE_S = 60.0
AGAIN_S = 1.0  # after something broke
_SPACE = "aws/"
_log = logging.getLogger(__name__)


class Mover:
    """The loop behind StartMessageMoveTask."""

    def __init__(
        self, *, bus: Bus, book: QueueBook, facts: Facts, clock: Clock, begun: asyncio.Event
    ) -> None:
        self._bus, self._book, self._facts, self._clock = bus, book, facts, clock
        self._begun = begun

    async def run(self) -> None:
        while True:
            self._begun.clear()
            try:
                busy = await self.step()
            except Exception:
                # A border: a full disk must not end the moving for good.
                _log.exception("messages could not be moved between queues")
                await self._clock.sleep(AGAIN_S)
                continue
            if not busy:
                await self._begun.wait()

    async def step(self) -> int:
        """Move a batch of each task that runs; say how many there are."""
        running = self._running()
        for home, task in running:
            await self._move(home, task)
        if any(task.rate_max for _, task in running):
            await self._clock.sleep(1.0)
        return len(running)

    def _running(self) -> Sequence[tuple[AppId, MoveTask]]:
        return [
            (AppId(space.removeprefix(_SPACE)), task_of(fact.value))
            for space in self._facts.spaces()
            if space.startswith(_SPACE)
            for fact in self._facts.list(space, KIND)
            if fact.value["status"] == RUNNING
        ]

    async def _move(self, home: AppId, task: MoveTask) -> None:
        account = Account(id="", home=home)  # Queues are found by their app alone.
        source = self._book.known(account, task.source)
        if source is None:
            await self._keep(account, replace(task, status=FAILED, reason="The queue is gone."))
            return
        count = min(BATCH_MAX, task.rate_max or BATCH_MAX)
        leased = await self._bus.lease(
            source.line, count_max=count, lease_s=LEASE_S, together=source.fifo
        )
        settled = [(one, self._settlement(account, task, one)) for one in leased]
        await self._bus.settle(settled)
        lost = [one for one, how in settled if isinstance(how, Returned)]
        task = replace(task, moved=task.moved + len(leased) - len(lost))
        if lost:
            reason = "The queue that a message came from is not known, or gone."
            task = replace(task, status=FAILED, reason=reason)
        elif not leased:
            task = replace(task, status=COMPLETED)
        await self._keep(account, task)

    def _settlement(self, account: Account, task: MoveTask, delivery: Delivery) -> Settlement:
        to = self._destination(account, task, delivery)
        if to is None:
            return Returned()
        return moved(delivery, to=to, came_from="", now=self._clock.now(), kept=False)

    def _destination(self, account: Account, task: MoveTask, delivery: Delivery) -> Queue | None:
        name = task.destination
        if not name:
            errand = delivery.errand
            name = unpack(errand.body, errand.attributes).marks.get("from", "")
        return self._book.known(account, name) if name else None

    async def _keep(self, account: Account, task: MoveTask) -> None:
        """Write down how far it is, unless somebody has cancelled it meanwhile."""
        fact = self._facts.get(account.space, KIND, task.id)
        if fact is not None and fact.value["status"] == RUNNING:
            step = Put(kind=KIND, key=task.id, value=task.fact(), version=fact.version)
            await self._facts.change(account.space, [step])
