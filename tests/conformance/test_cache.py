"""What every cache must do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.memory.cache import memory_cache
from tapwater_server.backends.sqlite.cache import sqlite_cache
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.errors import Conflict, TooLarge
from tapwater_server.model.ids import AppId
from tapwater_server.model.shelf import ENTRY_BYTES, VALUE_BYTES_MAX, Shelf
from tapwater_server.ports.cache import Cache
from tapwater_server.testing.clock import ManualClock

SHOP, OTHER, THIRD = AppId("shop"), AppId("other"), AppId("third")
ROOM = 10 * (ENTRY_BYTES + 102)  # For ten values of a hundred bytes under keys of two.


def shelf() -> Shelf:
    return Shelf(app_bytes_max=ROOM, total_bytes_max=2 * ROOM)


@asynccontextmanager
async def memory(_: Path, clock: ManualClock) -> AsyncIterator[Cache]:
    yield memory_cache(clock=clock, shelf=shelf())


@asynccontextmanager
async def sqlite(folder: Path, clock: ManualClock) -> AsyncIterator[Cache]:
    database = Database(folder / "cache.db", schema="cache", synchronous="NORMAL")
    try:
        yield sqlite_cache(database=database, clock=clock, shelf=shelf())
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path, ManualClock], AbstractAsyncContextManager[Cache]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(BACKENDS))
async def cache(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Cache]:
    async with BACKENDS[request.param](tmp_path, clock) as opened:
        yield opened


async def put(cache: Cache, key: str, value: bytes = b"1", *, app: AppId = SHOP) -> int:
    return (await cache.put(app, key, value, json=True, ttl_s=None)).version


def value(cache: Cache, key: str, *, app: AppId = SHOP) -> bytes | None:
    found = cache.get(app, key)
    return found.value if found is not None else None


async def test_cch_1_put_replaced_dropped(cache: Cache) -> None:
    await put(cache, "a", b"1")
    await cache.put(SHOP, "b", b"\x00", json=False, ttl_s=None)
    assert (value(cache, "a"), value(cache, "b"), value(cache, "c")) == (b"1", b"\x00", None)
    assert value(cache, "a", app=OTHER) is None
    await put(cache, "a", b"2")
    assert value(cache, "a") == b"2"
    assert await cache.drop(SHOP, "a")
    assert not await cache.drop(SHOP, "a")
    assert value(cache, "a") is None
    with pytest.raises(TooLarge):
        await put(cache, "a", b"x" * (VALUE_BYTES_MAX + 1))


async def test_cch_1_an_ended_value_is_not_given(cache: Cache, clock: ManualClock) -> None:
    await cache.put(SHOP, "a", b"1", json=True, ttl_s=10)
    await clock.advance(9.9)
    assert value(cache, "a") == b"1"
    assert await cache.touch(SHOP, "a", ttl_s=10) is not None
    await clock.advance(9.9)
    assert value(cache, "a") == b"1"
    await clock.advance(0.2)
    assert value(cache, "a") is None
    assert await cache.touch(SHOP, "a", ttl_s=10) is None
    assert list(cache.keys(SHOP)) == []
    await cache.sweep()
    assert cache.stats(SHOP).size_bytes == 0


async def test_cch_2_those_used_least_lately_leave(cache: Cache) -> None:
    for number in range(10):
        await put(cache, f"k{number}", b"x" * 100)
    assert value(cache, "k0") is not None
    await put(cache, "ka", b"x" * 100)
    assert value(cache, "k1") is None
    assert value(cache, "k0") is not None
    assert cache.stats(SHOP).evicted == 1
    assert cache.stats(SHOP).size_bytes <= ROOM


async def test_cch_2_one_app_does_not_push_out_another(cache: Cache) -> None:
    for number in range(5):
        await put(cache, f"k{number}", b"x" * 100, app=OTHER)
    for number in range(50):
        await put(cache, f"{number:02d}", b"x" * 100)
    assert len(cache.keys(OTHER)) == 5
    for number in range(10):
        await put(cache, f"k{number}", b"x" * 100, app=THIRD)
    assert len(cache.keys(OTHER)) == 5
    assert sum(len(cache.keys(app)) for app in (SHOP, OTHER, THIRD)) == 20


async def test_cch_3_of_many_with_one_version_one_succeeds(cache: Cache) -> None:
    async def attempt(key: str, version: int, number: int) -> bool:
        try:
            await cache.put(SHOP, key, b"%d" % number, json=True, ttl_s=None, if_version=version)
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(attempt("a", 0, n) for n in range(10)))) == 1
    version = await put(cache, "a")
    assert sum(await asyncio.gather(*(attempt("a", version, n) for n in range(10)))) == 1


async def test_cch_3_numbers_add_up(cache: Cache, clock: ManualClock) -> None:
    await asyncio.gather(*(cache.add_to(SHOP, "n", 2, ttl_s=60) for _ in range(50)))
    assert value(cache, "n") == b"100"
    assert (await cache.add_to(SHOP, "n", -0.5, ttl_s=None)).value == b"99.5"
    await clock.advance(61)
    assert (await cache.add_to(SHOP, "n", 1, ttl_s=None)).value == b"1"
    for by in (1e308, 2**60, float("inf"), float("nan")):
        with pytest.raises(Conflict):
            await cache.add_to(SHOP, "n", by, ttl_s=None)
    await put(cache, "t", b'"text"')
    with pytest.raises(Conflict, match="no number"):
        await cache.add_to(SHOP, "t", 1, ttl_s=None)


async def test_cch_3_dropped_or_touched_only_as_known(cache: Cache) -> None:
    version = await put(cache, "a")
    with pytest.raises(Conflict):
        await cache.drop(SHOP, "a", if_version=version - 1)
    with pytest.raises(Conflict):
        await cache.touch(SHOP, "a", ttl_s=1, if_version=version + 1)
    assert await cache.touch(SHOP, "a", ttl_s=1, if_version=version) is not None
    assert await cache.drop(SHOP, "a", if_version=version)


async def test_cch_4_versions_rise(cache: Cache, clock: ManualClock) -> None:
    versions = []
    for _ in range(3):
        versions += [await put(cache, "a"), (await cache.add_to(SHOP, "a", 1, ttl_s=None)).version]
        await cache.drop(SHOP, "a")
        clock.jump(-3600)
    assert versions == sorted(set(versions))


async def test_cch_5_it_holds_over_a_restart(tmp_path: Path, clock: ManualClock) -> None:
    async with sqlite(tmp_path, clock) as before:
        await cache_some(before)
    async with sqlite(tmp_path, clock) as after:
        assert value(after, "a") == b"2"
        assert value(after, "b") is None
        assert value(after, "c") == b"3"
        version = await put(after, "a")
        await clock.advance(61)
        assert value(after, "c") is None
    async with sqlite(tmp_path, clock) as again:
        assert await put(again, "a") > version
        assert len(again.keys(SHOP)) == 1


async def cache_some(cache: Cache) -> None:
    await put(cache, "a", b"1")
    await put(cache, "a", b"2")
    await put(cache, "b")
    await cache.drop(SHOP, "b")
    await cache.put(SHOP, "c", b"3", json=True, ttl_s=60)


async def test_cch_5_what_had_to_leave_does_not_come_back(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with sqlite(tmp_path, clock) as before:
        for number in range(30):
            await put(before, f"{number:02d}", b"x" * 100)
    async with sqlite(tmp_path, clock) as after:
        assert [one.key for one in after.keys(SHOP)] == [f"{n}" for n in range(20, 30)]
        assert after.stats(SHOP).evicted == 0


async def test_cch_5_memory_and_copy_agree_when_the_disk_refuses(
    tmp_path: Path, clock: ManualClock
) -> None:
    database = Database(tmp_path / "cache.db", schema="cache")
    cache = sqlite_cache(database=database, clock=clock)
    await put(cache, "a", b"1")
    await database.close()
    with pytest.raises(Exception, match="writes"):
        await put(cache, "a", b"2")
    assert value(cache, "a") is None


async def test_cch_6_cleared(cache: Cache) -> None:
    for app in (SHOP, OTHER):
        await put(cache, "a", app=app)
        await put(cache, "b", app=app)
    assert await cache.clear(SHOP) == 2
    assert await cache.clear(SHOP) == 0
    assert list(cache.keys(SHOP)) == []
    assert [one.key for one in cache.keys(OTHER, prefix="b")] == ["b"]
    assert [one.key for one in cache.keys(OTHER, after="a", count_max=1)] == ["b"]
