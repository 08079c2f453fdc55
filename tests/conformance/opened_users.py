"""Users as each backend keeps them, and the values that their tests share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.outbox import MemoryOutbox
from tapwater_server.backends.memory.users import MemoryUsers
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.backends.sqlite.outbox import SqliteOutbox
from tapwater_server.backends.sqlite.users import SqliteUsers
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Letter
from tapwater_server.model.user import Code, Purpose, Session, User
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.mail import Outbox
from tapwater_server.ports.users import Offer, Users
from tapwater_server.testing.clock import ManualClock

SHOP, OTHER = AppId("shop"), AppId("other")
NOW = 1_000.0


@dataclass(frozen=True, slots=True)
class Kept:
    """Users with the log and the outbox beside them."""

    users: Users
    log: EventLog
    outbox: Outbox


@asynccontextmanager
async def memory(folder: Path) -> AsyncIterator[Kept]:
    log, outbox = MemoryEventLog(clock=ManualClock()), MemoryOutbox()
    yield Kept(MemoryUsers(log=log, outbox=outbox), log, outbox)


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Kept]:
    database = Database(folder / "data.db", schema="data")
    try:
        log = SqliteEventLog(database=database, clock=ManualClock())
        outbox = SqliteOutbox(database=database)
        yield Kept(SqliteUsers(database=database, log=log, outbox=outbox), log, outbox)
    finally:
        await database.close()


Opened = Callable[[Path], AbstractAsyncContextManager[Kept]]
BACKENDS: dict[str, Opened] = {"memory": memory, "sqlite": sqlite}


def ada(**changes: object) -> User:
    values = {"id": "u1", "app": SHOP, "email": "ada@example.com", **changes}
    return User(**values)  # type: ignore[arg-type]


def session(**changes: object) -> Session:
    values = {
        "id": "s1",
        "app": SHOP,
        "user": "u1",
        "hash": b"one",
        "opened_at": NOW,
        "used_at": NOW,
        "expires_at": NOW + 100,
        **changes,
    }
    return Session(**values)  # type: ignore[arg-type]


def code(**changes: object) -> Code:
    values = {
        "app": SHOP,
        "hash": b"code",
        "user": "u1",
        "purpose": Purpose.CONFIRM,
        "email": "ada@example.com",
        "expires_at": NOW + 10,
        **changes,
    }
    return Code(**values)  # type: ignore[arg-type]


def event(id: str) -> Event:
    return Event(id=id, app=SHOP, type="tapwater.user.created", source="/users")


def letter(id: str) -> Letter:
    return Letter(
        id=id,
        app=SHOP,
        sender="shop@example.com",
        recipients=("ada@example.com",),
        to="ada@example.com",
        subject="Hello",
        accepted_at=NOW,
    )


async def turn(users: Users, old: bytes, new: bytes, now: float = NOW) -> tuple[bool, bool]:
    turned = await users.turn_in(
        SHOP,
        old,
        offer=Offer(hash=new, salt=b"salt of " + new),
        now=now,
        grace_s=10.0,
        refuse_until=NOW + 900,
    )
    return turned.session is not None, turned.reused


async def offers(users: Users, *fresh: bytes, at: float = NOW) -> list[bytes]:
    """Turn the first token in, once for each; say what each successor is made with."""
    turned = await asyncio.gather(
        *(
            users.turn_in(
                SHOP,
                b"one",
                offer=Offer(hash=one, salt=b"salt of " + one),
                now=at,
                grace_s=10.0,
                refuse_until=NOW + 900,
            )
            for one in fresh
        )
    )
    return [one.salt if one.session is not None else b"" for one in turned]
