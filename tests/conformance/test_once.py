"""The promises of ports/once.py, for all backends."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tapwater_server.backends.memory.once import MemoryOnce
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.once import SqliteOnce
from tapwater_server.model.ids import AppId
from tapwater_server.ports.once import Already, Busy, First, Once
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP, OTHER = AppId("shop"), AppId("other")
Reopen = Callable[[], Once]


class Rig:
    """One backend, which can be opened anew as after a kill -9."""

    def __init__(self, once: Once, clock: ManualClock, reopen: Reopen) -> None:
        self.once, self.clock, self.reopen = once, clock, reopen


@pytest.fixture(params=["memory", "sqlite"])
async def rig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Rig]:
    clock, ids = ManualClock(), CountingIds()
    if request.param == "memory":
        memory = MemoryOnce(clock=clock, ids=ids)
        yield Rig(memory, clock, lambda: memory)
        return
    opened = [Database(tmp_path / "data.db", schema="data")]

    def reopen() -> Once:
        opened.append(Database(tmp_path / "data.db", schema="data"))
        return SqliteOnce(database=opened[-1], clock=clock, ids=ids)

    yield Rig(SqliteOnce(database=opened[0], clock=clock, ids=ids), clock, reopen)
    for database in opened:
        await database.close()


async def begin(once: Once, key: str = "k", *, app: AppId = SHOP, scope: str = "a/f") -> object:
    return await once.begin(app, scope, key, lease_s=10.0)


async def first(once: Once, key: str = "k") -> str:
    begun = await begin(once, key)
    assert isinstance(begun, First)
    return begun.token


async def test_onc_1_of_many_at_the_same_moment_one_is_first(rig: Rig) -> None:
    begun = await asyncio.gather(*(begin(rig.once) for _ in range(20)))
    assert sum(isinstance(one, First) for one in begun) == 1
    assert sum(isinstance(one, Busy) for one in begun) == 19


async def test_onc_1_keys_scopes_and_apps_are_told_apart(rig: Rig) -> None:
    await first(rig.once)
    assert isinstance(await begin(rig.once, "other"), First)
    assert isinstance(await begin(rig.once, scope="a/g"), First)
    assert isinstance(await begin(rig.once, app=OTHER), First)


async def test_onc_2_busy_says_until_when(rig: Rig) -> None:
    await first(rig.once)
    assert await begin(rig.once) == Busy(rig.clock.now() + 10.0)


async def test_onc_7_what_had_begun_may_begin_again_and_what_is_done_stays(rig: Rig) -> None:
    token = await first(rig.once, "done")
    await rig.once.commit(SHOP, "a/f", "done", token, keep_s=100.0, result=b"7")
    before = await first(rig.once, "begun")
    again = rig.reopen()
    assert await again.reclaim() == 1
    assert await begin(again, "done") == Already(b"7")
    assert isinstance(await begin(again, "begun"), First)
    assert not await again.commit(SHOP, "a/f", "begun", before, keep_s=1.0)
    await again.erase(SHOP)
    assert await again.reclaim() == 0


async def test_onc_3_what_was_committed_stays_done_also_after_a_restart(rig: Rig) -> None:
    token = await first(rig.once)
    assert await rig.once.commit(SHOP, "a/f", "k", token, keep_s=100.0, result=b"7")
    again = rig.reopen()
    await rig.clock.advance(99.0)
    assert await begin(again) == Already(b"7")
    await rig.clock.advance(2.0)
    assert isinstance(await begin(again), First)


async def test_onc_4_released_it_is_free_at_once(rig: Rig) -> None:
    token = await first(rig.once)
    assert await rig.once.release(SHOP, "a/f", "k", token)
    assert isinstance(await begin(rig.once), First)


async def test_onc_4_who_dies_inside_blocks_nobody_for_longer_than_the_lease(rig: Rig) -> None:
    await first(rig.once)
    again = rig.reopen()
    assert isinstance(await begin(again), Busy)
    await rig.clock.advance(10.5)
    assert isinstance(await begin(again), First)


async def test_onc_5_a_token_of_the_past_does_nothing(rig: Rig) -> None:
    old = await first(rig.once)
    await rig.clock.advance(11.0)
    new = await first(rig.once)
    assert not await rig.once.commit(SHOP, "a/f", "k", old, keep_s=100.0)
    assert not await rig.once.release(SHOP, "a/f", "k", old)
    assert not await rig.once.release(SHOP, "a/f", "k", "")
    assert await rig.once.commit(SHOP, "a/f", "k", new, keep_s=100.0)
    assert not await rig.once.commit(SHOP, "a/f", "k", new, keep_s=100.0)
    assert not await rig.once.release(SHOP, "a/f", "k", "")


async def test_onc_6_sweeping_removes_what_is_over(rig: Rig) -> None:
    token = await first(rig.once, "kept")
    await rig.once.commit(SHOP, "a/f", "kept", token, keep_s=1000.0)
    for index in range(7):
        await first(rig.once, f"k{index}")
    await rig.clock.advance(20.0)
    assert await rig.once.sweep() == 7
    assert await begin(rig.once, "kept") == Already(b"")


async def test_onc_6_erasing_an_app_forgets_only_that_one(rig: Rig) -> None:
    await first(rig.once)
    await begin(rig.once, app=OTHER)
    await rig.once.erase(SHOP)
    assert isinstance(await begin(rig.once), First)
    assert isinstance(await begin(rig.once, app=OTHER), Busy)
