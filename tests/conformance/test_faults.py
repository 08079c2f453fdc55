"""What every keeper of groups of errors must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.backends.memory.faults import MemoryFaults
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.faults import SqliteFaults
from tapwater_server.model.fault import (
    REVISIONS_MAX,
    ROLLING_OUT_S,
    SAMPLES_MAX,
    Fault,
    FaultState,
)
from tapwater_server.model.ids import AppId
from tapwater_server.ports import faults as port
from tapwater_server.ports.faults import Faults

SHOP, OTHER = AppId("shop"), AppId("other")
FAULT = Fault(
    id="f1",
    app=SHOP,
    function="users/hi",
    ending="user_error",
    error="ValueError",
    title="ValueError: no 17",
    where="users/restful/hi.py:get",
    first_at=100.0,
    last_at=100.0,
    revisions={"r2": 1},
    samples=("i1",),
)


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Faults]:
    yield MemoryFaults()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Faults]:
    database = Database(folder / "seeing.db", schema="seeing")
    try:
        yield SqliteFaults(database=database)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Faults]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def faults(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Faults]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


def again(at: float, *, revision: str = "r2", count: int = 1) -> Fault:
    return replace(
        FAULT,
        first_at=at,
        last_at=at,
        count=count,
        revisions={revision: count},
        samples=(f"i{at}",),
    )


async def test_flt_1_the_first_makes_a_group_and_the_rest_add_up(faults: Faults) -> None:
    (stirred,) = await faults.note([FAULT])
    assert stirred.new
    assert stirred.fault == FAULT
    assert await faults.note([again(200.0, count=3), again(150.0, revision="r1")]) == []
    found = await faults.find("f1")
    assert found is not None
    assert (found.count, found.first_at, found.last_at) == (5, 100.0, 200.0)
    assert found.revisions == {"r2": 4, "r1": 1}
    assert set(found.samples) == {"i1", "i200.0", "i150.0"}


async def test_flt_2_back_in_a_newer_revision_is_regressed(faults: Faults) -> None:
    await faults.note([FAULT])
    resolved = await faults.set_state("f1", FaultState.RESOLVED, now=110.0)
    assert resolved is not None
    assert resolved.resolved_in == "r2"
    (stirred,) = await faults.note([again(120.0, revision="r3")])
    assert not stirred.new
    assert (stirred.fault.state, stirred.fault.regressed) == (FaultState.OPEN, True)
    assert stirred.fault.count == 2
    again_resolved = await faults.set_state("f1", FaultState.RESOLVED, now=130.0)
    assert again_resolved is not None
    assert not again_resolved.regressed


@pytest.mark.parametrize(
    ("revision", "after_s", "opens"),
    [
        ("r2", 1.0, False),  # the fix is being rolled out
        ("r2", ROLLING_OUT_S + 1, True),
        ("r1", ROLLING_OUT_S + 1, False),  # somebody called an old one
    ],
)
async def test_flt_2_back_in_one_that_had_it(
    faults: Faults, revision: str, after_s: float, opens: bool
) -> None:
    await faults.note([FAULT])
    await faults.set_state("f1", FaultState.RESOLVED, now=110.0)
    stirred = await faults.note([again(110.0 + after_s, revision=revision)])
    assert bool(stirred) is opens
    found = await faults.find("f1")
    assert found is not None
    assert found.count == 2
    assert found.state is (FaultState.OPEN if opens else FaultState.RESOLVED)
    assert not found.regressed


async def test_flt_3_muted_stays_muted_and_counts(faults: Faults) -> None:
    await faults.note([FAULT])
    await faults.set_state("f1", FaultState.MUTED, now=110.0)
    assert await faults.note([again(99_999.0, revision="r9")]) == []
    found = await faults.find("f1")
    assert found is not None
    assert (found.state, found.count) == (FaultState.MUTED, 2)


async def test_flt_4_the_one_not_seen_longest_goes(
    faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("memory", "sqlite"):
        monkeypatch.setattr(f"tapwater_server.backends.{module}.faults.FAULTS_MAX", 3)
    assert port.FAULTS_MAX > 3
    some = [replace(again(float(n)), id=f"f{n}") for n in range(5)]
    stirred = await faults.note([*some, replace(FAULT, id="x", app=OTHER)])
    assert {one.fault.id for one in stirred} == {"f2", "f3", "f4", "x"}
    assert [one.id for one in await faults.list(app=SHOP)] == ["f4", "f3", "f2"]


async def test_flt_5_what_a_group_keeps_is_bounded(faults: Faults) -> None:
    for n in range(40):
        await faults.note([again(float(n), revision=f"r{n:02}")])
    found = await faults.find("f1")
    assert found is not None
    assert len(found.samples) == SAMPLES_MAX
    assert found.samples[0] == "i39.0"
    assert sorted(found.revisions) == [f"r{n:02}" for n in range(40 - REVISIONS_MAX, 40)]
    await faults.keep_trace("f1", "x" * (port.TRACE_CHARS_MAX + 5))
    found = await faults.find("f1")
    assert found is not None
    assert len(found.trace) == port.TRACE_CHARS_MAX


async def test_flt_6_erase_and_sweep(faults: Faults) -> None:
    await faults.note([FAULT, replace(FAULT, id="f2", app=OTHER, last_at=500.0)])
    await faults.erase(AppId("nobody"))
    assert await faults.sweep(before=300.0) == 1
    assert [one.id for one in await faults.list()] == ["f2"]
    await faults.erase(OTHER)
    assert await faults.list() == []
    assert await faults.set_state("f2", FaultState.MUTED, now=1.0) is None
    await faults.keep_trace("f2", "x")


async def test_lists_are_narrowed(faults: Faults) -> None:
    other = replace(FAULT, id="f2", function="users/ho", last_at=200.0)
    await faults.note([FAULT, other, replace(FAULT, id="f3", app=OTHER)])
    await faults.set_state("f2", FaultState.MUTED, now=1.0)
    assert [one.id for one in await faults.list(app=SHOP)] == ["f2", "f1"]
    assert [one.id for one in await faults.list(app=SHOP, count_max=1)] == ["f2"]
    assert [one.id for one in await faults.list(state=FaultState.MUTED)] == ["f2"]
    assert [one.id for one in await faults.list(function="users/ho")] == ["f2"]


async def test_flt_7_all_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as before:
        await before.note([FAULT])
    async with sqlite(tmp_path) as after:
        assert await after.find("f1") == FAULT
