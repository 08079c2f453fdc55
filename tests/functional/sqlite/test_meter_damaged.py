"""A meter whose file is damaged begins anew with what can be read, and bills nothing twice."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.journal import Journal
from tapwater_server.backends.sqlite.ledger import SqliteLedger
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.meter_batch import read_position
from tapwater_server.backends.sqlite.meter_salvage import open_meter
from tapwater_server.model.errors import TapwaterError
from tapwater_server.ports.ledger import Wanted
from tapwater_server.ports.meter import Asked
from tapwater_server.testing.clock import ManualClock
from tests.conformance.meter_kit import record

PAGE = 4096
DAYS, ROUTES = 40, 25
EVER = Wanted(since=0.0, until=1e11, by=("app",))


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[tuple[SqliteMeter, SqliteLedger]]:
    database = open_meter(folder / "meter.db", journal=folder / "journal")
    journal = Journal(folder / "journal", since=database.load(read_position))
    meter = SqliteMeter(database=database, clock=ManualClock(), journal=journal)
    try:
        yield meter, SqliteLedger(database=database, flush=meter.flush)
    finally:
        await meter.close()
        await database.close()


async def fill(folder: Path) -> None:
    """Calls of many days and routes: sums over many pages."""
    async with opened(folder) as (meter, _):
        for day in range(DAYS):
            for route in range(ROUTES):
                n = day * ROUTES + route
                meter.note(record(n, at=1e9 + day * 86400.0, route=f"/route-{route:040}"))
            await meter.flush()


async def billed(ledger: SqliteLedger) -> float:
    return sum(sums.amounts["calls"] for sums in await ledger.sums(EVER))


def spoil_pages(file: Path, table: str) -> int:
    """Overwrite some of a table's leaf pages; say how many there are."""
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = [
        number
        for (number,) in connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", (table,)
        )
    ]
    connection.close()
    middle = pages[len(pages) // 2]
    with file.open("r+b") as out:
        out.seek((middle - 1) * PAGE)
        out.write(b"\xff" * PAGE)
    return len(pages)


def has_dbstat() -> bool:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("SELECT * FROM dbstat")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


async def test_what_can_be_read_of_the_sums_is_kept(
    tmp_path: Path, cannot_test: Callable[[str], None]
) -> None:
    if not has_dbstat():
        cannot_test("this SQLite does not say which pages a table has")
    await fill(tmp_path)
    pages = spoil_pages(tmp_path / "meter.db", "sum")
    async with opened(tmp_path) as (meter, ledger):
        with pytest.raises(TapwaterError, match="damaged"):
            await ledger.sums(EVER)
        meter.note(record(5000, at=1e9 + 20 * 86400.0, route=f"/route-{7:040}"))
    async with opened(tmp_path) as (meter, ledger):  # It was found out; now it is looked into.
        calls = await billed(ledger)
        whole = DAYS * ROUTES + 1
        assert whole * (1 - 4 / pages) <= calls <= whole
        found = await meter.records(Asked(count_max=5000))
        assert len({one.id for one in found}) == len(found)
        assert len(found) >= DAYS * ROUTES
        meter.note(record(6000))
        assert await billed(ledger) == calls + 1
    assert (tmp_path / "damaged-meter.db").exists()
    async with opened(tmp_path) as (_, ledger):
        assert await billed(ledger) == calls + 1


async def test_a_file_that_is_no_database_begins_with_what_the_journal_has(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await fill(tmp_path)
    (tmp_path / "meter.db").write_bytes(b"no database at all" * 1000)
    async with opened(tmp_path) as (meter, ledger):
        recovered = meter.stats().recovered
        assert await billed(ledger) == recovered == DAYS * ROUTES
    assert "meter.db is damaged and begins anew; it is kept as damaged-meter.db" in caplog.text
    async with opened(tmp_path) as (_, ledger):
        assert await billed(ledger) == recovered


async def test_without_the_place_in_the_journal_nothing_is_added_twice(tmp_path: Path) -> None:
    await fill(tmp_path)
    with sqlite3.connect(tmp_path / "meter.db") as connection:
        connection.execute("DROP TABLE journal")
    (tmp_path / "meter.db-suspect").touch()
    connection.close()
    async with opened(tmp_path) as (meter, ledger):
        assert await billed(ledger) == DAYS * ROUTES
        meter.note(record(6000))
        assert await billed(ledger) == DAYS * ROUTES + 1
    async with opened(tmp_path) as (_, ledger):
        assert await billed(ledger) == DAYS * ROUTES + 1


async def test_a_backup_of_the_file_alone_is_brought_up_to_date_by_the_journal(
    tmp_path: Path,
) -> None:
    await fill(tmp_path)
    shutil.copy(tmp_path / "meter.db", tmp_path / "backup.db")
    async with opened(tmp_path) as (meter, ledger):
        for n in range(100):
            meter.note(record(7000 + n))
        after = await billed(ledger)
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"meter.db{end}").unlink(missing_ok=True)
    shutil.copy(tmp_path / "backup.db", tmp_path / "meter.db")
    async with opened(tmp_path) as (_, ledger):
        assert await billed(ledger) == after


async def test_a_block_that_is_spoilt_hides_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(tmp_path) as (meter, _):
        for n in range(30):
            meter.note(record(n))
            await meter.flush()
    connection = sqlite3.connect(tmp_path / "meter.db")
    connection.execute("UPDATE block SET data = x'28b52ffd00' WHERE seq_first = 10")
    (sum_of, *_) = connection.execute("SELECT amounts FROM sum WHERE step = 86400").fetchone()
    connection.execute("UPDATE sum SET amounts = x'ff00' WHERE step = 86400")
    connection.commit()
    connection.close()
    assert sum_of
    async with opened(tmp_path) as (meter, ledger):
        assert len(await meter.records(Asked(count_max=100))) == 29
        await meter.prune(older_than_s=1e12)
        assert len(await meter.records(Asked(count_max=100))) == 29
        await meter.prune(older_than_s=1e12)
        meter.note(record(31))  # Its day cannot be read: that costs the day, and no later call.
        await meter.flush()
        assert meter.stats().waiting == 0
        assert len(await ledger.sums(Wanted(since=0.0, until=7200.0, by=("app",)))) == 1
    assert "damaged" in caplog.text
