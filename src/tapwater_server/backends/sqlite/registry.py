"""What is deployed, in SQLite: read from memory, changed only after a change is durable."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.errors import Conflict, NotFound, SettingsError
from tapwater_server.model.function import Alias, Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.ports.registry import check_arrived, check_unused, check_weights
from tapwater_server.ports.registry_held import Held

FORMAT = 1  # of a revision's document
_DEFAULT_APP = "default_app"

_NEXT_NUMBER = """
INSERT INTO app (app, number_last) VALUES (:app, 1)
ON CONFLICT (app) DO UPDATE SET number_last = number_last + 1
RETURNING number_last
"""
_AT_LEAST = """
INSERT INTO app (app, number_last) VALUES (:app, :number)
ON CONFLICT (app) DO UPDATE SET number_last = max(number_last, :number)
"""
_ADD = """
INSERT INTO revision (id, app, number, format, document)
VALUES (:id, :app, :number, :format, :document)
"""
_SET_ALIAS = """
INSERT INTO alias (app, name, weights) VALUES (:app, :name, :weights)
ON CONFLICT (app, name) DO UPDATE SET weights = :weights
"""
_SET = """
INSERT INTO setting (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET value = :value
"""
_UNSET = "DELETE FROM setting WHERE name = :name AND (:value IS NULL OR value = :value)"
_REMOVE_ALIAS = "DELETE FROM alias WHERE app = :app AND name = :name"
_REMOVE_REVISION = "DELETE FROM revision WHERE app = :app AND id = :id"
_LEAVE = "INSERT OR IGNORE INTO leaving (app) VALUES (:app)"
_FORGET = "DELETE FROM leaving WHERE app = :app"
_ALL_LEAVING = "SELECT app FROM leaving"
_REMOVE_REVISIONS = "DELETE FROM revision WHERE app = :app"
_REMOVE_ALIASES = "DELETE FROM alias WHERE app = :app"
_REVISIONS = "SELECT format, document FROM revision"
_ALIASES = "SELECT app, name, weights FROM alias"
_DEFAULT = "SELECT value FROM setting WHERE name = 'default_app'"
_HAS_REVISION = "SELECT 1 FROM revision WHERE app = :app AND id = :id"
_HELD = "SELECT id FROM revision WHERE app = :app"
_OF_APP = "SELECT app, name, weights FROM alias WHERE app = :app"


class Follower(Protocol):
    """Something in the same database that belongs to an app and goes with it."""

    def erase(self, connection: sqlite3.Connection, app: AppId) -> None:
        """Remove it from the database, inside the transaction that removes the app."""
        ...

    def forget(self, app: AppId) -> None:
        """The removal is durable: forget it in memory too."""
        ...


class SqliteRegistry:
    """See the promises of ``ports/registry.py``."""

    def __init__(self, *, database: Database, followers: Sequence[Follower]) -> None:
        self._database, self._held = database, Held()
        self._followers = tuple(followers)
        self.apps, self.revisions = self._held.apps, self._held.revisions
        self.revision, self.aliases = self._held.revision, self._held.aliases
        self.default_app, self.leaving = self._held.default_app, self._held.leaving
        self.watch = self._held.watch
        database.load(self._load)

    async def next_number(self, app: AppId) -> int:
        def work(connection: sqlite3.Connection) -> int:
            (number,) = connection.execute(_NEXT_NUMBER, {"app": app}).fetchone()
            return int(number)

        return await self._database.write(work)

    async def add_revision(self, revision: Revision, *, aliases: Sequence[Alias]) -> None:
        document = msgspec.json.encode(revision)

        def work(connection: sqlite3.Connection) -> None:
            check_arrived(revision.app, _leaving(connection))
            try:
                connection.execute(
                    _ADD,
                    {
                        "id": revision.id,
                        "app": revision.app,
                        "number": revision.number,
                        "format": FORMAT,
                        "document": document,
                    },
                )
            except sqlite3.IntegrityError:
                what = f"revision {revision.number} of {revision.app} is there already"
                raise Conflict(what) from None
            connection.execute(_AT_LEAST, {"app": revision.app, "number": revision.number})
            check_weights(aliases, _held(connection, revision.app))
            for alias in aliases:
                connection.execute(_SET_ALIAS, _row(alias))

        def then(_: None) -> None:
            self._held.add(revision)
            self._held.put_aliases(aliases)
            self._held.tell(revision.app)

        await self._database.write(work, then=then)

    async def set_alias(self, alias: Alias) -> None:
        def work(connection: sqlite3.Connection) -> None:
            check_weights([alias], _held(connection, alias.app))
            connection.execute(_SET_ALIAS, _row(alias))

        def then(_: None) -> None:
            self._held.put_aliases([alias])
            self._held.tell(alias.app)

        await self._database.write(work, then=then)

    async def remove_alias(self, app: AppId, name: str) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(_REMOVE_ALIAS, {"app": app, "name": name}).rowcount == 0:
                raise NotFound(f"{app} has no alias {name!r}")

        def then(_: None) -> None:
            self._held.remove_alias(app, name)
            self._held.tell(app)

        await self._database.write(work, then=then)

    async def remove_revision(self, app: AppId, id: RevisionId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(_HAS_REVISION, {"app": app, "id": id}).fetchone() is None:
                raise NotFound(f"{app} has no such revision")
            check_unused(_aliases(connection, app), id)
            connection.execute(_REMOVE_REVISION, {"app": app, "id": id})

        def then(_: None) -> None:
            self._held.remove_revision(app, id)
            self._held.tell(app)

        await self._database.write(work, then=then)

    async def remove_app(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if connection.execute(_REMOVE_REVISIONS, {"app": app}).rowcount == 0:
                raise NotFound(f"there is no app {app}")
            connection.execute(_LEAVE, {"app": app})
            connection.execute(_REMOVE_ALIASES, {"app": app})
            connection.execute(_UNSET, {"name": _DEFAULT_APP, "value": app})
            for follower in self._followers:
                follower.erase(connection, app)

        def then(_: None) -> None:
            self._held.remove_app(app)
            for follower in self._followers:
                follower.forget(app)
            self._held.tell(app)

        await self._database.write(work, then=then)

    async def forget_app(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_FORGET, {"app": app})

        await self._database.write(work, then=lambda _: self._held.forget_app(app))

    async def set_default_app(self, app: AppId | None) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if app is None:
                connection.execute(_UNSET, {"name": _DEFAULT_APP, "value": None})
            elif _held(connection, app):
                connection.execute(_SET, {"name": _DEFAULT_APP, "value": app})
            else:
                raise NotFound(f"there is no app {app}")

        def then(_: None) -> None:
            for changed in self._held.set_default_app(app):
                self._held.tell(changed)

        await self._database.write(work, then=then)

    def _load(self, connection: sqlite3.Connection) -> None:
        for format, document in connection.execute(_REVISIONS):
            if format != FORMAT:
                raise SettingsError(f"a revision has the format {format}; this release knows 1")
            self._held.add(msgspec.json.decode(document, type=Revision))
        self._held.put_aliases(_alias(row) for row in connection.execute(_ALIASES))
        self._held.leave(_leaving(connection))
        row = connection.execute(_DEFAULT).fetchone()
        self._held.set_default_app(AppId(row[0]) if row is not None else None)


def _leaving(connection: sqlite3.Connection) -> set[AppId]:
    return {AppId(app) for (app,) in connection.execute(_ALL_LEAVING)}


def _held(connection: sqlite3.Connection, app: AppId) -> set[RevisionId]:
    return {RevisionId(id) for (id,) in connection.execute(_HELD, {"app": app})}


def _aliases(connection: sqlite3.Connection, app: AppId) -> list[Alias]:
    return [_alias(row) for row in connection.execute(_OF_APP, {"app": app})]


def _alias(row: tuple[str, str, bytes]) -> Alias:
    app, name, weights = row
    held = msgspec.json.decode(weights, type=dict[RevisionId, int])
    return Alias(app=AppId(app), name=name, weights=held)


def _row(alias: Alias) -> Mapping[str, object]:
    weights = msgspec.json.encode(dict(alias.weights))
    return {"app": alias.app, "name": alias.name, "weights": weights}
