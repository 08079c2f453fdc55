"""What every bus must do, whatever keeps it: publishing, leases, settling."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.model.errors import TooLarge
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import (
    ERRAND_BYTES_MAX,
    Bus,
    Dead,
    Delivery,
    Done,
    ErrandState,
    Filter,
    Later,
    Returned,
    Settlement,
)
from tapwater_server.testing.clock import ManualClock
from tests.conformance.opened_bus import BUSES, SHOP, errand, ids, lease

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


async def test_bus_1_same_id_twice_is_one(bus: Bus) -> None:
    assert await bus.publish([errand(body=b"first"), errand("e2"), errand(body=b"same call")]) == 2
    assert await bus.publish([errand(body=b"second"), errand("e3")]) == 1
    assert [(d.errand.id, d.errand.body) for d in await lease(bus)] == [
        ("e1", b"first"),
        ("e2", b"e2"),
        ("e3", b"e3"),
    ]


async def test_bus_1_same_id_after_settling_changes_nothing(bus: Bus) -> None:
    await bus.publish([errand(), errand("e2"), errand("e3"), errand("e4")])
    done, dead, retried, held = await lease(bus)
    await bus.settle([(done, Done(b"1")), (dead, Dead("no")), (retried, Later(60.0, "busy"))])
    assert await bus.publish([errand(), errand("e2"), errand("e3"), errand("e4")]) == 0
    assert await lease(bus) == []
    assert [(s.state, s.result, s.reason, s.attempt) for s in await bus.list(ALL)] == [
        ("leased", b"", "", 1),
        ("waiting", b"", "busy", 1),
        ("dead", b"", "no", 1),
        ("done", b"1", "", 1),
    ]
    assert await bus.settle([(held, Done())]) == [True]


async def test_bus_1_same_id_after_it_was_replaced_or_dropped_changes_nothing(bus: Bus) -> None:
    old, new = errand(replaces="r", body=b"old"), errand("e2", replaces="r", body=b"new")
    await bus.publish([old])
    await bus.publish([new, errand("e3")])
    await bus.drop(Filter(app=SHOP, ids=("e3",)), count_max=10)
    assert await bus.publish([old, new, errand("e3")]) == 0
    assert ids(await lease(bus)) == ["e2"]


async def test_bus_1_all_of_one_call_or_none(bus: Bus) -> None:
    with pytest.raises(TooLarge):
        await bus.publish([errand(), errand("e2", body=bytes(ERRAND_BYTES_MAX + 1))])
    assert await lease(bus) == []
    assert await bus.list(ALL) == []
    assert await bus.publish([errand("e2", body=bytes(ERRAND_BYTES_MAX))]) == 1


async def test_bus_1_everything_that_was_said_arrives(bus: Bus, clock: ManualClock) -> None:
    facts: dict[str, Any] = {
        "function": "shop:orders/send",
        "revision": "r7",
        "attributes": b'{"a": "b"}',
        "event": "v1",
        "key": "users/42 \u00fc\x00\U0001f600",
        "at_once": 3,
        "priority": -7,
        "replaces": "r\x00",
        "root": "root",
        "depth": 3,
        "trace": "00-aa-bb-01",
        "expires_at": clock.now() + 99,
        "body": bytes(range(256)),
    }
    await bus.publish([errand(**facts)])
    [delivery] = await lease(bus, lease_s=10.0)
    assert delivery.errand == errand(**facts)
    assert (delivery.attempt, delivery.published_at) == (1, clock.now())
    assert delivery.leased_until == clock.now() + 10.0
    seen = await state(bus)
    assert (seen.body, seen.attributes, seen.function) == (
        facts["body"],
        facts["attributes"],
        "shop:orders/send",
    )
    assert (seen.key, seen.event, seen.root, seen.depth) == (facts["key"], "v1", "root", 3)
    assert await bus.state("unheard of") is None


async def test_bus_2_leased_is_hidden(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    assert len(await lease(bus, lease_s=10.0)) == 1
    assert await lease(bus) == []
    await clock.advance(9.9)
    assert await lease(bus) == []


async def test_bus_2_count_is_a_ceiling_and_lines_are_apart(bus: Bus) -> None:
    await bus.publish([errand(f"e{n}") for n in range(5)])
    await bus.publish([errand("other", line="q:shop:emails")])
    assert ids(await lease(bus, count_max=3)) == ["e0", "e1", "e2"]
    assert ids(await lease(bus, count_max=3)) == ["e3", "e4"]
    assert ids(await lease(bus, line="q:shop:emails")) == ["other"]
    assert await lease(bus, line="q:shop:nothing") == []


async def test_bus_3_forgotten_comes_back(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    for lost in (0, 1, 2):
        [delivery] = await lease(bus, lease_s=10.0)
        assert (delivery.attempt, delivery.lost, delivery.begun) == (1, lost, lost + 1)
        await clock.advance(10.0)
        assert (await state(bus)).state == "waiting"


async def test_bus_3_a_lost_lease_uses_no_attempt(bus: Bus, clock: ManualClock) -> None:
    """Whatever comes between: what was settled counts as attempts, the rest as lost."""
    await bus.publish([errand()])
    counts = []
    for how in (Later(0.0), None, Returned(), None, None, Later(0.0), Returned(), None):
        [delivery] = await lease(bus, lease_s=10.0)
        counts.append((delivery.attempt, delivery.lost))
        if how is None:
            await clock.advance(10.0)
        else:
            assert await bus.settle([(delivery, how)]) == [True]
    assert counts == [(1, 0), (2, 0), (2, 1), (2, 1), (2, 2), (2, 3), (3, 3), (3, 3)]
    seen = await state(bus)
    assert (seen.attempt, seen.lost) == (3, 3)


async def test_bus_3_a_late_settlement_is_no_loss(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [late] = await lease(bus, lease_s=10.0)
    await clock.advance(11)
    assert await bus.settle([(late, Later(0.0))]) == [True]
    [again] = await lease(bus)
    assert (again.attempt, again.lost) == (2, 0)


async def test_bus_3_leases_of_a_dead_process_use_no_attempt(bus: Bus) -> None:
    assert isinstance(bus, MemoryBus | SqliteBus)
    await bus.publish([errand(), errand("e2")])
    [first, _] = await lease(bus, lease_s=1e6)
    await bus.settle([(first, Later(0.0))])
    assert await bus.reclaim() == 1
    assert [(d.attempt, d.lost) for d in await lease(bus)] == [(2, 0), (1, 1)]


async def test_bus_3_not_before_is_kept(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(not_before=clock.now() + 60)])
    await clock.advance(59.9)
    assert await lease(bus) == []
    await clock.advance(0.1)
    assert len(await lease(bus)) == 1


async def test_bus_4_done_ends(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [delivery] = await lease(bus)
    assert await bus.settle([(delivery, Done(b"null"))]) == [True]
    settled_at = clock.now()
    await clock.advance(1e6)
    assert await lease(bus) == []
    seen = await state(bus)
    assert (seen.state, seen.result, seen.settled_at) == ("done", b"null", settled_at)


async def test_bus_4_later_hides_for_a_while(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [delivery] = await lease(bus, lease_s=1.0)
    assert await bus.settle([(delivery, Later(5.0, "crashed"))]) == [True]
    seen = await state(bus)
    assert (seen.state, seen.reason, seen.not_before) == ("waiting", "crashed", clock.now() + 5.0)
    await clock.advance(4.9)
    assert await lease(bus) == []
    await clock.advance(0.1)
    [again] = await lease(bus)
    assert again.attempt == 2


async def test_bus_4_dead_is_kept(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(), errand("e2")])
    first, _ = await lease(bus)
    assert await bus.settle([(first, Dead("no hope"))]) == [True]
    await clock.advance(1e6)
    assert ids(await lease(bus)) == ["e2"]
    [letter] = await bus.list(Filter(app=SHOP, state="dead"))
    assert (letter.id, letter.reason, letter.state) == ("e1", "no hope", "dead")
    assert await bus.list(Filter(app=AppId("other"), state="dead")) == []


async def test_bus_4_any_reason_can_be_kept(bus: Bus) -> None:
    await bus.publish([errand(), errand("e2"), errand("e3")])
    first, second, third = await lease(bus)
    settled: list[tuple[Delivery, Settlement]] = [
        (first, Dead("half a \ud800 pair")),
        (second, Dead("nul \x00 in it")),
        (third, Done(b"\x00\xff")),
    ]
    assert await bus.settle(settled) == [True, True, True]
    assert (await state(bus, "e1")).reason.startswith("half a ")
    assert (await state(bus, "e2")).reason == "nul \x00 in it"
    assert (await state(bus, "e3")).result == b"\x00\xff"


async def test_bus_5_late_settling_is_refused(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [late] = await lease(bus, lease_s=10.0)
    await clock.advance(11)
    [current] = await lease(bus)
    for settlement in (Done(b"late"), Dead("late"), Later(0.0), Returned()):
        assert await bus.settle([(late, settlement)]) == [False]
    assert (await state(bus)).state == "leased"
    assert await bus.settle([(current, Done(b"right"))]) == [True]
    assert await bus.settle([(current, Done(b"twice")), (current, Dead("no"))]) == [False, False]
    assert (await state(bus)).result == b"right"


async def test_bus_5_late_but_nobody_else_has_it(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(), errand("e2")])
    late, _ = await lease(bus, lease_s=10.0)
    await clock.advance(11)
    await lease(bus, count_max=0)  # Looks, and takes nothing.
    assert await bus.settle([(late, Done(b"right"))]) == [True]
    assert ids(await lease(bus)) == ["e2"]


async def test_bus_5_a_returned_lease_settles_nothing(bus: Bus) -> None:
    await bus.publish([errand()])
    [returned] = await lease(bus)
    assert await bus.settle([(returned, Returned())]) == [True]
    assert await bus.settle([(returned, Done(b"stale"))]) == [False]
    [current] = await lease(bus)  # At the same instant, with the same attempt.
    assert current.attempt == returned.attempt
    assert await bus.settle([(returned, Done(b"stale"))]) == [False]
    assert await bus.settle([(current, Done(b"right"))]) == [True]


async def test_bus_5_each_stands_by_itself(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(f"e{n}") for n in range(4)])
    first, second, third, fourth = await lease(bus, lease_s=10.0)
    await bus.settle([(second, Done(b"before"))])
    settled = await bus.settle(
        [(first, Done(b"1")), (second, Dead("late")), (third, Later(5.0)), (fourth, Dead("x"))]
    )
    assert settled == [True, False, True, True]
    assert (await state(bus, "e1")).result == b"before"


async def test_bus_6_results_are_kept_until_swept(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand("old"), errand("dead"), errand("open")])
    old, dead, _ = await lease(bus, lease_s=1.0)
    await bus.settle([(old, Done(b"42")), (dead, Dead("kept"))])
    await clock.advance(50)
    await bus.publish([errand("young", line="q")])
    [young] = await lease(bus, line="q")
    await bus.settle([(young, Done(b"43"))])
    await clock.advance(50)
    assert (await state(bus, "old")).result == b"42"
    assert await bus.sweep(older_than_s=100.5) == 0
    assert await bus.sweep(older_than_s=99) == 1
    assert await bus.state("old") is None
    assert {s.id: s.state for s in await bus.list(ALL)} == {
        "young": "done",
        "dead": "dead",
        "open": "waiting",
    }
    assert await bus.publish([errand("old")]) == 1  # It is forgotten now.


async def test_bus_7_returned_uses_no_attempt(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    for _ in range(5):
        [delivery] = await lease(bus)
        assert delivery.attempt == 1
        assert await bus.settle([(delivery, Returned(3.0))]) == [True]
        assert (await state(bus)).attempt == 0
        await clock.advance(2.9)
        assert await lease(bus) == []
        await clock.advance(0.1)
