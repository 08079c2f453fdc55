"""What every bus must do for queues of others' clients: runs of a key, moves, leases that stay."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.ports.bus import (
    Bus,
    Delivery,
    Done,
    Filter,
    Later,
    Moved,
    Returned,
    queue_line,
)
from tapwater_server.testing.clock import ManualClock
from tests.conformance.opened_bus import BUSES, SHOP, errand, ids, lease

JOBS, DEAD = queue_line(SHOP, "jobs"), queue_line(SHOP, "dead")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(BUSES))
async def bus(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Bus]:
    async with BUSES[request.param](tmp_path, clock) as opened:
        yield opened


async def together(bus: Bus, *, count_max: int = 10, lease_s: float = 10.0) -> Sequence[Delivery]:
    return await bus.lease(JOBS, count_max=count_max, lease_s=lease_s, together=True)


async def named(bus: Bus, *, count_max: int = 10) -> list[str]:
    return ids(list(await together(bus, count_max=count_max)))


async def test_bus_2_when_it_was_first_leased_stays_known(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(line=JOBS)])
    began = clock.now()
    [first] = await lease(bus, line=JOBS)
    await bus.settle([(first, Later(0.0))])
    await clock.advance(60)
    [second] = await lease(bus, line=JOBS)
    assert (first.first_leased_at, second.first_leased_at) == (began, began)


async def test_bus_8_those_of_a_key_come_together_in_order(bus: Bus) -> None:
    await bus.publish([errand(f"a{n}", line=JOBS, key="a") for n in range(3)])
    await bus.publish([errand("b0", line=JOBS, key="b"), errand("c", line=JOBS)])
    assert await named(bus, count_max=2) == ["a0", "a1"]
    assert await named(bus) == ["b0", "c"]
    assert await named(bus) == []


async def test_bus_8_while_one_is_leased_none_of_its_key_comes(
    bus: Bus, clock: ManualClock
) -> None:
    await bus.publish([errand(f"a{n}", line=JOBS, key="a") for n in range(4)])
    a0, a1, a2 = await together(bus, count_max=3)
    await bus.settle([(a0, Done()), (a2, Done())])
    assert await named(bus) == []
    await bus.settle([(a1, Returned())])
    assert await named(bus) == ["a1", "a3"]
    await clock.advance(11)
    assert await named(bus) == ["a1", "a3"]


async def test_bus_8_a_delayed_one_ends_the_run(bus: Bus, clock: ManualClock) -> None:
    later = clock.now() + 5
    await bus.publish(
        [
            errand("a0", line=JOBS, key="a"),
            errand("a1", line=JOBS, key="a", not_before=later),
            errand("a2", line=JOBS, key="a"),
        ]
    )
    [a0] = await together(bus)
    await bus.settle([(a0, Done())])
    assert await named(bus) == []
    await clock.advance(6)
    assert await named(bus) == ["a1", "a2"]


async def test_bus_4_what_is_moved_waits_in_the_other_line_as_if_new(
    bus: Bus, clock: ManualClock
) -> None:
    await bus.publish([errand("m", line=JOBS, body=b"hi", attributes=b"{}")])
    for _ in range(3):
        [held] = await lease(bus, line=JOBS, lease_s=1)
        await clock.advance(2)
    [held] = await lease(bus, line=JOBS)
    assert (held.attempt, held.lost) == (1, 3)
    moved = Moved(line=DEAD, attributes=b'{"from":"jobs"}', expires_at=clock.now() + 100)
    assert await bus.settle([(held, moved)]) == [True]
    assert await bus.settle([(held, Done())]) == [False]
    assert await lease(bus, line=JOBS) == []
    assert DEAD in await bus.ready()
    [there] = await lease(bus, line=DEAD)
    assert (there.errand.id, there.errand.body, there.begun) == ("m", b"hi", 1)
    assert (there.errand.attributes, there.first_leased_at) == (b'{"from":"jobs"}', clock.now())
    assert there.errand.expires_at == moved.expires_at
    assert await bus.publish([errand("m", line=JOBS)]) == 0


async def test_bus_4_a_move_lets_the_next_of_its_key_come_in_both_lines(bus: Bus) -> None:
    await bus.publish([errand("a0", line=JOBS, key="a"), errand("a1", line=JOBS, key="a")])
    await bus.publish([errand("d0", line=DEAD, key="a")])
    [a0] = await lease(bus, line=JOBS)
    [d0] = await lease(bus, line=DEAD)
    await bus.settle([(a0, Moved(line=DEAD))])
    assert ids(await lease(bus, line=JOBS)) == ["a1"]
    assert await lease(bus, line=DEAD) == []
    await bus.settle([(d0, Done())])
    assert ids(await lease(bus, line=DEAD)) == ["a0"]


async def test_bus_5_in_another_line_nothing_can_be_settled(bus: Bus) -> None:
    await bus.publish([errand(line=JOBS)])
    [held] = await lease(bus, line=JOBS)
    forged = replace(held, errand=replace(held.errand, line=DEAD))
    assert await bus.settle([(forged, Done())]) == [False]
    assert await bus.settle([(held, Done())]) == [True]


async def test_bus_12_what_is_leased_can_be_dropped_as_well(bus: Bus) -> None:
    await bus.publish([errand("a0", line=JOBS, key="a"), errand("a1", line=JOBS, key="a")])
    [held] = await lease(bus, line=JOBS)
    wanted = Filter(app=SHOP, line=JOBS, ids=("a0",))
    assert await bus.drop(wanted, count_max=9) == []
    assert await bus.drop(wanted, count_max=9, leased=True) == ["a0"]
    assert await bus.settle([(held, Done())]) == [False]
    assert ids(await lease(bus, line=JOBS)) == ["a1"]


async def test_bus_14_what_fades_is_no_dead_letter(bus: Bus, clock: ManualClock) -> None:
    over = clock.now() + 10
    await bus.publish([errand("a", line=JOBS, key="k", expires_at=over, fades=True)])
    await bus.publish([errand("b", line=JOBS, key="k"), errand("c", line=JOBS, expires_at=over)])
    await clock.advance(11)
    assert ids(await lease(bus, line=JOBS)) == ["b"]
    assert [one.id for one in await bus.list(Filter(app=SHOP, state="dead"))] == ["c"]
    assert await bus.state("a") is None


async def test_bus_16_leases_held_elsewhere_outlive_the_process(
    bus: Bus, clock: ManualClock
) -> None:
    await bus.publish([errand("ours", line=JOBS)])
    [ours] = await lease(bus, line=JOBS, lease_s=30)
    await bus.publish([errand("theirs", line=JOBS)])
    [theirs] = await bus.lease(JOBS, count_max=9, lease_s=30, outlives=True)
    assert await bus.reclaim() == 1
    assert ids(await lease(bus, line=JOBS)) == ["ours"]
    assert await bus.settle([(ours, Done()), (theirs, Done())]) == [False, True]


async def test_lines_of_one_line_count_that_line_alone(bus: Bus) -> None:
    await bus.publish([errand("a", line=JOBS), errand("b", line=JOBS), errand("c", line=DEAD)])
    await bus.lease(JOBS, count_max=1, lease_s=30)
    [jobs] = await bus.lines(SHOP, line=JOBS)
    assert (jobs.line, jobs.waiting, jobs.leased) == (JOBS, 1, 1)
    assert await bus.lines(SHOP, line=queue_line(SHOP, "none")) == []
