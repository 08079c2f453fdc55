"""What every log of events must do, whatever keeps it."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.eventlog import READ_BYTES_MAX, EventLog
from tapwater_server.testing.clock import ManualClock
from tests.conformance.opened_bus import LOGS, SHOP, event, sqlite_log

OTHER = AppId("other")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(LOGS))
async def log(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[EventLog]:
    async with LOGS[request.param](tmp_path, clock) as opened:
        yield opened


async def ids(log: EventLog, after: int = 0) -> list[str]:
    return [logged.event.id for logged in await log.read(after=after, count_max=1000)]


async def test_log_1_same_id_twice_is_one(log: EventLog) -> None:
    assert await log.append([event(data=b"1"), event("v2"), event(data=b"same call")]) == 2
    assert await log.append([event(data=b"2"), event(app=OTHER), event("v3")]) == 2
    found = await log.read(after=0, count_max=10)
    assert [(f.event.app, f.event.id, f.event.data) for f in found] == [
        (SHOP, "v1", b"1"),
        (SHOP, "v2", b""),
        (OTHER, "v1", b""),
        (SHOP, "v3", b""),
    ]


async def test_log_1_everything_that_was_said_is_read(log: EventLog) -> None:
    full = Event(
        id="v\u00fc",
        app=SHOP,
        type="tapwater.document.created",
        source="/docs",
        subject="users/42\x00\U0001f600",
        at=1234.5678,
        data=bytes(range(256)),
        content_type="application/octet-stream",
        key="users/42",
        root="r",
        depth=4,
        trace="00-aa-bb-01",
        extensions={"qos": 1, "retain": True, "note": "\u00e4"},
    )
    await log.append([full, event("plain")])
    found = await log.find(SHOP, "v\u00fc")
    assert found is not None
    assert found.event == full
    assert [logged.event for logged in await log.read(after=0, count_max=9)] == [
        full,
        event("plain"),
    ]
    assert await log.find(OTHER, "v\u00fc") is None


async def test_log_2_rising_and_after_means_after(log: EventLog) -> None:
    for n in range(0, 9, 3):
        await log.append([event(f"v{m}") for m in range(n, n + 3)])
    found = await log.read(after=0, count_max=100)
    seqs = [logged.seq for logged in found]
    assert seqs == sorted(set(seqs))
    assert seqs[0] > 0
    assert await ids(log, after=seqs[4]) == ["v5", "v6", "v7", "v8"]
    assert [f.event.id for f in await log.read(after=seqs[1], count_max=2)] == ["v2", "v3"]
    assert await log.last() == seqs[-1]
    assert await ids(log, after=seqs[-1]) == []


async def test_log_2_nothing_appears_below_what_was_read(tmp_path: Path) -> None:
    """Many write at once; a reader that goes on from the last it saw has seen all in the end."""
    async with sqlite_log(tmp_path, ManualClock()) as log:
        seen: list[str] = []

        async def follow() -> None:
            after = 0
            while len(seen) < 200:
                await log.wait_appended(after)
                for logged in await log.read(after=after, count_max=7):
                    assert logged.seq > after
                    after = logged.seq
                    seen.append(logged.event.id)

        async with asyncio.TaskGroup() as group:
            group.create_task(follow())
            for n in range(100):
                group.create_task(log.append([event(f"a{n}"), event(f"b{n}")]))
        assert len(set(seen)) == 200
        places = {id: place for place, id in enumerate(seen)}
        assert all(places[f"b{n}"] == places[f"a{n}"] + 1 for n in range(100))


async def test_log_2_filters(log: EventLog) -> None:
    await log.append(
        [
            event("a", type="tapwater.blob.stored", source="/blobs/a"),
            event("b", type="tapwater.blob.stored", source="/blobs/b"),
            event("c", type="tapwater.blob.deleted", source="/blobs/a"),
            event("d", type="tapwater.Blob.stored", source="/blobs/a"),
            event("e", type="tapwater.blob.stored", source="/blobs/a", app=OTHER),
            event("f%", type="tapwater%blob", source="/"),
        ]
    )

    async def found(app: AppId | None = None, type_prefix: str = "", source: str = "") -> str:
        rows = await log.read(
            after=0, count_max=10, app=app, type_prefix=type_prefix, source=source
        )
        return "".join(row.event.id[0] for row in rows)

    assert await found(app=SHOP) == "abcdf"
    assert await found(app=SHOP, type_prefix="tapwater.blob.") == "abc"
    assert await found(type_prefix="tapwater.blob.stored") == "abe"
    assert await found(app=SHOP, source="/blobs/a") == "acd"
    assert await found(source="/blobs/a", type_prefix="tapwater.blob.d") == "c"
    assert await found(type_prefix="tapwater%") == "f"
    assert await found(source="/blobs/") == ""


async def test_log_2_what_is_listed_comes_without_its_data(log: EventLog) -> None:
    await log.append([event("a", data=b"1"), event("b", app=OTHER, data=b"2")])
    for app in (None, OTHER):
        whole = await log.read(after=0, count_max=10, app=app)
        bare = await log.read(after=0, count_max=10, app=app, data=False)
        assert all(one.event.data for one in whole)
        assert bare == [replace(one, event=replace(one.event, data=b"")) for one in whole]


async def test_log_2_after_a_time(log: EventLog) -> None:
    assert await log.seq_at(0.0) == 0
    await log.append([event(f"v{n}", at=at) for n, at in enumerate([10.0, 30.0, 20.0, 40.0])])
    found = await log.read(after=0, count_max=9)
    after = {at: await log.seq_at(at) for at in (0.0, 10.0, 15.0, 25.0, 35.0)}
    assert {at: await ids(log, seq) for at, seq in after.items()} == {
        0.0: ["v0", "v1", "v2", "v3"],
        10.0: ["v0", "v1", "v2", "v3"],
        15.0: ["v1", "v2", "v3"],
        25.0: ["v1", "v2", "v3"],
        35.0: ["v3"],
    }
    assert await log.seq_at(40.5) == found[-1].seq


async def test_log_3_whole_or_not(tmp_path: Path) -> None:
    """With a change in one transaction: neither without the other, also when the change fails."""
    database = Database(tmp_path / "data.db", schema="data")
    log = SqliteEventLog(database=database, clock=ManualClock())

    def change(connection: sqlite3.Connection, *, fails: bool) -> int:
        new = log.record(connection, [event("v1"), event("v2")])
        if fails:
            raise ValueError("the service thought better of it")
        return new

    with pytest.raises(ValueError, match="better"):
        await database.write(lambda c: change(c, fails=True), then=log.recorded)
    assert await log.last() == 0
    assert await database.write(lambda c: change(c, fails=False), then=log.recorded) == 2
    assert await ids(log) == ["v1", "v2"]
    await database.close()


async def test_log_3_a_call_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    async with sqlite_log(tmp_path, ManualClock()) as log:
        with pytest.raises(UnicodeEncodeError):
            await log.append([event("v1"), event("v2", subject="\ud800")])
        assert await ids(log) == []


async def test_log_4_cursors_stay_and_never_go_back(log: EventLog) -> None:
    assert await log.cursor("relay") == 0
    await log.move_cursor("relay", 7)
    await log.move_cursor("relay", 5)
    await log.move_cursor("other", 2)
    assert (await log.cursor("relay"), await log.cursor("other")) == (7, 2)
    await log.move_cursor("relay", 8)
    assert await log.cursor("relay") == 8


async def test_log_5_only_what_is_old_and_read_by_all(log: EventLog, clock: ManualClock) -> None:
    await log.append([event(f"old{n}", at=clock.now() + 1e6) for n in range(4)])
    await clock.advance(100)
    await log.append([event("young", at=0.0)])
    seqs = [logged.seq for logged in await log.read(after=0, count_max=9)]
    assert await log.sweep(older_than_s=50) == 0  # Nobody has read anything.
    await log.move_cursor("fast", seqs[-1])
    await log.move_cursor("slow", seqs[1])
    assert await log.sweep(older_than_s=150) == 0
    assert await log.sweep(older_than_s=50) == 2
    assert await ids(log) == ["old2", "old3", "young"]
    await log.move_cursor("slow", seqs[-1])
    assert await log.sweep(older_than_s=50) == 2
    assert await ids(log) == ["young"]


async def test_log_5_no_seq_is_given_twice(log: EventLog, clock: ManualClock) -> None:
    await log.append([event("v1"), event("v2")])
    last = await log.last()
    await log.move_cursor("relay", last)
    await clock.advance(10)
    assert await log.sweep(older_than_s=5) == 2
    assert await log.last() == 0
    assert await log.append([event("v3")]) == 1
    assert await ids(log, after=last) == ["v3"]  # The reader sees it.


async def test_log_6_who_waits_is_woken(log: EventLog, clock: ManualClock) -> None:
    await log.append([event("v1")])
    await log.wait_appended(0)
    last = await log.last()
    waiting = [asyncio.create_task(log.wait_appended(last)) for _ in range(3)]
    await clock.advance(1)
    assert not any(task.done() for task in waiting)
    await log.append([event("v2")])
    await asyncio.gather(*waiting)


async def test_log_6_a_change_wakes_as_well(tmp_path: Path) -> None:
    database = Database(tmp_path / "data.db", schema="data")
    log = SqliteEventLog(database=database, clock=ManualClock())
    waiting = asyncio.create_task(log.wait_appended(0))
    await database.write(lambda c: log.record(c, [event("v1")]), then=log.recorded)
    await waiting
    await database.close()


async def test_log_7_no_more_bytes_than_asked_for_but_one_event(log: EventLog) -> None:
    sizes = [10, 20, 30, 100, 5, 0, 5]
    await log.append([event(f"v{n}", data=bytes(size)) for n, size in enumerate(sizes)])
    await log.append([event(app=OTHER, data=bytes(7))])

    async def pages(bytes_max: int, **only: Any) -> list[list[int]]:
        found, after = list[list[int]](), 0
        while page := await log.read(after=after, count_max=5, bytes_max=bytes_max, **only):
            found.append([len(one.event.data) for one in page])
            after = page[-1].seq
        return found

    assert await pages(60) == [[10, 20, 30], [100], [5, 0, 5, 7]]
    assert await pages(59, app=SHOP) == [[10, 20], [30], [100], [5, 0, 5]]
    assert await pages(30, type_prefix=event().type) == [[10, 20], [30], [100], [5, 0, 5, 7]]
    assert await pages(0, app=SHOP) == [[10], [20], [30], [100], [5], [0], [5]]
    assert await pages(0, data=False) == [[0] * 5, [0] * 3]


async def test_log_7_large_events_are_not_all_given_at_once(log: EventLog) -> None:
    await log.append([event(f"v{n}", data=bytes(1 << 20)) for n in range(20)])
    only: dict[str, Any]
    for only in ({}, {"app": SHOP}, {"source": event().source}):
        page = await log.read(after=0, count_max=500, **only)
        assert sum(len(one.event.data) for one in page) == READ_BYTES_MAX
        rest = await log.read(after=page[-1].seq, count_max=500, **only)
        assert len(page) + len(rest) == 20


async def test_an_erased_app_leaves_no_events(log: EventLog) -> None:
    await log.append([event("v1"), event("v2"), event("v1", app=OTHER)])
    await log.erase(SHOP)
    assert [logged.event.app for logged in await log.read(after=0, count_max=9)] == [OTHER]
    assert await log.append([event("v1")]) == 1
