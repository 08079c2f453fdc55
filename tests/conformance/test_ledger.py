"""What every ledger must do."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.model.errors import Invalid
from tapwater_server.ports import ledger as port
from tapwater_server.ports.ledger import DAY_S, HOUR_S, OTHER, Sums, Wanted
from tapwater_server.ports.meter import Asked, Use
from tapwater_server.testing.clock import ManualClock
from tests.conformance.opened_meters import BACKENDS, T0, Metering, call, sqlite

END = T0 + 400 * DAY_S


@pytest.fixture(params=sorted(BACKENDS))
async def metering(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Metering]:
    async with BACKENDS[request.param](tmp_path, ManualClock(now=T0)) as opened:
        yield opened


async def table(metering: Metering, quantity: str, wanted: Wanted) -> dict[tuple[str, ...], float]:
    sums = await metering.ledger.sums(wanted)
    return {one.key: one.amounts.get(quantity, 0.0) for one in sums}


async def test_ldg_1_calls_and_uses_are_added_up(metering: Metering) -> None:
    metering.meter.note(call(used={"doc_reads": 2.0}))
    metering.meter.note(call(id="id-1", wall_ms=80.0, ending="user_error"))
    metering.meter.use(Use(at=T0, app="shop", quantity="doc_reads", amount=5))
    metering.meter.use(Use(at=T0, app="shop", quantity="doc_reads", amount=7, within="id-0"))
    (found,) = await metering.ledger.sums(Wanted(since=T0, until=T0 + HOUR_S))
    assert found.key == ()
    assert found.amounts == pytest.approx(
        {
            "calls": 2,
            "errors": 1,
            "wall_ms": 200.0,
            "cpu_ms": 3.0,
            "cpu_ms_1": 4,
            "queue_ms": 0.5,
            "mb_ms": 256 * 200.0,
            "mb_ms_1": 256 * 200,
            "mb_ms_100": 256 * 300,
            "mb_ms_used": 128 * (120 + 100),
            "mb_ms_flex": 512 * 2000,
            "vcpu_ms_100": 300 / 6,
            "bytes_in": 20,
            "bytes_out": 40,
            "doc_reads": 7,
        }
    )


async def test_ldg_1_by_every_dimension(metering: Metering) -> None:
    meter = metering.meter
    meter.note(call(user="ada"))
    meter.note(call(function="users/list", route="/users-api/list", user="bob"))
    meter.note(call(revision="r2", at=T0 + HOUR_S, user="ada"))
    meter.note(call(app="blog", at=T0 + DAY_S))
    await meter.flush()
    meter.note(call(at=T0 + 40 * DAY_S))

    async def by(*names: str) -> dict[tuple[str, ...], float]:
        return await table(metering, "calls", Wanted(since=0, until=END, by=names))

    assert await by() == {(): 5}
    assert await by("app") == {("blog",): 1, ("shop",): 4}
    assert await by("project", "app") == {("press", "blog"): 1, ("retail", "shop"): 4}
    assert await by("function") == {("users/list",): 1, ("users/register",): 4}
    assert await by("revision") == {("r1",): 4, ("r2",): 1}
    assert await by("route") == {("/users-api/list",): 1, ("/users-api/register",): 4}
    assert await by("user") == {("ada",): 2, ("bob",): 1}
    assert await by("month", "app") == {
        ("2023-11", "blog"): 1,
        ("2023-11", "shop"): 3,
        ("2023-12", "shop"): 1,
    }
    assert await by("day") == {("2023-11-14",): 3, ("2023-11-15",): 1, ("2023-12-24",): 1}
    assert await by("hour") == {
        ("2023-11-14T00:00Z",): 2,
        ("2023-11-14T01:00Z",): 1,
        ("2023-11-15T00:00Z",): 1,
        ("2023-12-24T00:00Z",): 1,
    }
    assert await by("day", "user") == {("2023-11-14", "ada"): 2, ("2023-11-14", "bob"): 1}


async def test_ldg_1_only_what_was_asked_for(metering: Metering) -> None:
    metering.meter.note(call())
    metering.meter.note(call(app="blog"))
    metering.meter.note(call(function="users/list", revision="r2"))
    metering.meter.use(Use(at=T0, app="shop", function="users/list", quantity="mails", amount=1))

    async def calls(**filters: Any) -> float:
        wanted = replace(Wanted(since=0, until=END), **filters)
        return (await table(metering, "calls", wanted)).get((), 0.0)

    assert await calls(app="shop") == 2
    assert await calls(app="sho") == 0
    assert await calls(project="press") == 1
    assert await calls(function="users/list") == 1
    assert await calls(revision="r2") == 1
    few = Wanted(since=0, until=T0 + 1, quantities=frozenset({"mails", "wall_ms"}))
    assert await metering.ledger.sums(few) == [Sums(amounts={"wall_ms": 360.0, "mails": 1})]


async def test_ldg_1_a_time_is_cut_at_hours(metering: Metering) -> None:
    for hour in range(72):
        metering.meter.note(call(at=T0 + hour * HOUR_S))
    await metering.meter.flush()

    async def calls(since: float, until: float) -> float:
        wanted = Wanted(since=T0 + since * HOUR_S, until=T0 + until * HOUR_S)
        return (await table(metering, "calls", wanted)).get((), 0.0)

    assert await calls(0, 72) == 72
    assert await calls(5, 6) == 1
    assert await calls(23, 25) == 2
    assert await calls(1, 71) == 70
    assert await calls(24, 48) == 24
    assert await calls(10, 10) == 0
    assert await calls(3, 23.5) == 21


async def test_ldg_1_a_call_counts_when_it_ends(metering: Metering) -> None:
    metering.meter.note(call(at=T0 + HOUR_S - 60, wall_ms=120_000.0))
    found = await table(metering, "calls", Wanted(since=0, until=END, by=("hour",)))
    assert found == {("2023-11-14T01:00Z",): 1}


async def test_ldg_1_once_after_a_life_that_was_cut_short(tmp_path: Path) -> None:
    clock = ManualClock(now=T0)
    (tmp_path / "one").mkdir()
    async with sqlite(tmp_path / "one", clock) as before:
        before.meter.note(call())
        await before.meter.flush()
        before.meter.note(call(id="id-1"))
        before.meter.use(Use(at=T0, app="shop", quantity="mails", amount=3))
        shutil.copytree(tmp_path / "one", tmp_path / "two")  # What a killed process would leave.
    for recovered in (2, 0):
        async with sqlite(tmp_path / "two", clock) as after:
            (found,) = await after.ledger.sums(Wanted(since=0, until=END))
            assert (found.amounts["calls"], found.amounts["mails"]) == (2, 3)
            assert after.meter.stats().recovered == recovered
            assert await after.meter.records(Asked(invocation="id-1")) == [call(id="id-1")]


async def test_ldg_2_sums_stay_when_records_go(tmp_path: Path) -> None:
    clock = ManualClock(now=T0)
    async with sqlite(tmp_path, clock) as metering:
        meter = metering.meter
        assert isinstance(meter, SqliteMeter)
        meter.note(call(user="ada"))
        meter.note(call(at=T0 + HOUR_S))
        await meter.flush()
        clock.jump(400 * DAY_S)
        assert await meter.prune(older_than_s=7 * DAY_S) == 1
        assert await meter.records(Asked()) == []
        assert await table(metering, "calls", Wanted(since=0, until=END)) == {(): 2}
        assert await table(metering, "calls", Wanted(since=0, until=END, by=("user",))) == {
            ("ada",): 1
        }
        assert await table(metering, "calls", Wanted(since=0, until=END, by=("hour",))) == {}
        # Only the day is left: a time that ends within it has it whole.
        until_noon = Wanted(since=T0, until=T0 + DAY_S / 2)
        assert await table(metering, "calls", until_noon) == {(): 2}


async def test_ldg_3_no_record_is_read(tmp_path: Path) -> None:
    async with sqlite(tmp_path, ManualClock(now=T0)) as metering:
        metering.meter.note(call())
        await metering.meter.flush()
        with sqlite3.connect(tmp_path / "meter.db") as other:
            other.execute("DELETE FROM block")
        other.close()
        assert await table(metering, "calls", Wanted(since=0, until=END)) == {(): 1}


async def test_ldg_4_too_many_users_and_routes_are_others(
    metering: Metering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(port, "KEYS_A_DAY_MAX", 2)
    for n in range(4):
        metering.meter.note(call(user=f"user-{n}", route=f"/route-{n}"))
        await metering.meter.flush()
    metering.meter.note(call(user="user-1", route="/route-1"))
    metering.meter.note(call(app="blog", user="user-3", route="/route-3"))
    metering.meter.note(call(at=T0 + DAY_S, user="user-3", route="/route-3"))
    users = await table(metering, "calls", Wanted(since=0, until=END, by=("app", "user")))
    assert users == {
        ("blog", "user-3"): 1,
        ("shop", "user-0"): 1,
        ("shop", "user-1"): 2,
        ("shop", "user-3"): 1,
        ("shop", OTHER): 2,
    }
    routes = await table(
        metering, "calls", Wanted(since=T0, until=T0 + 1, app="shop", by=("route",))
    )
    assert routes == {("/route-0",): 1, ("/route-1",): 2, (OTHER,): 2}


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(since=0, until=END, by=("colour",)),
        Wanted(since=0, until=END, by=("user", "function")),
        Wanted(since=0, until=END, by=("user",), function="users/register"),
    ],
)
async def test_ldg_1_sums_that_are_not_kept_are_refused(metering: Metering, wanted: Wanted) -> None:
    with pytest.raises(Invalid):
        await metering.ledger.sums(wanted)
