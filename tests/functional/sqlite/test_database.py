"""The writing thread: groups, order, failures, migrations, kills."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite import connection as module
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.migrating import migrate, migrations
from tapwater_server.model.errors import Overloaded, SettingsError, StorageFull, TapwaterError


def set_to(name: str, value: str) -> module.Work[None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO setting (name, value) VALUES (?, ?)", (name, value))

    return work


def settings(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, value FROM setting").fetchall())


async def test_waiting_writes_share_a_commit(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", schema="state")
    order: list[int] = []
    await asyncio.gather(
        *(
            database.write(set_to(str(n), "x"), then=lambda _, n=n: order.append(n))  # type: ignore[misc]
            for n in range(300)
        )
    )
    stats = database.stats()
    assert order == list(range(300))
    assert stats.writes == 300
    assert stats.groups < 30
    assert len(await database.read(settings)) == 300
    await database.close()


async def test_a_failing_write_takes_nobody_with_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", schema="state")
    results = await asyncio.gather(
        database.write(set_to("a", "1")),
        database.write(set_to("a", "2")),
        database.write(set_to("b", "3")),
        return_exceptions=True,
    )
    assert isinstance(results[1], sqlite3.IntegrityError)
    assert await database.read(settings) == {"a": "1", "b": "3"}
    assert database.stats().failed == 1
    await database.close()


async def test_a_full_disk_fails_and_then_does_not(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", schema="state")
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(StorageFull, match="full"):
        await database.write(set_to("big", "x" * 100_000))
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 100000"))
    await database.write(set_to("big", "x" * 100_000))
    await database.close()


async def test_a_cancelled_writer_still_updates_memory(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", schema="state")
    told: list[None] = []
    writing = asyncio.create_task(database.write(set_to("a", "1"), then=told.append))
    await asyncio.wait([writing], timeout=0)
    writing.cancel()
    await database.write(set_to("b", "2"))
    assert told == [None]
    assert await database.read(settings) == {"a": "1", "b": "2"}
    await database.close()


async def test_too_many_waiting_is_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WRITES_WAITING_MAX", 3)
    database = Database(tmp_path / "a.db", schema="state")
    futures = [database.submit(set_to(str(n), "x")) for n in range(3)]
    with pytest.raises(Overloaded):
        await database.write(set_to("more", "x"))
    await asyncio.gather(*futures)
    await database.write(set_to("more", "x"))
    await database.close()
    with pytest.raises(Overloaded):
        await database.write(set_to("late", "x"))


async def test_readers_cannot_write(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", schema="state")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(set_to("a", "1"))
    await database.close()


def test_newer_data_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    migrate(connection, "state")
    newer = migrations("state")[-1].number + 1
    connection.execute("INSERT INTO migration VALUES (?, 'pre')", (newer,))
    connection.close()
    with pytest.raises(SettingsError, match="start the release that wrote it"):
        Database(tmp_path / "a.db", schema="state")


@pytest.mark.parametrize("schema", ["state", "meter", "bus"])
def test_migrations_apply_once(tmp_path: Path, schema: str) -> None:
    connection = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    for _ in range(2):
        migrate(connection, schema)
    applied = connection.execute("SELECT count(*) FROM migration").fetchone()
    assert applied == (len(migrations(schema)),)
    connection.close()


WRITES_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from tapwater_server.backends.sqlite.connection import Database

def put(n):
    return lambda c: c.execute("INSERT INTO setting (name, value) VALUES (?, ?)", (str(n), "x"))

async def main():
    database = Database(Path(sys.argv[1]), schema="state")
    n = 0
    while True:
        await asyncio.gather(*(database.write(put(n + i)) for i in range(10)))
        n += 10
        print(n, flush=True)

asyncio.run(main())
"""


def write_and_kill(file: Path) -> int:
    """Give how many writes were acknowledged when the process was killed."""
    command = [sys.executable, "-c", WRITES_FOR_EVER, str(file)]
    environment = {**os.environ, "PYTHONPATH": "src"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    return max(int(line) for line in said if line.endswith(b"\n"))


async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    acknowledged = await asyncio.to_thread(write_and_kill, tmp_path / "a.db")
    database = Database(tmp_path / "a.db", schema="state")
    kept = await database.read(settings)
    assert {str(n) for n in range(acknowledged)} <= set(kept)
    await database.close()


async def test_a_file_spoilt_while_it_is_used_is_told_as_damage(tmp_path: Path) -> None:
    database = Database(tmp_path / "a.db", schema="state")
    await database.write(set_to("a", "1"))
    database.load(lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall())
    (tmp_path / "a.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(TapwaterError, match=r"a\.db is damaged"):
        await database.read(settings)
    await database.close()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 1000, b"SQLite format 3\0" + b"x" * 9000]
)
def test_a_spoilt_file_is_named_at_the_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.db").write_bytes(content)
    with pytest.raises(SettingsError, match=r"a\.db is damaged, or no database"):
        Database(tmp_path / "a.db", schema="state")


def test_a_folder_that_is_gone_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"a\.db cannot be opened"):
        Database(tmp_path / "gone" / "a.db", schema="state")


async def test_a_transaction_left_open_does_not_stop_the_next(tmp_path: Path) -> None:
    """A rollback that the disk refused, made by hand."""
    database = Database(tmp_path / "a.db", schema="state")
    await database.write(lambda c: (c.execute("COMMIT"), c.execute("BEGIN"))[0])
    with pytest.raises(sqlite3.OperationalError):
        await database.write(lambda c: c.execute("no SQL"))
    await database.write(set_to("a", "1"))
    assert await database.read(settings) == {"a": "1"}
    await database.close()
