"""What every bus must do, whatever keeps it: who is next, ends of lives, looking, waking."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.ports.bus import (
    EXPIRED,
    Bus,
    Dead,
    Done,
    ErrandState,
    Filter,
    Later,
)
from tapwater_server.testing.clock import ManualClock
from tests.conformance.opened_bus import BUSES, LINE, SHOP, errand, ids, lease

ALL = Filter(app=SHOP)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(BUSES))
async def bus(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Bus]:
    async with BUSES[request.param](tmp_path, clock) as opened:
        yield opened


async def state(bus: Bus, id: str = "e1") -> ErrandState:
    found = await bus.state(id)
    assert found is not None
    return found


async def test_bus_10_priority_then_age(bus: Bus) -> None:
    wanted = [("low", -100), ("a", 0), ("high", 100), ("b", 0), ("higher", 100)]
    await bus.publish([errand(id, priority=priority) for id, priority in wanted])
    assert ids(await lease(bus, count_max=2)) == ["high", "higher"]
    assert ids(await lease(bus)) == ["a", "b", "low"]


async def test_bus_10_a_retried_one_has_its_old_place(bus: Bus) -> None:
    await bus.publish([errand("a"), errand("b")])
    [first] = await lease(bus, count_max=1)
    await bus.publish([errand("c")])
    await bus.settle([(first, Later(0.0))])
    assert ids(await lease(bus)) == ["a", "b", "c"]


async def test_bus_12_revived_ones_wait_again(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(f"e{n}") for n in range(4)])
    deliveries = await lease(bus)
    await bus.settle([(d, Dead("smtp down" if n else "typo")) for n, d in enumerate(deliveries)])
    meant = Filter(app=SHOP, reason_contains="smtp")
    assert await bus.revive(meant, count_max=2) == ["e1", "e2"]
    assert ids(leased := await lease(bus)) == ["e1", "e2"]
    assert {d.attempt for d in leased} == {1}
    assert await bus.settle([(deliveries[1], Done())]) == [False]  # Of its former life.
    assert await bus.revive(meant, count_max=9) == ["e3"]
    assert await bus.revive(Filter(app=SHOP, ids=("e0", "e1", "none")), count_max=9) == ["e0"]
    assert await bus.revive(ALL, count_max=9) == []


async def test_bus_12_dropped_ones_are_gone(bus: Bus) -> None:
    await bus.publish([errand("leased"), errand("dead")])
    leased, dead = await lease(bus)
    await bus.settle([(dead, Dead("no"))])
    await bus.publish([errand("waiting"), errand("theirs", app="other")])
    assert sorted(await bus.drop(ALL, count_max=9)) == ["dead", "waiting"]
    assert await bus.drop(ALL, count_max=9) == []
    assert [s.id for s in await bus.list(ALL)] == ["leased"]
    assert await bus.state("dead") is None
    assert ids(await lease(bus)) == ["theirs"]
    assert await bus.settle([(leased, Done())]) == [True]


async def test_bus_12_no_more_than_asked_are_dropped(bus: Bus) -> None:
    await bus.publish([errand(f"e{n}") for n in range(5)])
    assert len(await bus.drop(Filter(app=SHOP, line=LINE, state="waiting"), count_max=3)) == 3
    assert len(await lease(bus)) == 2


async def test_bus_12_leased_ones_do_not_count_as_dropped(bus: Bus) -> None:
    await bus.publish([errand("plain"), errand("urgent", priority=1)])
    await lease(bus, count_max=1)
    assert await bus.drop(ALL, count_max=1) == ["plain"]


async def test_bus_13_extended_leases_hold_on(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(), errand("e2")])
    first, second = await lease(bus, lease_s=10.0)
    await clock.advance(9)
    longer = await bus.extend(first, lease_s=10.0)
    assert longer is not None
    assert longer.leased_until == clock.now() + 10.0
    await clock.advance(9)
    assert ids(await lease(bus)) == ["e2"]
    assert await bus.extend(second, lease_s=10.0) is None
    assert await bus.settle([(longer, Done())]) == [True]
    assert await bus.extend(longer, lease_s=10.0) is None


async def test_bus_13_an_ended_lease_is_not_extended(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [delivery] = await lease(bus, lease_s=10.0)
    await clock.advance(10)
    assert await bus.extend(delivery, lease_s=10.0) is None
    [again] = await lease(bus)
    assert (again.attempt, again.lost) == (1, 1)


async def test_bus_14_what_is_too_old_dies(bus: Bus, clock: ManualClock) -> None:
    until = clock.now() + 60
    await bus.publish([errand(f"e{n}", expires_at=until) for n in range(4)])
    late, failed, forgotten = await lease(bus, count_max=3, lease_s=30.0)
    assert await bus.settle([(failed, Later(5.0, "busy"))]) == [True]
    late = await bus.extend(late, lease_s=100.0) or late
    await clock.advance(60)
    assert await lease(bus) == []
    assert {s.id: (s.state, s.reason) for s in await bus.list(ALL)} == {
        "e0": ("leased", ""),
        "e1": ("dead", EXPIRED),
        "e2": ("dead", EXPIRED),
        "e3": ("dead", EXPIRED),
    }
    assert await bus.settle([(forgotten, Done())]) == [False]
    assert await bus.settle([(late, Done())]) == [True]
    assert await bus.revive(Filter(app=SHOP, ids=("e1",)), count_max=1) == ["e1"]
    assert ids(await lease(bus)) == ["e1"]


async def test_bus_14_who_asks_for_what_is_too_old_gets_it(bus: Bus, clock: ManualClock) -> None:
    said = {"key": "k", "expires_at": clock.now() + 5}
    await bus.publish([errand("first", **said), errand("held", **said), errand("late")])
    await clock.advance(5)
    [first, late] = await bus.lease(LINE, count_max=9, lease_s=30.0, take_expired=True)
    assert (first.errand.id, late.errand.id) == ("first", "late")
    assert await bus.lease(LINE, count_max=9, lease_s=30.0, take_expired=True) == []
    assert await bus.settle([(first, Dead("told"))]) == [True]
    assert await bus.ready() == [LINE]
    [held] = await bus.lease(LINE, count_max=9, lease_s=30.0, take_expired=True)
    assert held.errand.id == "held"
    assert (await state(bus, "first")).reason == "told"


async def test_bus_14_also_where_nobody_leases(bus: Bus, clock: ManualClock) -> None:
    await bus.publish(
        [errand("first", key="k", expires_at=clock.now() + 5), errand("next", key="k")]
    )
    await clock.advance(5)
    assert await bus.sweep(older_than_s=60.0, spare=lambda line: line == LINE) == 0
    assert (await state(bus, "first")).state == "waiting"  # It is spared.
    assert await bus.sweep(older_than_s=60.0) == 0
    assert (await state(bus, "first")).state == "dead"
    assert await bus.ready() == [LINE]
    assert ids(await lease(bus)) == ["next"]


async def test_bus_15_ready_names_each_line_with_something(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(f"e{n}", line=f"line {n}") for n in range(3)])
    await bus.publish([errand("late", line="later", not_before=clock.now() + 5)])
    assert set(await bus.ready()) >= {"line 0", "line 1", "line 2"}
    for n in range(3):
        await lease(bus, line=f"line {n}", lease_s=10.0)
    await lease(bus, line="later")
    assert await bus.ready() == []
    await clock.advance(5)
    assert await bus.ready() == ["later"]
    await clock.advance(5)
    assert set(await bus.ready()) == {"line 0", "line 1", "line 2", "later"}


async def test_bus_15_who_waits_hears_of_each_change(bus: Bus, clock: ManualClock) -> None:
    seen = await bus.wait_ready(-1)

    async def heard() -> bool:
        nonlocal seen
        before, seen = seen, await bus.wait_ready(seen)
        return seen > before

    waiting = asyncio.create_task(heard())
    await clock.advance(0)
    assert not waiting.done()
    await bus.publish([errand("e1", not_before=clock.now() + 5), errand("e2")])
    assert await waiting
    [delivery] = await lease(bus, lease_s=60.0)
    waiting = asyncio.create_task(heard())
    await clock.advance(4.9)
    assert not waiting.done()
    await clock.advance(0.1)
    assert await waiting  # The delay has ended.
    await bus.settle([(delivery, Later(0.0))])
    assert await heard()  # Without waiting: it happened before.


async def test_bus_15_who_waits_hears_of_the_end_of_a_lease(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    await bus.ready()
    waiting = asyncio.create_task(bus.wait_ready())
    await clock.advance(1)
    assert not waiting.done()
    await lease(bus, lease_s=30.0)  # While it waits: its alarm must be set anew.
    await clock.advance(29.9)
    assert not waiting.done()
    await clock.advance(0.1)
    await waiting
    assert await bus.ready() == [LINE]


async def test_bus_15_a_lease_that_was_made_shorter_is_noticed(
    bus: Bus, clock: ManualClock
) -> None:
    await bus.publish([errand()])
    [delivery] = await lease(bus, lease_s=60.0)
    await bus.ready()
    waiting = asyncio.create_task(bus.wait_ready())
    await clock.advance(1)
    assert await bus.extend(delivery, lease_s=5.0) is not None
    await clock.advance(4.9)
    assert not waiting.done()
    await clock.advance(0.1)
    await waiting
    assert await bus.ready() == [LINE]


async def test_listing_pages_newest_first(bus: Bus, clock: ManualClock) -> None:
    for n in range(5):
        await bus.publish([errand(f"e{n}", line=f"line {n % 2}")])
        await clock.advance(10)
    began = clock.now() - 50
    page = await bus.list(ALL, count_max=2)
    assert [s.id for s in page] == ["e4", "e3"]
    assert [s.id for s in await bus.list(ALL, after="e3")] == ["e2", "e1", "e0"]
    assert await bus.list(ALL, after="never was") == []
    assert {s.body for s in page} == {b""}
    wanted = {
        "line 1": Filter(app=SHOP, line="line 1", state="waiting"),
        "some": Filter(app=SHOP, ids=("e0", "e4", "e9")),
        "between": Filter(app=SHOP, published_since=began + 10, published_until=began + 30),
        "leased": Filter(app=SHOP, state="leased"),
    }
    found = {name: [s.id for s in await bus.list(filter)] for name, filter in wanted.items()}
    assert found == {
        "line 1": ["e3", "e1"],
        "some": ["e4", "e0"],
        "between": ["e2", "e1"],
        "leased": [],
    }


async def test_lines_are_counted(bus: Bus, clock: ManualClock) -> None:
    began = clock.now()
    await bus.publish([errand(f"e{n}") for n in range(6)])
    await bus.publish([errand("x", line="q:shop:only-dead"), errand("y", app="other", line="z")])
    first, second, *_ = await lease(bus, count_max=3, lease_s=99.0)
    [dead] = await lease(bus, line="q:shop:only-dead")
    await bus.settle([(first, Done()), (second, Later(50.0)), (dead, Dead("x"))])
    await clock.advance(1)
    lines = {line.line: line for line in await bus.lines(SHOP)}
    assert set(lines) == {LINE, "q:shop:only-dead"}
    one = lines[LINE]
    assert (one.waiting, one.delayed, one.leased, one.dead) == (3, 1, 1, 0)
    assert (one.app, one.oldest_at) == (SHOP, began)
    other = lines["q:shop:only-dead"]
    assert (other.waiting, other.delayed, other.leased, other.dead) == (0, 0, 0, 1)
    assert other.oldest_at == 0.0


async def test_an_erased_app_leaves_nothing(bus: Bus) -> None:
    await bus.publish([errand(f"e{n}") for n in range(3)])
    await bus.publish([errand("theirs", app="other")])
    [leased] = await lease(bus, count_max=1)
    await bus.erase(SHOP)
    assert await bus.list(ALL) == []
    assert await bus.lines(SHOP) == []
    assert await bus.settle([(leased, Done())]) == [False]
    assert ids(await lease(bus)) == ["theirs"]
    assert await bus.publish([errand("e0")]) == 1
