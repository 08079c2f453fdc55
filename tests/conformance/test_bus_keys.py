"""What every bus must do with keys: order, limits, and one taking the place of another."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tapwater_server.ports.bus import Bus, Dead, Done, Filter, Later, Returned
from tapwater_server.testing.clock import ManualClock
from tests.conformance.opened_bus import BUSES, LINE, SHOP, errand, ids, lease


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(BUSES))
async def bus(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Bus]:
    async with BUSES[request.param](tmp_path, clock) as opened:
        yield opened


async def test_bus_8_one_after_the_other(bus: Bus) -> None:
    await bus.publish([errand(f"{key}{n}", key=key) for n in range(3) for key in "ab"])
    for n in range(3):
        leased = await lease(bus)
        assert ids(leased) == [f"a{n}", f"b{n}"]
        assert await lease(bus) == []
        await bus.settle([(leased[0], Done()), (leased[1], Dead("no"))])
        if n < 2:
            assert LINE in await bus.ready()


async def test_bus_8_priority_does_not_overtake(bus: Bus) -> None:
    await bus.publish([errand("first", key="k", priority=-5), errand("plain")])
    await bus.publish([errand("urgent", key="k", priority=100)])
    assert ids(await lease(bus)) == ["plain", "first"]


async def test_bus_8_also_while_the_first_waits(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand("first", key="k", not_before=clock.now() + 10)])
    await bus.publish([errand("second", key="k"), errand("other key", key="l")])
    assert ids(await lease(bus, lease_s=999.0)) == ["other key"]
    await clock.advance(10)
    for settlement in (Later(7.0), Returned(7.0)):
        [first] = await lease(bus)
        assert first.errand.id == "first"
        await bus.settle([(first, settlement)])
        await clock.advance(6.9)
        assert await lease(bus) == []
        await clock.advance(0.1)
    [first] = await lease(bus, lease_s=5.0)
    await clock.advance(5)  # Its lease ends, and it is still the first.
    [first] = await lease(bus)
    await bus.settle([(first, Done())])
    assert ids(await lease(bus)) == ["second"]


async def test_bus_8_a_later_one_of_the_future_waits_for_the_first(
    bus: Bus, clock: ManualClock
) -> None:
    await bus.publish(
        [errand("first", key="k"), errand("late", key="k", not_before=clock.now() + 5)]
    )
    [first] = await lease(bus, lease_s=60.0)
    await clock.advance(6)
    assert await lease(bus) == []
    await bus.settle([(first, Done())])
    assert ids(await lease(bus)) == ["late"]


async def test_bus_8_lines_and_apps_do_not_share_keys(bus: Bus) -> None:
    await bus.publish([errand("here", key="k"), errand("there", key="k", line="elsewhere")])
    assert ids(await lease(bus)) == ["here"]
    assert ids(await lease(bus, line="elsewhere")) == ["there"]


async def test_bus_8_an_expired_or_dropped_first_lets_the_next_go(
    bus: Bus, clock: ManualClock
) -> None:
    await bus.publish(
        [errand("old", key="k", expires_at=clock.now() + 5, not_before=clock.now() + 9)]
    )
    await bus.publish([errand("dropped", key="k"), errand("third", key="k"), errand("x", key="l")])
    [_] = await lease(bus)  # x
    await clock.advance(5)
    assert ids(await lease(bus, count_max=0)) == []
    assert await bus.drop(Filter(app=SHOP, ids=("dropped",)), count_max=1) == ["dropped"]
    assert ids(await lease(bus)) == ["third"]


async def test_bus_8_a_revived_one_is_the_first_again(bus: Bus) -> None:
    await bus.publish([errand(id, key="k") for id in ("a", "b", "c")])
    [first] = await lease(bus)
    await bus.settle([(first, Dead("x"))])
    [second] = await lease(bus)
    assert await bus.revive(Filter(app=SHOP), count_max=1) == ["a"]
    assert await lease(bus) == []  # b is leased: one at a time.
    await bus.settle([(second, Later(0.0))])
    [first] = await lease(bus)
    await bus.settle([(first, Done())])
    assert ids(await lease(bus)) == ["b"]


async def test_bus_9_no_more_at_once(bus: Bus) -> None:
    await bus.publish([errand(f"e{n}", key="k", at_once=2) for n in range(5)])
    await bus.publish([errand("free")])
    first, second, free = await lease(bus)
    assert ids([first, second, free]) == ["e0", "e1", "free"]
    assert await lease(bus) == []
    await bus.settle([(second, Later(60.0))])  # Its seat is free while it waits.
    [third] = await lease(bus)
    assert third.errand.id == "e2"
    await bus.settle([(first, Done()), (third, Returned(60.0))])
    assert ids(await lease(bus, count_max=1)) == ["e3"]
    assert ids(await lease(bus)) == ["e4"]


async def test_bus_9_the_better_one_first(bus: Bus) -> None:
    await bus.publish([errand(f"e{n}", key="k", at_once=2) for n in range(3)])
    await bus.publish([errand("urgent", key="k", at_once=2, priority=9)])
    assert ids(await lease(bus)) == ["urgent", "e0"]


async def test_bus_9_ended_leases_count_no_more(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(f"e{n}", key="k", at_once=2) for n in range(4)])
    assert ids(await lease(bus, lease_s=5.0)) == ["e0", "e1"]
    await clock.advance(5)
    assert ids(await lease(bus)) == ["e0", "e1"]


async def test_bus_9_the_smallest_limit_counts_for_all(bus: Bus) -> None:
    await bus.publish([errand(f"e{n}", key="k", at_once=3) for n in range(4)])
    first, second = await lease(bus, count_max=2)
    await bus.publish([errand("strict", key="k", at_once=1)])
    assert await lease(bus) == []
    await bus.settle([(second, Done())])
    assert await lease(bus) == []
    await bus.settle([(first, Done())])
    for id in ("e2", "e3", "strict"):
        [only] = await lease(bus)
        assert only.errand.id == id
        await bus.settle([(only, Done())])
    await bus.publish([errand(f"f{n}", key="k", at_once=3) for n in range(4)])
    assert ids(await lease(bus)) == ["f0", "f1", "f2"]


async def test_bus_11_the_new_one_takes_the_place(bus: Bus, clock: ManualClock) -> None:
    for n in range(3):
        not_before = clock.now() + 10
        await bus.publish([errand(f"e{n}", replaces="r", not_before=not_before)])
        await clock.advance(6)
    await bus.publish([errand("other", replaces="s"), errand("there", replaces="r", line="there")])
    assert ids(await lease(bus)) == ["other"]
    assert [(s.id, s.state) for s in await bus.list(Filter(app=SHOP, state="waiting"))] == [
        ("there", "waiting"),
        ("e2", "waiting"),
    ]
    assert await bus.state("e0") is None
    await clock.advance(4)
    assert ids(await lease(bus)) == ["e2"]


async def test_bus_11_several_in_one_call_leave_the_last(bus: Bus) -> None:
    assert await bus.publish([errand(f"e{n}", replaces="r") for n in range(3)]) == 3
    assert ids(await lease(bus)) == ["e2"]


async def test_bus_11_never_longer_than_the_ceiling(bus: Bus, clock: ManualClock) -> None:
    began = clock.now()
    for n in range(5):
        not_before = clock.now() + 10
        late = errand(f"e{n}", replaces="r", not_before=not_before, replaced_s_max=25.0)
        await bus.publish([late])
        assert await lease(bus) == []
        await clock.advance(5)
    assert clock.now() == began + 25
    assert ids(await lease(bus)) == ["e4"]


async def test_bus_11_what_was_leased_stays(bus: Bus) -> None:
    await bus.publish([errand("leased", replaces="r"), errand("retried", replaces="s")])
    _, retried = await lease(bus)
    await bus.settle([(retried, Returned())])
    await bus.publish([errand("new", replaces="r"), errand("newer", replaces="s")])
    assert ids(await lease(bus)) == ["retried", "new", "newer"]


async def test_bus_11_a_replaced_first_lets_its_key_go_on(bus: Bus) -> None:
    await bus.publish([errand("a", key="k", replaces="r"), errand("b", key="k")])
    await bus.publish([errand("c", key="k", replaces="r")])
    [first] = await lease(bus)
    assert first.errand.id == "b"
    await bus.settle([(first, Done())])
    assert ids(await lease(bus)) == ["c"]
