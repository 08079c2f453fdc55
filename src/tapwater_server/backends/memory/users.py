"""Users of apps, in memory."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from tapwater_server.backends.memory.outbox import MemoryOutbox
from tapwater_server.model.errors import Conflict, NotFound, Overloaded
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Letter
from tapwater_server.model.user import ApiKey, Code, Link, Purpose, Session, User
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.users import GONE, Ends, Offer, Turned, Wanted
from tapwater_server.ports.users_held import Held, Refused, of_session, of_user


@dataclass(frozen=True, slots=True)
class _Spent:
    session: str
    at: float
    next: bytes
    salt: bytes


class MemoryUsers:
    """See the promises of ``ports/users.py``."""

    def __init__(self, *, log: EventLog, outbox: MemoryOutbox) -> None:
        self._log, self._outbox = log, outbox
        self._users: dict[tuple[AppId, str], User] = {}
        self._codes: dict[tuple[AppId, bytes], Code] = {}
        self._sessions: dict[tuple[AppId, str], Session] = {}
        self._spent: dict[tuple[AppId, bytes], _Spent] = {}
        self._held = Held()
        self._turn = asyncio.Lock()  # Writing the events lets others run in between.
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
        async with self._turn:
            self._check_free(user)
            await self._log.append(events)
            self._users[user.app, user.id] = user
            self._record(code, letter)

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
        async with self._turn:
            before = self._users.get((user.app, user.id))
            if before is None or before.version != user.version:
                raise Conflict("the user was changed meanwhile", user=user.id)
            self._check_free(user)
            await self._log.append(events)
            after = replace(user, version=user.version + 1)
            self._users[user.app, user.id] = after
            self._held.changed(after)
            if after.generation > before.generation:
                self._refuse(user.app, of_user(user.id), after.generation, refuse_until)
            if ends >= Ends.SESSIONS:
                await self.end_sessions(user.app, user.id, refuse_until=refuse_until)
                self._forget_codes(user.app, lambda owner: owner == user.id)
            if ends >= Ends.ALL:
                self._held.drop_keys(user.app, self._held.keys_of(user.app, user.id))
            self._record(code, letter)
            return after

    async def remove(
        self, app: AppId, id: str, *, refuse_until: float, events: Sequence[Event] = ()
    ) -> bool:
        async with self._turn:
            if (app, id) not in self._users:
                return False
            await self._log.append(events)
            del self._users[app, id]
            self._forget_of(app, lambda owner: owner == id)
            self._held.drop_keys(app, self._held.keys_of(app, id))
            self._refuse(app, of_user(id), GONE, refuse_until)
            return True

    async def find(self, app: AppId, id: str) -> User | None:
        return self._users.get((app, id))

    async def find_by_email(self, app: AppId, email: str) -> User | None:
        return next((user for user in self._of(app) if user.email == email and email), None)

    async def find_linked(self, app: AppId, link: Link) -> User | None:
        return next((user for user in self._of(app) if link in user.links), None)

    async def list(
        self, app: AppId, wanted: Wanted, *, after: str = "", count_max: int = 100
    ) -> "Sequence[User]":
        fitting = [
            user
            for user in sorted(self._of(app), key=lambda user: user.id)
            if user.id > after
            and (not wanted.role or wanted.role in user.roles)
            and wanted.email_contains in user.email
            and wanted.disabled in (None, user.disabled)
        ]
        return fitting[:count_max]

    async def add_code(self, code: Code, *, letter: Letter | None = None) -> None:
        self._record(code, letter)

    def _record(self, code: Code | None, letter: Letter | None) -> None:
        if code is not None:
            self._put_code(code)
        if letter is not None:
            self._outbox.record(letter)

    def _put_code(self, code: Code) -> None:
        for key, older in list(self._codes.items()):
            if (key[0], older.user, older.purpose) == (code.app, code.user, code.purpose):
                del self._codes[key]
        self._codes[code.app, code.hash] = code

    async def take_code(
        self, app: AppId, hash: bytes, *, purpose: Purpose, now: float
    ) -> Code | None:
        code = self._codes.get((app, hash))
        if code is None or code.purpose is not purpose:
            return None
        del self._codes[app, hash]
        return code if code.expires_at > now else None

    async def open_session(self, session: Session, *, generation: int, count_max: int) -> None:
        user = self._users.get((session.app, session.user))
        if user is None:
            raise NotFound("there is no such user")
        if user.generation != generation:
            raise Conflict("the user was changed meanwhile", user=user.id)
        self._sessions[session.app, session.id] = session
        mine = await self.sessions(session.app, session.user)
        for old in mine[count_max:]:
            self._end(old)

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
        spent = self._spent.get((app, hash))
        if spent is not None:
            held = self._sessions[app, spent.session]
            fine = held.hash == spent.next and held.expires_at > now
            if fine and abs(now - spent.at) <= grace_s:
                return Turned(session=held, salt=spent.salt)
            self._end(held)
            self._refuse(app, of_session(held.id), 0, refuse_until)
            return Turned(session=None, reused=True)
        for session in self._sessions.values():
            if session.app == app and session.hash == hash and session.expires_at > now:
                self._spent[app, hash] = _Spent(session.id, now, offer.hash, offer.salt)
                after = replace(session, hash=offer.hash, used_at=now)
                self._sessions[app, session.id] = after
                return Turned(session=after, salt=offer.salt)
        return Turned(session=None)

    async def sessions(self, app: AppId, user: str) -> "Sequence[Session]":
        mine = [one for one in self._sessions.values() if (one.app, one.user) == (app, user)]
        return sorted(mine, key=lambda one: (one.opened_at, one.id), reverse=True)

    async def end_sessions(
        self, app: AppId, user: str, *, only: str = "", refuse_until: float
    ) -> int:
        gone = [one for one in await self.sessions(app, user) if only in ("", one.id)]
        for session in gone:
            self._end(session)
            self._refuse(app, of_session(session.id), 0, refuse_until)
        return len(gone)

    async def add_key(self, key: ApiKey, *, count_max: int) -> None:
        owner = self._users.get((key.app, key.user)) if key.user else None
        if key.user and owner is None:
            raise NotFound("there is no such user")
        if len(self._held.keys(key.app)) >= count_max:
            raise Overloaded(f"{key.app} has {count_max} keys already: revoke some first")
        self._held.add_key(key, owner)

    async def remove_key(self, app: AppId, id: str) -> bool:
        gone = [key for key in self._held.keys(app) if key.id == id]
        self._held.drop_keys(app, gone)
        return bool(gone)

    async def sweep(self, *, now: float) -> int:
        codes = [key for key, code in self._codes.items() if code.expires_at <= now]
        for key in codes:
            del self._codes[key]
        ended = [one for one in self._sessions.values() if one.expires_at <= now]
        for session in ended:
            self._end(session)
        self._held.sweep(now)
        self._held.used_written(self._held.used())
        return len(codes) + len(ended)

    async def erase(self, app: AppId) -> None:
        for user in list(self._of(app)):
            del self._users[app, user.id]
        self._forget_of(app, lambda _: True)
        self._held.erase(app)

    def _of(self, app: AppId) -> Iterator[User]:
        return (user for user in self._users.values() if user.app == app)

    def _check_free(self, user: User) -> None:
        for other in self._of(user.app):
            if other.id == user.id:
                continue
            if other.email == user.email and user.email:
                raise Conflict("this address is taken")
            if set(other.links) & set(user.links):
                raise Conflict("this identity is another user's")

    def _refuse(self, app: AppId, subject: str, generation: int, until: float) -> None:
        self._held.refuse(app, [Refused(subject=subject, generation=generation, until=until)])

    def _end(self, session: Session) -> None:
        del self._sessions[session.app, session.id]
        spent = [
            key
            for key, one in self._spent.items()
            if (key[0], one.session) == (session.app, session.id)
        ]
        for key in spent:
            del self._spent[key]

    def _forget_codes(self, app: AppId, owns: Callable[[str], bool]) -> None:
        for key in [k for k, code in self._codes.items() if k[0] == app and owns(code.user)]:
            del self._codes[key]

    def _forget_of(self, app: AppId, owns: Callable[[str], bool]) -> None:
        self._forget_codes(app, owns)
        for one in list(self._sessions.values()):
            if one.app == app and owns(one.user):
                self._end(one)
