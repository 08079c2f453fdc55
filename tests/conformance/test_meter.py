"""What every meter must do."""

import asyncio
import errno
import os
import shutil
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.ports.meter import Asked, Meter, Use
from tapwater_server.testing.clock import ManualClock
from tests.conformance.meter_kit import METERS, line, record, span, sqlite_meter


@pytest.fixture(params=sorted(METERS))
async def meter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Meter]:
    async with METERS[request.param](tmp_path, 10_000) as opened:
        yield opened


async def test_mtr_1_what_is_noted_is_on_disk_after_close(tmp_path: Path) -> None:
    async with sqlite_meter(tmp_path, 10_000) as before:
        before.note(record(1))
        before.log(line(1))
    async with sqlite_meter(tmp_path, 10_000) as after:
        assert await after.records(Asked()) == [record(1)]
        assert [one.text for one in await after.lines(Asked())] == ["line 1"]


async def test_mtr_1_it_is_written_without_being_asked(tmp_path: Path) -> None:
    async with sqlite_meter(tmp_path, 10_000) as meter:
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


async def test_mtr_1_odd_fields_do_not_raise(meter: Meter) -> None:
    deep: list[object] = []
    for _ in range(5_000):
        deep = [deep]
    odd = {"big": 10**30, "deep": deep, "set": {1}, "\ud800": "\udfff", "fine": 7}
    meter.log(line(1, fields=odd))
    meter.note(record(2, function="odd/\udfff", used={"\ud800": 1.0}))
    (found,) = await meter.lines(Asked())
    assert found.fields["fine"] == 7
    assert [one.id for one in await meter.records(Asked())] == ["id-000002"]


@pytest.mark.parametrize("backend", sorted(METERS))
async def test_mtr_3_above_the_ceiling_the_oldest_go(tmp_path: Path, backend: str) -> None:
    async with METERS[backend](tmp_path, 10) as meter:
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


async def test_mtr_1_whoever_listens_hears_at_once(meter: Meter) -> None:
    heard: list[object] = []

    def fails(what: object) -> None:
        raise ValueError("a listener of no good")

    meter.when_noted(fails)
    meter.when_noted(heard.append)
    meter.when_used(fails)
    meter.when_used(heard.append)
    used = Use(at=1000.0, app="shop", quantity="mails", amount=1)
    meter.note(record(1))
    meter.use(used)
    assert heard == [record(1), used]
    assert meter.stats().uses == 1


async def test_mtr_3_spans_are_bounded_too(tmp_path: Path) -> None:
    async with sqlite_meter(tmp_path, 10) as meter:
        for n in range(25):
            meter.span(span(n))
        assert meter.stats().dropped == 15
        assert [one.id for one in await meter.spans("a" * 32)] == [
            f"{n:016}" for n in range(15, 25)
        ]


async def test_mtr_3_without_room_for_a_journal_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(file: int, at: int, count: int) -> None:
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "posix_fallocate", no_room)
    async with sqlite_meter(tmp_path, 10_000) as meter:
        meter.note(record(1))
        meter.use(Use(at=1000.0, app="shop", quantity="mails", amount=1))
        assert meter.stats().unsafe == 2
        assert await meter.records(Asked()) == [record(1)]


async def test_mtr_4_a_life_that_was_cut_short_is_taken_up(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.mkdir()
    async with sqlite_meter(one, 10_000) as before:
        before.note(record(1, function="odd/\udfff"))
        await before.flush()
        for n in range(2, 5):
            before.note(record(n, used={"doc_reads": 1.0}, user="ada"))
        shutil.copytree(one, two)  # What a killed process would leave.
        before.note(record(9))
    async with sqlite_meter(two, 10_000) as after:
        assert after.stats().recovered == 3
        after.note(record(5))
        ids = [one.id for one in await after.records(Asked())]
        assert ids == ["id-000005", "id-000004", "id-000003", "id-000002", "id-000001"]
        (found,) = await after.records(Asked(invocation="id-000003"))
        assert found == record(3, used={"doc_reads": 1.0}, user="ada")
