"""Users of apps, in SQLite. Keys and what is revoked are answered from memory."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from tapwater_server.backends.sqlite import users_rows as rows
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.model.errors import Conflict, NotFound, Overloaded
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.user import ApiKey, Code, Link, Purpose, Session, User
from tapwater_server.ports.users import GONE, Turned, Wanted
from tapwater_server.ports.users_held import Held, Refused, of_session, of_user


class SqliteUsers:
    """See the promises of ``ports/users.py``."""

    def __init__(self, *, database: Database, log: SqliteEventLog) -> None:
        self._database, self._log = database, log
        self._held = Held()
        database.load(self._load)
        self.keys = self._held.keys
        self.key = self._held.key
        self.refuses = self._held.refuses

    async def create(self, user: User, *, events: Sequence[Event] = ()) -> None:
        def work(connection: sqlite3.Connection) -> None:
            rows.insert_user(connection, user)
            self._log.record(connection, events)

        await self._database.write(work, then=lambda _: self._log.recorded())

    async def put(
        self, user: User, *, refuse_until: float = 0.0, events: Sequence[Event] = ()
    ) -> User:
        after = replace(user, version=user.version + 1)

        def work(connection: sqlite3.Connection) -> list[Refused]:
            before = rows.find_user(connection, user.app, user.id)
            if before is None or before.version != user.version:
                raise Conflict("the user was changed meanwhile", user=user.id)
            rows.update_user(connection, after)
            marks = []
            if after.generation > before.generation:
                marks.append(_mark(of_user(user.id), after.generation, refuse_until))
            rows.refuse(connection, user.app, marks)
            self._log.record(connection, events)
            return marks

        def then(marks: list[Refused]) -> None:
            self._held.changed(after)
            self._held.refuse(user.app, marks)
            self._log.recorded()

        await self._database.write(work, then=then)
        return after

    async def remove(
        self, app: AppId, id: str, *, refuse_until: float, events: Sequence[Event] = ()
    ) -> bool:
        mark = _mark(of_user(id), GONE, refuse_until)

        def work(connection: sqlite3.Connection) -> bool:
            if not rows.delete_user(connection, app, id):
                return False
            rows.refuse(connection, app, [mark])
            self._log.record(connection, events)
            return True

        def then(found: bool) -> None:
            if found:
                self._held.drop_keys(app, self._held.keys_of(app, id))
                self._held.refuse(app, [mark])
                self._log.recorded()

        return await self._database.write(work, then=then)

    async def find(self, app: AppId, id: str) -> User | None:
        return await self._database.read(lambda connection: rows.find_user(connection, app, id))

    async def find_by_email(self, app: AppId, email: str) -> User | None:
        return await self._database.read(
            lambda connection: rows.find_user_by_email(connection, app, email)
        )

    async def find_linked(self, app: AppId, link: Link) -> User | None:
        return await self._database.read(lambda connection: rows.find_linked(connection, app, link))

    async def list(
        self, app: AppId, wanted: Wanted, *, after: str = "", count_max: int = 100
    ) -> "Sequence[User]":
        return await self._database.read(
            lambda connection: rows.list_users(
                connection, app, wanted, after=after, count_max=count_max
            )
        )

    async def add_code(self, code: Code) -> None:
        await self._database.write(lambda connection: rows.put_code(connection, code))

    async def take_code(
        self, app: AppId, hash: bytes, *, purpose: Purpose, now: float
    ) -> Code | None:
        code = await self._database.write(
            lambda connection: rows.take_code(connection, app, hash, purpose)
        )
        return code if code is not None and code.expires_at > now else None

    async def open_session(self, session: Session, *, count_max: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            if rows.find_user(connection, session.app, session.user) is None:
                raise NotFound("there is no such user")
            rows.insert_session(connection, session)
            rows.end_oldest(connection, session.app, session.user, count_max=count_max)

        await self._database.write(work)

    async def turn_in(
        self, app: AppId, hash: bytes, *, fresh: bytes, now: float, refuse_until: float
    ) -> Turned:
        def work(connection: sqlite3.Connection) -> tuple[Turned, list[Refused]]:
            spent = rows.find_spent(connection, app, hash)
            if spent is not None:
                rows.end_session(connection, app, spent)
                marks = [_mark(of_session(spent), 0, refuse_until)]
                rows.refuse(connection, app, marks)
                return Turned(session=None, reused=True), marks
            turned = rows.turn_in(connection, app, hash, fresh=fresh, now=now)
            return Turned(session=turned), []

        turned, _ = await self._database.write(
            work, then=lambda result: self._held.refuse(app, result[1])
        )
        return turned

    async def sessions(self, app: AppId, user: str) -> "Sequence[Session]":
        return await self._database.read(
            lambda connection: rows.list_sessions(connection, app, user)
        )

    async def end_sessions(
        self, app: AppId, user: str, *, only: str = "", refuse_until: float
    ) -> int:
        def work(connection: sqlite3.Connection) -> list[Refused]:
            marks = []
            for session in rows.list_sessions(connection, app, user):
                if only in ("", session.id):
                    rows.end_session(connection, app, session.id)
                    marks.append(_mark(of_session(session.id), 0, refuse_until))
            rows.refuse(connection, app, marks)
            return marks

        marks = await self._database.write(work, then=lambda marks: self._held.refuse(app, marks))
        return len(marks)

    async def add_key(self, key: ApiKey, *, count_max: int) -> None:
        def work(connection: sqlite3.Connection) -> User | None:
            owner = rows.find_user(connection, key.app, key.user) if key.user else None
            if key.user and owner is None:
                raise NotFound("there is no such user")
            if rows.count_keys(connection, key.app) >= count_max:
                raise Overloaded(f"{key.app} has {count_max} keys already: revoke some first")
            rows.insert_key(connection, key)
            return owner

        await self._database.write(work, then=lambda owner: self._held.add_key(key, owner))

    async def remove_key(self, app: AppId, id: str) -> bool:
        """Refused in memory first: not even a slow disk lets a revoked key in."""
        self._held.drop_keys(app, [key for key in self._held.keys(app) if key.id == id])
        return await self._database.write(lambda connection: rows.delete_key(connection, app, id))

    async def sweep(self, *, now: float) -> int:
        return await self._database.write(
            lambda connection: rows.sweep(connection, now), then=lambda _: self._held.sweep(now)
        )

    async def erase(self, app: AppId) -> None:
        await self._database.write(
            lambda connection: rows.erase(connection, app), then=lambda _: self._held.erase(app)
        )

    def _load(self, connection: sqlite3.Connection) -> None:
        for key in rows.all_keys(connection):
            owner = rows.find_user(connection, key.app, key.user) if key.user else None
            self._held.add_key(key, owner)
        for app, mark in rows.all_refused(connection):
            self._held.refuse(app, [mark])


def _mark(subject: str, generation: int, until: float) -> Refused:
    return Refused(subject=subject, generation=generation, until=until)
