"""The durable bus of one machine: errands in a table, committed in groups, one fsync a group."""

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.ports.bus import Delivery, Errand, ErrandState
from tapwater_server.ports.clock import Clock, wait_either

_PUBLISH = """
INSERT INTO errand (id, app, function, revision, root, depth, body, published_at, hidden_until,
                    state, attempt, settled_at, result, reason)
VALUES (:id, :app, :function, :revision, :root, :depth, :body, :now, max(:now, :not_before),
        'waiting', 0, 0, x'', '')
ON CONFLICT (id) DO NOTHING
"""
_LEASE = """
UPDATE errand SET state = 'leased', attempt = attempt + 1, hidden_until = :until
WHERE id IN (SELECT id FROM errand
             WHERE state IN ('waiting', 'leased') AND hidden_until <= :now
             ORDER BY hidden_until LIMIT :count_max)
RETURNING id, app, function, revision, root, depth, body, attempt, hidden_until, published_at
"""
_SETTLE = """
UPDATE errand SET state = :state, hidden_until = :hidden_until, settled_at = :now,
                  attempt = attempt - :given_back, result = :result, reason = :reason
WHERE id = :id AND state = 'leased' AND attempt = :attempt AND hidden_until = :leased_until
"""
_STATE = """
SELECT id, app, function, state, attempt, published_at, result, reason FROM errand WHERE id = :id
"""
_DEAD = """
SELECT id, app, function, state, attempt, published_at, result, reason FROM errand
WHERE state = 'dead' AND app = :app ORDER BY settled_at DESC LIMIT :count_max
"""
_RECLAIM = "UPDATE errand SET hidden_until = :now WHERE state = 'leased' AND hidden_until > :now"
_SWEEP = "DELETE FROM errand WHERE state = 'done' AND settled_at < :until"
_NEXT = "SELECT min(hidden_until) FROM errand WHERE state IN ('waiting', 'leased')"


class SqliteBus:
    """Errands in SQLite. One process leases from it; the lease survives that process."""

    def __init__(self, *, database: Database, clock: Clock) -> None:
        self._database, self._clock = database, clock
        self._changed = asyncio.Event()

    async def reclaim(self) -> int:
        """End the leases of a process that is gone. Only for who holds the data directory alone,
        and before the first lease: then every lease is a dead one.
        """
        now = self._clock.now()
        return await self._database.write(lambda c: c.execute(_RECLAIM, {"now": now}).rowcount)

    async def publish(self, errands: Sequence[Errand]) -> None:
        now = self._clock.now()
        rows = [
            {
                "id": errand.id,
                "app": errand.app,
                "function": errand.function,
                "revision": errand.revision,
                "root": errand.root,
                "depth": errand.depth,
                "body": errand.body,
                "not_before": errand.not_before,
                "now": now,
            }
            for errand in errands
        ]
        await self._database.write(lambda c: c.executemany(_PUBLISH, rows).rowcount)
        self._changed.set()

    async def lease(self, *, count_max: int, lease_s: float) -> Sequence[Delivery]:
        now = self._clock.now()
        values = {"now": now, "until": now + lease_s, "count_max": count_max}
        rows = await self._database.write(lambda c: c.execute(_LEASE, values).fetchall())
        return [_delivery(row) for row in sorted(rows, key=_age)]

    async def ack(self, delivery: Delivery, *, result: bytes) -> bool:
        return await self._settle(delivery, state="done", result=result)

    async def retry(self, delivery: Delivery, *, delay_s: float, reason: str) -> bool:
        return await self._settle(delivery, state="waiting", delay_s=delay_s, reason=reason)

    async def release(self, delivery: Delivery, *, delay_s: float) -> bool:
        return await self._settle(delivery, state="waiting", delay_s=delay_s, given_back=1)

    async def bury(self, delivery: Delivery, *, reason: str) -> bool:
        return await self._settle(delivery, state="dead", reason=reason)

    async def state(self, id: str) -> ErrandState | None:
        row = await self._database.read(lambda c: c.execute(_STATE, {"id": id}).fetchone())
        return ErrandState(**_named(row)) if row else None

    async def dead(self, *, app: str, count_max: int) -> Sequence[ErrandState]:
        values = {"app": app, "count_max": count_max}
        rows = await self._database.read(lambda c: c.execute(_DEAD, values).fetchall())
        return [ErrandState(**_named(row)) for row in rows]

    async def sweep(self, *, older_than_s: float) -> int:
        until = self._clock.now() - older_than_s
        return await self._database.write(lambda c: c.execute(_SWEEP, {"until": until}).rowcount)

    async def wait_published(self) -> None:
        self._changed.clear()
        soonest = await self._database.read(_soonest)
        if soonest is None:
            await self._changed.wait()
            return
        wait_s = soonest - self._clock.now()
        if wait_s > 0:
            await wait_either(self._changed, clock=self._clock, seconds=wait_s)

    async def _settle(
        self,
        delivery: Delivery,
        *,
        state: str,
        delay_s: float = 0.0,
        given_back: int = 0,
        result: bytes = b"",
        reason: str = "",
    ) -> bool:
        now = self._clock.now()
        values: Mapping[str, Any] = {
            "id": delivery.errand.id,
            "attempt": delivery.attempt,
            "leased_until": delivery.leased_until,
            "state": state,
            "hidden_until": now + delay_s,
            "given_back": given_back,
            "now": now,
            "result": result,
            "reason": reason,
        }
        changed = await self._database.write(lambda c: c.execute(_SETTLE, values).rowcount)
        self._changed.set()
        return changed == 1


def _soonest(connection: sqlite3.Connection) -> float | None:
    soonest: float | None = connection.execute(_NEXT).fetchone()[0]
    return soonest


def _age(row: tuple[Any, ...]) -> tuple[float, str]:
    return row[9], row[0]


def _delivery(row: tuple[Any, ...]) -> Delivery:
    id, app, function, revision, root, depth, body, attempt, until, published_at = row
    errand = Errand(
        id=id, app=app, function=function, revision=revision, root=root, depth=depth, body=body
    )
    return Delivery(errand=errand, attempt=attempt, leased_until=until, published_at=published_at)


def _named(row: tuple[Any, ...]) -> dict[str, Any]:
    names = ("id", "app", "function", "state", "attempt", "published_at", "result", "reason")
    return dict(zip(names, row, strict=True))
