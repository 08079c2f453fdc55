"""What every keeper of schedules must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.backends.memory.schedules import MemorySchedules
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.schedules import SqliteSchedules
from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Missed, Overlap, Schedule, TargetKind
from tapwater_server.ports.schedules import Mark, Schedules

SHOP, OTHER = AppId("shop"), AppId("other")
NIGHTLY = Schedule(
    id="1",
    app=SHOP,
    name="nightly",
    times="0 3 * * *",
    zone="Europe/Berlin",
    kind=TargetKind.FUNCTION,
    target="jobs/clean",
    payload=b'{"a":1}',
    missed=Missed.ALL,
    overlap=Overlap.WAIT,
    since=5.0,
)
MARK = Mark(app=SHOP, key="s:nightly", said="0 3 * * *", due_at=100.0, run_at=50.0)


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Schedules]:
    yield MemorySchedules()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Schedules]:
    database = Database(folder / "data.db", schema="data")
    try:
        yield SqliteSchedules(database=database)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Schedules]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def schedules(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Schedules]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_scd_1_and_3_all_is_there_after_a_new_start(tmp_path: Path) -> None:
    once = Schedule(id="2", app=OTHER, name="once", at=7.5, kind=TargetKind.QUEUE, target="q")
    async with sqlite(tmp_path) as before:
        await before.put(NIGHTLY)
        await before.put(once)
        await before.mark([MARK])
    async with sqlite(tmp_path) as after:
        assert sorted(after.all(), key=lambda one: one.id) == [NIGHTLY, once]
        assert after.marks() == {MARK.place: MARK}


async def test_scd_1_put_replaces(schedules: Schedules) -> None:
    await schedules.put(NIGHTLY)
    paused = replace(NIGHTLY, paused=True, payload=b"2")
    await schedules.put(paused)
    assert schedules.get(SHOP, "nightly") == paused
    assert list(schedules.of_app(SHOP)) == [paused]


async def test_scd_2_watchers_hear_of_changes_and_not_of_marks(schedules: Schedules) -> None:
    heard: list[tuple[str, int]] = []
    schedules.watch(lambda app, name: heard.append((f"{app}:{name}", len(schedules.all()))))
    await schedules.put(NIGHTLY)
    await schedules.mark([MARK])
    await schedules.remove(SHOP, "nightly")
    await schedules.put(NIGHTLY)
    await schedules.erase(SHOP)
    assert heard == [("shop:nightly", 1), ("shop:nightly", 0)] * 2


async def test_scd_3_marks_move_and_are_forgotten(schedules: Schedules) -> None:
    other = replace(MARK, key="f:jobs/clean#0")
    await schedules.mark([MARK, other])
    later = replace(MARK, due_at=200.0)
    await schedules.mark([later], forget=[other.place])
    assert schedules.marks() == {MARK.place: later}


async def test_scd_4_removed_with_its_mark(schedules: Schedules) -> None:
    await schedules.put(NIGHTLY)
    await schedules.mark([MARK])
    assert await schedules.remove(SHOP, "nightly")
    assert not await schedules.remove(SHOP, "nightly")
    assert not schedules.marks()
    assert schedules.get(SHOP, "nightly") is None


async def test_scd_4_one_app_is_erased(schedules: Schedules) -> None:
    elsewhere = replace(NIGHTLY, app=OTHER)
    for one in (NIGHTLY, elsewhere):
        await schedules.put(one)
        await schedules.mark([replace(MARK, app=one.app)])
    await schedules.erase(SHOP)
    assert list(schedules.all()) == [elsewhere]
    assert list(schedules.marks()) == [(OTHER, "s:nightly")]
