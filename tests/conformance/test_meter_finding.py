"""What every meter must find again."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import FAILED, Asked, LogLine, Meter
from tapwater_server.testing.clock import ManualClock
from tests.conformance.meter_kit import METERS, SHOP, line, record, span, sqlite_meter


@pytest.fixture(params=sorted(METERS))
async def meter(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Meter]:
    async with METERS[request.param](tmp_path, 10_000) as opened:
        yield opened


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


async def test_mtr_2_lines_are_paged_back_by_seq(meter: Meter) -> None:
    for n in range(9):
        meter.log(line(n))
    newest = await meter.lines(Asked(count_max=3))
    assert [one.text for one in newest] == ["line 6", "line 7", "line 8"]
    before = await meter.lines(Asked(count_max=4, before_seq=newest[0].seq))
    assert [one.text for one in before] == ["line 2", "line 3", "line 4", "line 5"]
    assert await meter.lines(Asked(before_seq=1)) == []


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


async def test_mtr_2_records_by_every_field(meter: Meter) -> None:
    meter.note(record(1, user="ada", route="/a", trace="1" * 32))
    meter.note(record(2, ending="user_error", fault="f1", trace="2" * 32))
    meter.note(record(3, ending="cancelled", wall_ms=5000.0, revision="r2"))
    meter.note(record(4, ending="timed_out", function="orders/list", user="bob", route="/b"))
    await meter.flush()
    meter.note(record(5, trace="1" * 32, user="ada|bob"))

    async def ids(asked: Asked) -> list[int]:
        return [int(one.id[-1]) for one in await meter.records(asked)]

    assert await ids(Asked(user="ada")) == [1]
    assert await ids(Asked(user="ada|bob")) == [5]
    assert await ids(Asked(route="/b")) == [4]
    assert await ids(Asked(revision="r2")) == [3]
    assert await ids(Asked(ending=FAILED)) == [4, 2]
    assert await ids(Asked(ending="cancelled")) == [3]
    assert await ids(Asked(ending=FAILED, app=SHOP, function="orders/list")) == [4]
    assert await ids(Asked(ending=FAILED, function="orders/list")) == [4]
    assert await ids(Asked(ending=FAILED, app=AppId("blog"))) == []
    assert await ids(Asked(fault="f1")) == [2]
    assert await ids(Asked(took_ms_min=1000.0)) == [3]
    assert await ids(Asked(before="id-000004")) == [3, 2, 1]
    assert await ids(Asked(trace="1" * 32)) == [5, 1]
    assert await ids(Asked(trace="1" * 16 + "0" * 16)) == []
    assert await ids(Asked(trace="no trace", user="ada", fault="f1")) == []


async def test_mtr_2_more_users_than_a_mark_has_words(meter: Meter) -> None:
    for n in range(500):
        meter.note(record(n, user=f"user-{n}", ending="user_error", function=f"f{n}"))
    assert [one.id for one in await meter.records(Asked(user="user-77"))] == ["id-000077"]
    failed = Asked(ending=FAILED, app=SHOP, function="f401")
    assert [one.id for one in await meter.records(failed)] == ["id-000401"]


async def test_mtr_2_lines_by_fields(meter: Meter) -> None:
    meter.log(line(1, "paid", fields={"order": "7", "cents": 250, "fast": True}))
    meter.log(line(2, "paid", fields={"order": "8", "who": {"id": 1}}))
    meter.log(line(3, "plain"))

    async def texts(**fields: str) -> list[str]:
        return [one.invocation for one in await meter.lines(Asked(fields=fields))]

    assert await texts(order="7") == ["id-000001"]
    assert await texts(cents="250", fast="true") == ["id-000001"]
    assert await texts(who='{"id":1}') == ["id-000002"]
    assert await texts(order="9") == []
    assert await texts(colour="red") == []
    (first, *_) = await meter.lines(Asked(fields={"order": "7"}))
    assert first.fields == {"order": "7", "cents": 250, "fast": True}


async def test_mtr_5_all_of_a_trace(meter: Meter) -> None:
    for n in range(2500):
        meter.note(record(n, trace=f"{n % 1250:032x}"))
        meter.log(line(n, trace=f"{n:032x}"))
        meter.span(span(n, trace=f"{n // 2:032x}"))
    trace = f"{700:032x}"
    found = await meter.records(Asked(trace=trace))
    assert [one.id for one in found] == ["id-001950", "id-000700"]
    assert [one.text for one in await meter.lines(Asked(trace=trace))] == ["line 700"]
    assert await meter.spans(trace) == [span(1400, trace=trace), span(1401, trace=trace)]
    assert await meter.spans("f" * 32) == []


async def test_mtr_5_without_reading_all(tmp_path: Path) -> None:
    async with sqlite_meter(tmp_path, 10_000) as meter:
        for n in range(3000):
            meter.note(record(n, trace=f"{n:016x}" * 2))
        await meter.flush()
        with sqlite3.connect(tmp_path / "meter.db") as other:
            other.execute("UPDATE block SET data = x'00' WHERE seq_first <> 1001")
        other.close()
        (found,) = await meter.records(Asked(trace=f"{1500:016x}" * 2))
        assert found.id == "id-001500"
        assert await meter.records(Asked(invocation="id-001700")) == [
            record(1700, trace=f"{1700:016x}" * 2)
        ]


async def test_mtr_5_blocks_of_an_earlier_release_are_found(tmp_path: Path) -> None:
    async with sqlite_meter(tmp_path, 10_000) as meter:
        meter.note(record(1, trace="a" * 32, user="ada"))
        await meter.flush()
        with sqlite3.connect(tmp_path / "meter.db") as other:
            other.execute("DELETE FROM mark")
        other.close()
        assert len(await meter.records(Asked(trace="a" * 32, user="ada"))) == 1
        assert await meter.records(Asked(trace="b" * 32)) == []


async def test_mtr_5_small_blocks_become_large_ones(tmp_path: Path) -> None:
    clock = ManualClock(now=10_000.0)
    database = Database(tmp_path / "meter.db", schema="meter", synchronous="NORMAL")
    meter = SqliteMeter(database=database, clock=clock)

    def count(kind: str) -> int:
        with sqlite3.connect(tmp_path / "meter.db") as other:
            (blocks,) = other.execute(
                "SELECT count(*) FROM block WHERE kind = ?", [kind]
            ).fetchone()
        other.close()
        return int(blocks)

    for n in range(400):
        bad = n % 100 == 7
        for at in range(3):
            meter.note(
                record(
                    3 * n + at,
                    ending="user_error" if bad else "ok",
                    user=f"user-{n}",
                    trace=f"{n:032x}",
                    function="orders/list" if bad else "users/register",
                )
            )
            meter.log(line(3 * n + at, trace=f"{n:032x}"))
        meter.span(span(n, trace=f"{n:032x}"))
        await meter.flush()
    records, lines = (
        await meter.records(Asked(count_max=5000)),
        await meter.lines(Asked(after_seq=0)),
    )
    assert (count("record"), count("line"), count("span")) == (400, 400, 400)
    assert await meter.prune(older_than_s=1e6) == 0
    assert (count("record"), count("line"), count("span")) == (2, 2, 1)
    assert await meter.records(Asked(count_max=5000)) == records
    assert await meter.lines(Asked(after_seq=0)) == lines
    for n in (0, 107, 399):
        trace = f"{n:032x}"
        assert [one.trace for one in await meter.records(Asked(trace=trace))] == [trace] * 3
        assert await meter.spans(trace) == [span(n, trace=trace)]
        assert len(await meter.records(Asked(user=f"user-{n}"))) == 3
    failed = Asked(ending=FAILED, app=SHOP, function="orders/list")
    assert len(await meter.records(failed)) == 12
    assert await meter.prune(older_than_s=1e6) == 0
    assert count("record") == 2
    await meter.close()
    await database.close()
