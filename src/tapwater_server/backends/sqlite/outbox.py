"""The outbox of e-mail, in SQLite: the texts apart, so that lists do not read them."""

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Letter, Stage
from tapwater_server.ports.mail import Settled

_ACCEPT = """
INSERT INTO letter (id, app, sender, recipients, shown_to, subject, accepted_at, stage, attempt,
                    due_at, settled_at, reason, size, trace)
VALUES (:id, :app, :sender, :recipients, :to, :subject, :accepted_at, :stage, :attempt,
        :due_at, :settled_at, :reason, :size, :trace)
ON CONFLICT (app, id) DO NOTHING
"""
_ACCEPT_TEXT = "INSERT INTO letter_text (app, id, raw) VALUES (:app, :id, :raw)"
_LEASE = """
UPDATE letter SET attempt = attempt + 1, due_at = :until, leased = 1
WHERE (app, id) IN (SELECT app, id FROM letter WHERE stage = 'waiting' AND due_at <= :now
                    ORDER BY due_at, id LIMIT :count_max)
RETURNING app, id
"""
_SETTLE = """
UPDATE letter SET stage = :stage, reason = :reason, due_at = :due_at, settled_at = :settled_at,
                  leased = 0
WHERE app = :app AND id = :id AND attempt = :attempt AND stage = 'waiting'
"""
_RECLAIM = """
UPDATE letter SET leased = 0, due_at = :now WHERE stage = 'waiting' AND leased = 1
"""
_NEXT_DUE = "SELECT min(due_at) FROM letter WHERE stage = 'waiting'"
_FIND = """
SELECT id, app, sender, recipients, shown_to, subject, accepted_at, stage, attempt, due_at,
       settled_at, reason, size, trace, raw
FROM letter JOIN letter_text USING (app, id) WHERE app = :app AND id = :id
"""
_LIST = """
SELECT id, app, sender, recipients, shown_to, subject, accepted_at, stage, attempt, due_at,
       settled_at, reason, size, trace, x''
FROM letter
WHERE app = :app AND (:stage = '' OR stage = :stage) AND (:after = '' OR id < :after)
ORDER BY id DESC LIMIT :count_max
"""
_REVIVE = """
UPDATE letter SET stage = 'waiting', attempt = 0, due_at = :now, settled_at = 0
WHERE app = :app AND id = :id AND stage = 'dead'
"""
_DROP = "DELETE FROM letter WHERE app = :app AND id = :id"
_DROP_TEXT = "DELETE FROM letter_text WHERE app = :app AND id = :id"
_OLD = """
SELECT app, id FROM letter
WHERE stage IN ('sent', 'kept') AND settled_at < :before LIMIT :count_max
"""
_ERASE = "DELETE FROM letter WHERE app = :app"
_ERASE_TEXT = "DELETE FROM letter_text WHERE app = :app"
_SWEEP_MAX = 1_000  # In one write: others wait for it.


class SqliteOutbox:
    """See the promises of ``ports/mail.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._accepted = asyncio.Event()

    async def accept(self, letter: Letter) -> bool:
        return await self._database.write(
            lambda connection: self.record(connection, letter), then=lambda _: self.recorded()
        )

    def record(self, connection: sqlite3.Connection, letter: Letter) -> bool:
        """Accept a letter in the transaction of what it tells of. Then call ``recorded``."""
        row = _row(letter)
        if connection.execute(_ACCEPT, row).rowcount == 0:
            return False
        connection.execute(_ACCEPT_TEXT, row)
        return True

    def recorded(self) -> None:
        """Letters are on disk: wake who carries them."""
        self._accepted.set()

    async def lease(self, *, now: float, lease_s: float, count_max: int) -> Sequence[Letter]:
        self._accepted.clear()  # Before looking: what comes from now on wakes.

        def work(connection: sqlite3.Connection) -> list[Letter]:
            row = {"now": now, "until": now + lease_s, "count_max": count_max}
            keys = connection.execute(_LEASE, row).fetchall()
            found = [_find(connection, app, id) for app, id in keys]
            return sorted((one for one in found if one is not None), key=lambda one: one.id)

        return await self._database.write(work)

    async def settle(self, letter: Letter, settled: Settled, *, now: float) -> bool:
        row = {
            "app": letter.app,
            "id": letter.id,
            "attempt": letter.attempt,
            "stage": settled.stage.value,
            "reason": settled.reason,
            "due_at": settled.due_at,
            "settled_at": 0.0 if settled.stage is Stage.WAITING else now,
        }
        return await self._database.write(lambda c: c.execute(_SETTLE, row).rowcount > 0)

    async def reclaim(self, *, now: float) -> int:
        return await self._database.write(lambda c: c.execute(_RECLAIM, {"now": now}).rowcount)

    async def next_due(self) -> float | None:
        (due,) = await self._database.read(lambda c: c.execute(_NEXT_DUE).fetchone())
        return None if due is None else float(due)

    async def wait_accepted(self) -> None:
        await self._accepted.wait()

    async def find(self, app: AppId, id: str) -> Letter | None:
        return await self._database.read(lambda connection: _find(connection, app, id))

    async def list(
        self, app: AppId, *, stage: Stage | None = None, after: str = "", count_max: int = 100
    ) -> "Sequence[Letter]":
        row = {
            "app": app,
            "stage": stage.value if stage else "",
            "after": after,
            "count_max": count_max,
        }
        rows = await self._database.read(lambda c: c.execute(_LIST, row).fetchall())
        return [_letter(row) for row in rows]

    async def revive(self, app: AppId, id: str, *, now: float) -> bool:
        row = {"app": app, "id": id, "now": now}
        return await self._database.write(
            lambda c: c.execute(_REVIVE, row).rowcount > 0, then=lambda _: self._accepted.set()
        )

    async def drop(self, app: AppId, id: str) -> bool:
        return await self._database.write(lambda connection: _drop(connection, app, id))

    async def sweep(self, *, before: float) -> int:
        def work(connection: sqlite3.Connection) -> int:
            row = {"before": before, "count_max": _SWEEP_MAX}
            keys = connection.execute(_OLD, row).fetchall()
            for app, id in keys:
                _drop(connection, app, id)
            return len(keys)

        return await self._database.write(work)

    async def erase(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ERASE, {"app": app})
            connection.execute(_ERASE_TEXT, {"app": app})

        await self._database.write(work)


def _find(connection: sqlite3.Connection, app: AppId, id: str) -> Letter | None:
    row = connection.execute(_FIND, {"app": app, "id": id}).fetchone()
    return None if row is None else _letter(row)


def _drop(connection: sqlite3.Connection, app: AppId, id: str) -> bool:
    row = {"app": app, "id": id}
    connection.execute(_DROP_TEXT, row)
    return connection.execute(_DROP, row).rowcount > 0


def _row(letter: Letter) -> dict[str, Any]:
    return {
        "id": letter.id,
        "app": letter.app,
        "sender": letter.sender,
        "recipients": json.dumps(letter.recipients),
        "to": letter.to,
        "subject": letter.subject,
        "accepted_at": letter.accepted_at,
        "stage": letter.stage.value,
        "attempt": letter.attempt,
        "due_at": letter.due_at,
        "settled_at": letter.settled_at,
        "reason": letter.reason,
        "size": letter.size,
        "trace": letter.trace,
        "raw": letter.raw,
    }


def _letter(row: Sequence[Any]) -> Letter:
    id, app, sender, recipients, to, subject, accepted_at, stage, attempt, due_at = row[:10]
    settled_at, reason, size, trace, raw = row[10:]
    return Letter(
        id=id,
        app=AppId(app),
        sender=sender,
        recipients=tuple(json.loads(recipients)),
        to=to,
        subject=subject,
        accepted_at=accepted_at,
        stage=Stage(stage),
        attempt=attempt,
        due_at=due_at,
        settled_at=settled_at,
        reason=reason,
        size=size,
        trace=trace,
        raw=raw,
    )
