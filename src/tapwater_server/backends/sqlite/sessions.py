"""Sessions of the dashboard in SQLite: answered from memory."""

import sqlite3
from collections.abc import Iterable

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.ports.sessions import HeldSession, alike, superfluous, too_old, used

_ALL = "SELECT hash, token, app, user, generation, opened_at, used_at FROM session"
_ADD = """
INSERT INTO session (hash, token, app, user, generation, opened_at, used_at)
VALUES (:hash, :token, :app, :user, :generation, :opened_at, :used_at)
"""
_USED = "UPDATE session SET used_at = :used_at WHERE hash = :hash"
_REMOVE = "DELETE FROM session WHERE hash = :hash"
_REMOVE_APP = "DELETE FROM session WHERE app = :app"


class SqliteSessions:
    """See the promises of ``ports/sessions.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._held: dict[bytes, HeldSession] = {}
        self._used: set[bytes] = set()  # whose time is not on disk yet
        database.load(self._load)

    async def open(self, session: HeldSession) -> None:
        self._held[session.hash] = session
        gone = self._drop(superfluous(self._held))
        row = {
            "hash": session.hash,
            "token": session.token,
            "app": session.app,
            "user": session.user,
            "generation": session.generation,
            "opened_at": session.opened_at,
            "used_at": session.used_at,
        }

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ADD, row)
            connection.executemany(_REMOVE, [{"hash": hash} for hash in gone])

        try:
            await self._database.write(work)
        except BaseException:
            self._held.pop(session.hash, None)
            raise

    def find(self, hash: bytes) -> HeldSession | None:
        return self._held.get(hash)

    def use(self, hash: bytes, *, at: float) -> None:
        session = used(self._held, hash, at=at)
        if session is not None:
            self._held[hash] = session
            self._used.add(hash)

    async def end(self, hash: bytes) -> bool:
        """Refused in memory first: not even a slow disk lets it in again."""
        known = self._held.pop(hash, None) is not None

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_REMOVE, {"hash": hash}).rowcount > 0

        return await self._database.write(work) or known

    async def end_alike(self, hash: bytes) -> int:
        gone = self._drop(alike(self._held, hash))

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_REMOVE, [{"hash": one} for one in gone])

        if gone:
            await self._database.write(work)
        return len(gone)

    async def sweep(self, *, unused_since: float, opened_before: float) -> int:
        old = too_old(self._held, unused_since=unused_since, opened_before=opened_before)
        gone = self._drop(old)
        touched = [self._held[hash] for hash in self._used if hash in self._held]
        self._used.clear()

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(_REMOVE, [{"hash": hash} for hash in gone])
            rows = [{"hash": one.hash, "used_at": one.used_at} for one in touched]
            connection.executemany(_USED, rows)

        if gone or touched:
            await self._database.write(work)
        return len(gone)

    def erase(self, connection: sqlite3.Connection, app: AppId) -> None:
        connection.execute(_REMOVE_APP, {"app": app})

    def forget(self, app: AppId) -> None:
        self._drop([one.hash for one in self._held.values() if one.app == app])

    def _drop(self, hashes: Iterable[bytes]) -> list[bytes]:
        gone = list(hashes)
        for hash in gone:
            self._held.pop(hash, None)
        return gone

    def _load(self, connection: sqlite3.Connection) -> None:
        for hash, token, app, user, generation, opened_at, used_at in connection.execute(_ALL):
            self._held[bytes(hash)] = HeldSession(
                hash=bytes(hash),
                token=bytes(token),
                app=AppId(app),
                user=user,
                generation=generation,
                opened_at=opened_at,
                used_at=used_at,
            )
