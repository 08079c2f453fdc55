"""The durable bus of one machine: errands in a table, committed in groups, one fsync a group."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from tapwater_server.backends.sqlite import bus_leasing, bus_removing
from tapwater_server.backends.sqlite.bus_heads import Head, Heads
from tapwater_server.backends.sqlite.bus_leasing import Leased, Settled
from tapwater_server.backends.sqlite.bus_listing import lines_of, newest, state_of
from tapwater_server.backends.sqlite.bus_publishing import publish
from tapwater_server.backends.sqlite.bus_removing import Touched
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import (
    Delivery,
    Errand,
    ErrandState,
    Filter,
    LineStats,
    Settlement,
    check_size,
)
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.noticing import Changes

LOOK_S_MAX = 30.0  # How often to look at the clock while something waits: it may have jumped.
_RECLAIM = """
UPDATE errand SET due = :now WHERE state = 3 AND due > :now AND NOT outlives RETURNING line
"""
# From line to line through the indexes of what is ready and of what will be. What is held lies
# in the line of what it waits for.
_LINES = """
WITH RECURSIVE
ready (line) AS (
    SELECT min(line) FROM errand WHERE state = 0
    UNION ALL
    SELECT (SELECT min(line) FROM errand WHERE state = 0 AND line > ready.line)
    FROM ready WHERE ready.line IS NOT NULL),
coming (line) AS (
    SELECT min(line) FROM errand WHERE state IN (1, 3)
    UNION ALL
    SELECT (SELECT min(line) FROM errand WHERE state IN (1, 3) AND line > coming.line)
    FROM coming WHERE coming.line IS NOT NULL)
SELECT line FROM ready WHERE line IS NOT NULL
UNION SELECT line FROM coming WHERE line IS NOT NULL
"""


class SqliteBus:
    """Errands in SQLite. One process leases from it; the lease survives that process."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._changes, self._seen = Changes(), 0
        self._heads = Heads()
        self._heads.note(database.load(_load))

    async def reclaim(self) -> int:
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Sequence[Head]:
            ended = connection.execute(_RECLAIM, {"now": now}).fetchall()
            return [Head(line=line, ready=True) for (line,) in ended]

        heads = await self._database.write(work, then=lambda heads: self._note(heads))
        return len(heads)

    async def publish(self, errands: Sequence[Errand]) -> int:
        for errand in errands:
            check_size(errand)
        work = partial(publish, errands=tuple(errands), now=self._clock.now())
        done = await self._database.write(work, then=lambda done: self._note(done.heads))
        return done.new

    async def lease(
        self,
        line: str,
        *,
        count_max: int,
        lease_s: float,
        take_expired: bool = False,
        together: bool = False,
        outlives: bool = False,
    ) -> Sequence[Delivery]:
        now = self._clock.now()
        work = partial(
            bus_leasing.lease,
            line=line,
            count_max=count_max,
            now=now,
            until=now + lease_s,
            take_expired=take_expired,
            together=together,
            outlives=outlives,
        )
        return (await self._database.write(work, then=self._note_leased)).deliveries

    async def settle(self, settled: Sequence[tuple[Delivery, Settlement]]) -> Sequence[bool]:
        work = partial(bus_leasing.settle, settled=tuple(settled), now=self._clock.now())
        return (await self._database.write(work, then=self._note_settled)).held

    async def extend(self, delivery: Delivery, *, lease_s: float) -> Delivery | None:
        now = self._clock.now()
        until = now + lease_s
        work = partial(bus_leasing.extend, delivery=delivery, now=now, until=until)
        # It may end earlier than it would have: with a shorter lease, or a clock that was set back.
        heads = [Head(line=delivery.errand.line, ready=None, due=until)]
        if not await self._database.write(work, then=lambda _: self._note_due(heads)):
            return None
        return replace(delivery, leased_until=until)

    async def ready(self) -> Sequence[str]:
        self._seen = self._changes.count
        return self._heads.ready(self._clock.now())

    async def wait_ready(self, seen: int | None = None) -> int:
        seen = self._seen if seen is None else seen
        while self._changes.count == seen:
            due = self._heads.next_due()
            wait_s = None if due is None else due - self._clock.now()
            if wait_s is not None and wait_s <= 0:
                self._heads.ready(self._clock.now())
                self._changes.note()
            else:
                wait_s = None if wait_s is None else min(wait_s, LOOK_S_MAX)
                await self._changes.wait_stirred(clock=self._clock, seconds=wait_s)
        return self._changes.count

    async def state(self, id: str) -> ErrandState | None:
        return await self._database.read(partial(state_of, id=id, now=self._clock.now()))

    async def list(
        self, filter: Filter, *, after: str = "", count_max: int = 100
    ) -> Sequence[ErrandState]:
        now = self._clock.now()
        work = partial(newest, filter=filter, after=after, count_max=count_max, now=now)
        return await self._database.read(work)

    async def revive(self, filter: Filter, *, count_max: int) -> Sequence[str]:
        work = partial(
            bus_removing.revive, filter=filter, count_max=count_max, now=self._clock.now()
        )
        return (await self._database.write(work, then=self._note_touched)).ids

    async def drop(self, filter: Filter, *, count_max: int, leased: bool = False) -> Sequence[str]:
        now = self._clock.now()
        work = partial(
            bus_removing.drop, filter=filter, count_max=count_max, now=now, leased=leased
        )
        return (await self._database.write(work, then=self._note_touched)).ids

    async def lines(self, app: AppId, *, line: str = "") -> Sequence[LineStats]:
        work = partial(lines_of, app=app, now=self._clock.now(), line=line)
        return await self._database.read(work)

    async def sweep(
        self, *, older_than_s: float, spare: Callable[[str], bool] | None = None
    ) -> int:
        """Remove in chunks, so that nobody waits long."""
        now = self._clock.now()
        expiring = await self._database.read(bus_removing.expiring)
        lines = [line for line in expiring if spare is None or not spare(line)]
        if lines:
            expire = partial(bus_removing.expire, lines=lines, now=now)
            await self._database.write(expire, then=lambda heads: self._note(heads))
        until = now - older_than_s
        swept = 0
        while chunk := await self._database.write(partial(bus_removing.sweep, until=until)):
            swept += chunk
        return swept

    async def erase(self, app: AppId) -> None:
        while await self._database.write(partial(bus_removing.erase, app=app)):
            pass

    def _note(self, heads: Sequence[Head]) -> None:
        self._heads.note(heads)
        self._changes.note()

    def _note_leased(self, leased: Leased) -> None:
        self._note_due(leased.heads)

    def _note_due(self, heads: Sequence[Head]) -> None:
        """A lease is no change that anybody waits for, but its end is."""
        self._heads.note(heads)
        self._changes.stir()

    def _note_settled(self, settled: Settled) -> None:
        self._note(settled.heads)

    def _note_touched(self, touched: Touched) -> None:
        self._note(touched.heads)


def _load(connection: sqlite3.Connection) -> Sequence[Head]:
    """Take every line with something open for ready: whoever leases from it learns better."""
    return [Head(line=line, ready=True) for (line,) in connection.execute(_LINES)]
