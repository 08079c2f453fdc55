"""What every outbox of e-mail must do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.backends.memory.outbox import MemoryOutbox
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.outbox import SqliteOutbox
from tapwater_server.model.ids import AppId
from tapwater_server.model.letter import Letter, Stage
from tapwater_server.ports.mail import Outbox, Settled

SHOP, OTHER = AppId("shop"), AppId("other")


@asynccontextmanager
async def _memory(folder: Path) -> AsyncIterator[Outbox]:
    yield MemoryOutbox()


@asynccontextmanager
async def _sqlite(folder: Path) -> AsyncIterator[Outbox]:
    database = Database(folder / "data.db", schema="data")
    try:
        yield SqliteOutbox(database=database)
    finally:
        await database.close()


Opened = Callable[[Path], AbstractAsyncContextManager[Outbox]]
BACKENDS: dict[str, Opened] = {"memory": _memory, "sqlite": _sqlite}


@pytest.fixture(params=sorted(BACKENDS))
async def outbox(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Outbox]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


def letter(id: str = "m1", **changes: object) -> Letter:
    values = {
        "id": id,
        "app": SHOP,
        "sender": "shop@example.com",
        "recipients": ("ada@example.com", "bob@example.com"),
        "to": "Ada <ada@example.com>",
        "subject": "Hello",
        "accepted_at": 1.0,
        "due_at": 1.0,
        "size": 3,
        "raw": b"raw",
        "trace": "00-1",
        **changes,
    }
    return Letter(**values)  # type: ignore[arg-type]


async def lease(outbox: Outbox, now: float = 10.0, count_max: int = 10) -> list[Letter]:
    return list(await outbox.lease(now=now, lease_s=60.0, count_max=count_max))


async def test_mai_1_an_id_is_accepted_once(outbox: Outbox) -> None:
    assert await outbox.accept(letter())
    assert not await outbox.accept(letter(subject="other"))
    assert await outbox.find(SHOP, "m1") == letter()
    assert await outbox.accept(letter(app=OTHER))
    [sent] = [one for one in await lease(outbox) if one.app == SHOP]
    await outbox.settle(sent, Settled(stage=Stage.SENT), now=11.0)
    assert not await outbox.accept(letter())  # Not even when it was sent.


async def test_mai_1_it_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with _sqlite(tmp_path) as before:
        await before.accept(letter())
    async with _sqlite(tmp_path) as after:
        assert await after.find(SHOP, "m1") == letter()
        assert len(await lease(after)) == 1


async def test_mai_2_leased_is_hidden_until_its_end(outbox: Outbox) -> None:
    await outbox.accept(letter())
    await outbox.accept(letter("m2", due_at=50.0))
    assert await outbox.next_due() == 1.0
    [first] = await lease(outbox)
    assert (first.attempt, first.raw) == (1, b"raw")
    assert await lease(outbox) == []
    assert await outbox.next_due() == 50.0
    again = await lease(outbox, now=71.0)
    assert [(one.id, one.attempt) for one in again] == [("m1", 2), ("m2", 1)]


async def test_mai_6_reclaimed_is_due_at_once_and_nothing_else_is(outbox: Outbox) -> None:
    await outbox.accept(letter())
    await outbox.accept(letter("m2"))
    [first, second] = await lease(outbox)
    await outbox.settle(second, Settled(stage=Stage.WAITING, due_at=500.0), now=20.0)
    assert await outbox.reclaim(now=21.0) == 1
    [again] = await lease(outbox, now=21.0)
    assert (again.id, again.attempt) == (first.id, 2)
    assert not await outbox.settle(first, Settled(stage=Stage.SENT), now=22.0)
    assert await outbox.next_due() == 81.0  # of the second lease; the other waits till 500
    assert await outbox.settle(again, Settled(stage=Stage.SENT), now=23.0)
    assert await outbox.reclaim(now=24.0) == 0
    assert await outbox.next_due() == 500.0


async def test_mai_2_no_more_than_asked(outbox: Outbox) -> None:
    for n in range(5):
        await outbox.accept(letter(f"m{n}", due_at=float(n)))
    assert [one.id for one in await lease(outbox, count_max=2)] == ["m0", "m1"]
    assert [one.id for one in await lease(outbox)] == ["m2", "m3", "m4"]


async def test_mai_3_an_older_attempt_settles_nothing(outbox: Outbox) -> None:
    await outbox.accept(letter())
    [first] = await lease(outbox)
    [second] = await lease(outbox, now=71.0)
    assert not await outbox.settle(first, Settled(stage=Stage.SENT), now=72.0)
    later = Settled(stage=Stage.WAITING, reason="busy", due_at=100.0)
    assert await outbox.settle(second, later, now=72.0)
    found = await outbox.find(SHOP, "m1")
    assert found is not None
    assert (found.stage, found.reason, found.due_at) == (Stage.WAITING, "busy", 100.0)
    assert await lease(outbox, now=99.0) == []
    [third] = await lease(outbox, now=100.0)
    assert await outbox.settle(third, Settled(stage=Stage.SENT), now=101.0)
    assert not await outbox.settle(third, Settled(stage=Stage.DEAD), now=102.0)
    assert await outbox.next_due() is None


async def test_mai_4_what_was_given_up_is_kept(outbox: Outbox) -> None:
    for id in ("m1", "m2", "m3"):
        await outbox.accept(letter(id))
    await outbox.accept(letter("m4", stage=Stage.KEPT, settled_at=1.0))
    stages = {"m1": Stage.SENT, "m2": Stage.DEAD, "m3": Stage.WAITING}
    for one in await lease(outbox):
        settled = Settled(stage=stages[one.id], reason="no", due_at=500.0)
        await outbox.settle(one, settled, now=20.0)
    assert await outbox.sweep(before=15.0) == 1
    assert await outbox.sweep(before=1_000.0) == 1
    assert [one.id for one in await outbox.list(SHOP)] == ["m3", "m2"]
    assert not await outbox.revive(SHOP, "m3", now=30.0)
    assert await outbox.revive(SHOP, "m2", now=30.0)
    [again] = await lease(outbox, now=31.0)
    assert (again.id, again.attempt) == ("m2", 1)
    assert await outbox.drop(SHOP, "m2")
    assert not await outbox.drop(SHOP, "m2")
    assert await outbox.find(SHOP, "m2") is None


async def test_mai_5_erase_and_lists_are_of_one_app(outbox: Outbox) -> None:
    for n in range(4):
        await outbox.accept(letter(f"m{n}"))
    await outbox.accept(letter(app=OTHER))
    assert [one.id for one in await outbox.list(SHOP, count_max=2)] == ["m3", "m2"]
    assert [one.id for one in await outbox.list(SHOP, after="m2")] == ["m1", "m0"]
    assert await outbox.list(SHOP, stage=Stage.DEAD) == []
    assert await outbox.list(SHOP, count_max=1) == [replace(letter("m3"), raw=b"")]
    await outbox.erase(SHOP)
    assert await outbox.list(SHOP) == []
    assert [one.app for one in await lease(outbox)] == [OTHER]


async def test_who_waits_misses_nothing(outbox: Outbox) -> None:
    """A letter that comes after the look, and before the waiting has begun."""
    assert await lease(outbox) == []
    await outbox.accept(letter())
    await asyncio.wait_for(outbox.wait_accepted(), 5)
