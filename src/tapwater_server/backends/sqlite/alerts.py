"""Rules of alerts in SQLite, answered from memory."""

import sqlite3

import msgspec

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.alert import Alert
from tapwater_server.model.ids import AppId
from tapwater_server.ports.alerts import HeldAlerts

_ALL = "SELECT body, told_at FROM alert"
_PUT = """
INSERT INTO alert (app, name, body) VALUES (:app, :name, :body)
ON CONFLICT (app, name) DO UPDATE SET body = :body
"""
_REMOVE = "DELETE FROM alert WHERE app = :app AND name = :name"
_ERASE = "DELETE FROM alert WHERE app = :app"
_TOLD = "UPDATE alert SET told_at = :at WHERE app = :app AND name = :name"
_reader = msgspec.json.Decoder(Alert)


class SqliteAlerts:
    """See the promises of ``ports/alerts.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database, self._held = database, HeldAlerts()
        self.all, self.of_app, self.get = self._held.all, self._held.of_app, self._held.get
        self.told_at = self._held.told_at
        database.load(self._load)

    async def put(self, alert: Alert) -> None:
        self._held.check_room_for(alert)
        row = {"app": alert.app, "name": alert.name, "body": msgspec.json.encode(alert).decode()}

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_PUT, row)

        await self._database.write(work, then=lambda _: self._held.put(alert))

    async def remove(self, app: AppId, name: str) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_REMOVE, {"app": app, "name": name}).rowcount > 0

        def then(_: bool) -> None:
            self._held.remove(app, name)

        return await self._database.write(work, then=then)

    async def erase(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ERASE, {"app": app})

        await self._database.write(work, then=lambda _: self._held.erase(app))

    async def note_told(self, app: AppId, name: str, at: float) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_TOLD, {"app": app, "name": name, "at": at})

        await self._database.write(work, then=lambda _: self._held.note_told(app, name, at))

    def _load(self, connection: sqlite3.Connection) -> None:
        for body, told_at in connection.execute(_ALL):
            alert = _reader.decode(body)
            self._held.put(alert)
            self._held.note_told(alert.app, alert.name, told_at)
