"""What every meter must do."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import Asked, LogLine, Meter, Record
from tapwater_server.testing.clock import ManualClock

SHOP = AppId("shop")


@asynccontextmanager
async def _memory(folder: Path, waiting_max: int) -> AsyncIterator[Meter]:
    yield MemoryMeter(kept_max=waiting_max)


@asynccontextmanager
async def _sqlite(folder: Path, waiting_max: int) -> AsyncIterator[SqliteMeter]:
    database = Database(folder / "meter.db", schema="meter", synchronous="NORMAL")
    meter = SqliteMeter(database=database, clock=ManualClock(), waiting_max=waiting_max)
    try:
        yield meter
    finally:
        await meter.close()
        await database.close()


Opened = Callable[[Path, int], AbstractAsyncContextManager[Meter]]
BACKENDS: dict[str, Opened] = {"memory": _memory, "sqlite": _sqlite}


@pytest.fixture(params=sorted(BACKENDS))
async def meter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Meter]:
    async with BACKENDS[request.param](tmp_path, 10_000) as opened:
        yield opened


def record(n: int, *, app: str = "shop", function: str = "users/register") -> Record:
    return Record(
        id=f"id-{n:06}",
        at=1000.0 + n,
        app=app,
        function=function,
        revision="r",
        method="GET",
        path="/users-api/register",
        status=200,
        ending="ok",
        cold=n == 0,
        queue_ms=0.25,
        wall_ms=1.5,
        cpu_ms=0.5,
        memory_peak_bytes=1 << 20,
        bytes_in=1,
        bytes_out=2,
        instance="i",
    )


def line(n: int, text: str = "", *, level: str = "info", app: str = "shop") -> LogLine:
    return LogLine(
        at=1000.0 + n,
        app=app,
        function="users/register",
        invocation=f"id-{n:06}",
        instance="i",
        level=level,
        text=text or f"line {n}",
    )


async def test_mtr_1_what_is_noted_is_on_disk_after_close(tmp_path: Path) -> None:
    async with _sqlite(tmp_path, 10_000) as before:
        before.note(record(1))
        before.log(line(1))
    async with _sqlite(tmp_path, 10_000) as after:
        assert await after.records(Asked()) == [record(1)]
        assert [one.text for one in await after.lines(Asked())] == ["line 1"]


async def test_mtr_1_it_is_written_without_being_asked(tmp_path: Path) -> None:
    async with _sqlite(tmp_path, 10_000) as meter:
        meter.note(record(1))
        async with asyncio.timeout(10):
            while meter.stats().waiting:
                await asyncio.wait([asyncio.ensure_future(_tick())])
        reader = sqlite3.connect(tmp_path / "meter.db")
        assert reader.execute("SELECT count(*) FROM block").fetchone() == (1,)
        reader.close()


async def _tick() -> None:
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.05, done.set_result, None)
    await done


async def test_mtr_1_odd_text_does_not_raise(meter: Meter) -> None:
    meter.log(line(1, "half a pair: \ud800"))
    meter.log(line(2, "nul \0 and ü"))
    meter.note(record(3, function="odd/\udfff"))
    texts = [one.text for one in await meter.lines(Asked())]
    assert texts[1] == "nul \0 and ü"
    assert texts[0].startswith("half a pair: ")
    assert len(await meter.records(Asked())) == 1


async def test_mtr_2_newest_first_and_once(meter: Meter) -> None:
    for n in range(2500):
        meter.note(record(n))
    found = await meter.records(Asked(count_max=5000))
    assert [one.id for one in found] == [f"id-{n:06}" for n in reversed(range(2500))]
    assert await meter.records(Asked(invocation="id-000007")) == [record(7)]
    assert await meter.records(Asked(invocation="id-900000")) == []
    assert len(await meter.records(Asked(count_max=3))) == 3


async def test_mtr_2_only_what_was_asked_for(meter: Meter) -> None:
    meter.note(record(1))
    meter.note(record(2, app="blog"))
    meter.note(record(3, function="orders/list"))
    await meter.flush()
    meter.note(record(4))

    async def ids(asked: Asked) -> list[str]:
        return [one.id[-1] for one in await meter.records(asked)]

    assert await ids(Asked(app=SHOP)) == ["4", "3", "1"]
    assert await ids(Asked(app=SHOP, function="users/register")) == ["4", "1"]
    assert await ids(Asked(function="orders/list")) == ["3"]
    assert await ids(Asked(since=1002.0, until=1003.0)) == ["3", "2"]
    assert await ids(Asked(app=AppId("sho"))) == []


async def test_mtr_2_lines_are_followed_by_seq(meter: Meter) -> None:
    for n in range(5):
        meter.log(line(n))
    first = await meter.lines(Asked(count_max=3))
    assert [one.text for one in first] == ["line 2", "line 3", "line 4"]
    seq = first[-1].seq
    assert await meter.lines(Asked(after_seq=seq)) == []
    for n in range(5, 2005):
        meter.log(line(n))
    later: list[LogLine] = []
    while page := await meter.lines(Asked(after_seq=seq, count_max=300)):
        later += page
        seq = page[-1].seq
    assert [one.text for one in later] == [f"line {n}" for n in range(5, 2005)]
    assert len({one.seq for one in later}) == 2000


async def test_mtr_2_lines_by_level_text_and_call(meter: Meter) -> None:
    meter.log(line(1, "all is well"))
    meter.log(line(2, "all is lost", level="error"))
    meter.log(line(3, "nothing", level="error", app="blog"))

    async def texts(asked: Asked) -> list[str]:
        return [one.text for one in await meter.lines(asked)]

    assert await texts(Asked(level="error")) == ["all is lost", "nothing"]
    assert await texts(Asked(text="all is")) == ["all is well", "all is lost"]
    assert await texts(Asked(invocation="id-000001")) == ["all is well"]
    assert await texts(Asked(app=SHOP, level="error")) == ["all is lost"]


@pytest.mark.parametrize("backend", sorted(BACKENDS))
async def test_mtr_3_above_the_ceiling_the_oldest_go(tmp_path: Path, backend: str) -> None:
    async with BACKENDS[backend](tmp_path, 10) as meter:
        for n in range(25):
            meter.note(record(n))
        assert meter.stats().dropped == 15
        assert meter.stats().records == 25
        found = await meter.records(Asked())
        assert [one.id for one in found] == [f"id-{n:06}" for n in range(24, 14, -1)]


async def test_mtr_3_a_full_disk_is_survived_and_counted(tmp_path: Path) -> None:
    database = Database(tmp_path / "meter.db", schema="meter", synchronous="NORMAL")
    meter = SqliteMeter(database=database, clock=ManualClock(), waiting_max=1000)
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1"))
    for n in range(3000):
        meter.log(line(n, f"{n} " + "x" * 200))
    await meter.flush()
    assert meter.stats().waiting == 1000
    assert meter.stats().dropped == 2000
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 1000000"))
    found = await meter.lines(Asked(count_max=5000))
    assert [one.text.split()[0] for one in found] == [str(n) for n in range(2000, 3000)]
    assert meter.stats().waiting == 0
    await meter.close()
    await database.close()


async def test_mtr_3_old_and_large_goes(tmp_path: Path) -> None:
    database = Database(tmp_path / "meter.db", schema="meter", synchronous="NORMAL")
    clock = ManualClock()
    meter = SqliteMeter(database=database, clock=clock, kept_bytes_max=1500)
    for n in range(4):
        meter.note(record(n))
        meter.log(line(n))
        await meter.flush()
    later = clock.now() - 1001.0
    assert await meter.prune(older_than_s=later) == 2
    assert [one.id for one in await meter.records(Asked())] == [
        "id-000003",
        "id-000002",
        "id-000001",
    ]
    for n in range(4, 40):
        meter.note(record(n))
        await meter.flush()
    assert await meter.prune(older_than_s=clock.now()) > 0
    left = await meter.records(Asked())
    assert left[0].id == "id-000039"
    assert 0 < len(left) < 20
    seq = (await meter.lines(Asked()))[-1].seq if await meter.lines(Asked()) else 4
    meter.log(line(50))
    assert (await meter.lines(Asked()))[-1].seq == seq + 1
    await meter.close()
    await database.close()
