"""Users of apps, in SQLite. Keys and what is revoked are answered from memory."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from tapwater_server.backends.sqlite import users_rows as rows
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.backends.sqlite.outbox import SqliteOutbox
from tapwater_server.model.errors import Conflict, NotFound, Overloaded
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Letter
from tapwater_server.model.user import ApiKey, Code, Link, Purpose, Session, User
from tapwater_server.ports.users import GONE, Ends, Offer, Turned, Wanted
from tapwater_server.ports.users_held import Held, Refused, of_session, of_user


class SqliteUsers:
    """See the promises of ``ports/users.py``."""

    def __init__(self, *, database: Database, log: SqliteEventLog, outbox: SqliteOutbox) -> None:
        self._database, self._log, self._outbox = database, log, outbox
        self._held = Held()
        database.load(self._load)
        self.keys = self._held.keys
        self.key = self._held.key
        self.mark_used = self._held.mark_used
        self.refuses = self._held.refuses

    async def create(
        self,
        user: User,
        *,
        events: Sequence[Event] = (),
        code: Code | None = None,
        letter: Letter | None = None,
    ) -> None:
        def work(connection: sqlite3.Connection) -> None:
            rows.insert_user(connection, user)
            self._record(connection, events, code, letter)

        await self._database.write(work, then=lambda _: self._recorded())

    async def put(
        self,
        user: User,
        *,
        refuse_until: float = 0.0,
        ends: Ends = Ends.NOTHING,
        events: Sequence[Event] = (),
        code: Code | None = None,
        letter: Letter | None = None,
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
            if ends >= Ends.SESSIONS:
                marks += _end_sessions(connection, user, until=refuse_until)
                rows.forget_codes(connection, user.app, user.id)
            if ends >= Ends.ALL:
                rows.delete_keys(connection, user.app, user.id)
            rows.refuse(connection, user.app, marks)
            self._record(connection, events, code, letter)
            return marks

        def then(marks: list[Refused]) -> None:
            self._held.changed(after)
            if ends >= Ends.ALL:
                self._held.drop_keys(user.app, self._held.keys_of(user.app, user.id))
            self._held.refuse(user.app, marks)
            self._recorded()

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

    async def add_code(self, code: Code, *, letter: Letter | None = None) -> None:
        await self._database.write(
            lambda connection: self._record(connection, (), code, letter),
            then=lambda _: self._recorded(),
        )

    async def take_code(
        self, app: AppId, hash: bytes, *, purpose: Purpose, now: float
    ) -> Code | None:
        code = await self._database.write(
            lambda connection: rows.take_code(connection, app, hash, purpose)
        )
        return code if code is not None and code.expires_at > now else None

    async def open_session(self, session: Session, *, generation: int, count_max: int) -> None:
        def work(connection: sqlite3.Connection) -> None:
            user = rows.find_user(connection, session.app, session.user)
            if user is None:
                raise NotFound("there is no such user")
            if user.generation != generation:
                raise Conflict("the user was changed meanwhile", user=user.id)
            rows.insert_session(connection, session)
            rows.end_oldest(connection, session.app, session.user, count_max=count_max)

        await self._database.write(work)

    async def turn_in(
        self,
        app: AppId,
        hash: bytes,
        *,
        offer: Offer,
        now: float,
        grace_s: float,
        refuse_until: float,
    ) -> Turned:
        def work(connection: sqlite3.Connection) -> tuple[Turned, list[Refused]]:
            spent = rows.find_spent(connection, app, hash)
            if spent is None:
                turned = rows.turn_in(connection, app, hash, offer=offer, now=now)
                return Turned(session=turned, salt=offer.salt), []
            again = rows.still_newest(connection, app, spent, now=now, grace_s=grace_s)
            if again is not None:
                return Turned(session=again, salt=spent.salt), []
            rows.end_session(connection, app, spent.session)
            marks = [_mark(of_session(spent.session), 0, refuse_until)]
            rows.refuse(connection, app, marks)
            return Turned(session=None, reused=True), marks

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
        used = self._held.used()

        def work(connection: sqlite3.Connection) -> int:
            rows.mark_used(connection, used)
            return rows.sweep(connection, now)

        def then(_: int) -> None:
            self._held.used_written(used)
            self._held.sweep(now)

        return await self._database.write(work, then=then)

    async def erase(self, app: AppId) -> None:
        await self._database.write(
            lambda connection: rows.erase(connection, app), then=lambda _: self._held.erase(app)
        )

    def _record(
        self,
        connection: sqlite3.Connection,
        events: Sequence[Event],
        code: Code | None,
        letter: Letter | None,
    ) -> None:
        """Write what goes with a change, in its transaction."""
        self._log.record(connection, events)
        if code is not None:
            rows.put_code(connection, code)
        if letter is not None:
            self._outbox.record(connection, letter)

    def _recorded(self) -> None:
        self._log.recorded()
        self._outbox.recorded()

    def _load(self, connection: sqlite3.Connection) -> None:
        for key in rows.all_keys(connection):
            owner = rows.find_user(connection, key.app, key.user) if key.user else None
            self._held.add_key(key, owner)
        for app, mark in rows.all_refused(connection):
            self._held.refuse(app, [mark])


def _end_sessions(connection: sqlite3.Connection, user: User, *, until: float) -> list[Refused]:
    found = rows.list_sessions(connection, user.app, user.id)
    for session in found:
        rows.end_session(connection, user.app, session.id)
    return [_mark(of_session(session.id), 0, until) for session in found]


def _mark(subject: str, generation: int, until: float) -> Refused:
    return Refused(subject=subject, generation=generation, until=until)
