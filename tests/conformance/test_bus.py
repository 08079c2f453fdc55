"""What every bus must do, whatever keeps it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.ports.bus import Bus, Delivery, Errand
from tapwater_server.testing.clock import ManualClock

Opened = Callable[[Path, ManualClock], AbstractAsyncContextManager[Bus]]


@asynccontextmanager
async def _memory(folder: Path, clock: ManualClock) -> AsyncIterator[Bus]:
    yield MemoryBus(clock=clock)


@asynccontextmanager
async def _sqlite(folder: Path, clock: ManualClock) -> AsyncIterator[Bus]:
    database = Database(folder / "bus.db", schema="bus")
    try:
        yield SqliteBus(database=database, clock=clock)
    finally:
        await database.close()


BACKENDS: dict[str, Opened] = {"memory": _memory, "sqlite": _sqlite}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=sorted(BACKENDS))
async def bus(
    request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock
) -> AsyncIterator[Bus]:
    async with BACKENDS[request.param](tmp_path, clock) as opened:
        yield opened


def errand(id: str = "e1", **facts: object) -> Errand:
    return Errand(id=id, app="shop", function="shop:orders/send", body=b"{}", **facts)  # type: ignore[arg-type]


async def lease(bus: Bus, *, lease_s: float = 10.0, count_max: int = 10) -> list[Delivery]:
    return list(await bus.lease(count_max=count_max, lease_s=lease_s))


async def test_bus_1_same_id_twice_is_one(bus: Bus) -> None:
    await bus.publish([errand()])
    await bus.publish([errand()])
    assert len(await lease(bus)) == 1


async def test_bus_1_same_id_after_settling_changes_nothing(bus: Bus) -> None:
    await bus.publish([errand()])
    [delivery] = await lease(bus)
    assert await bus.ack(delivery, result=b"1")
    await bus.publish([errand()])
    assert await lease(bus) == []
    state = await bus.state("e1")
    assert state is not None
    assert (state.state, state.result) == ("done", b"1")


async def test_bus_2_leased_is_hidden(bus: Bus) -> None:
    await bus.publish([errand()])
    assert len(await lease(bus)) == 1
    assert await lease(bus) == []


async def test_bus_2_count_is_a_ceiling(bus: Bus) -> None:
    await bus.publish([errand(f"e{n}") for n in range(5)])
    assert len(await lease(bus, count_max=3)) == 3
    assert len(await lease(bus, count_max=3)) == 2


async def test_bus_3_forgotten_comes_back(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [first] = await lease(bus, lease_s=10.0)
    await clock.advance(10.5)
    [second] = await lease(bus)
    assert (first.attempt, second.attempt) == (1, 2)


async def test_bus_3_not_before_is_kept(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand(not_before=clock.now() + 60)])
    assert await lease(bus) == []
    await clock.advance(61)
    assert len(await lease(bus)) == 1


async def test_bus_4_ack_ends(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [delivery] = await lease(bus)
    assert await bus.ack(delivery, result=b"null")
    await clock.advance(1e6)
    assert await lease(bus) == []


async def test_bus_4_retry_hides_for_a_while(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [delivery] = await lease(bus)
    assert await bus.retry(delivery, delay_s=5.0, reason="crashed")
    await clock.advance(4.0)
    assert await lease(bus) == []
    await clock.advance(1.5)
    [again] = await lease(bus)
    assert again.attempt == 2


async def test_bus_4_buried_is_kept(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [delivery] = await lease(bus)
    assert await bus.bury(delivery, reason="no hope")
    await clock.advance(1e6)
    assert await lease(bus) == []
    [letter] = await bus.dead(app="shop", count_max=10)
    assert (letter.id, letter.reason, letter.state) == ("e1", "no hope", "dead")
    assert await bus.dead(app="other", count_max=10) == []


async def test_bus_5_late_settling_is_refused(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [late] = await lease(bus, lease_s=10.0)
    await clock.advance(11)
    [current] = await lease(bus)
    assert not await bus.ack(late, result=b"late")
    assert not await bus.bury(late, reason="late")
    assert await bus.ack(current, result=b"right")
    assert not await bus.ack(current, result=b"twice")


async def test_bus_5_a_released_lease_settles_nothing(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    [released] = await lease(bus)
    await bus.release(released, delay_s=0.0)
    await clock.advance(1.0)
    [current] = await lease(bus)
    assert current.attempt == released.attempt
    assert not await bus.ack(released, result=b"stale")
    assert await bus.ack(current, result=b"right")


async def test_bus_6_results_stay_until_swept(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand("old"), errand("new"), errand("open")])
    for delivery in await lease(bus, count_max=1):
        await bus.ack(delivery, result=b"1")
    await clock.advance(100)
    for delivery in await lease(bus, count_max=1):
        await bus.ack(delivery, result=b"2")
    assert await bus.sweep(older_than_s=50) == 1
    assert await bus.state("old") is None
    assert await bus.state("new") is not None
    assert await bus.state("open") is not None


async def test_bus_7_release_uses_no_attempt(bus: Bus, clock: ManualClock) -> None:
    await bus.publish([errand()])
    for _ in range(3):
        [delivery] = await lease(bus)
        assert delivery.attempt == 1
        assert await bus.release(delivery, delay_s=2.0)
        assert await lease(bus) == []
        await clock.advance(2.5)


async def test_bus_1_durable_across_reopening(tmp_path: Path, clock: ManualClock) -> None:
    """Only the durable backend: what was accepted is there after the process is gone."""
    async with _sqlite(tmp_path, clock) as bus:
        await bus.publish([errand("kept", depth=3, root="r")])
    async with _sqlite(tmp_path, clock) as bus:
        [delivery] = await lease(bus)
        assert (delivery.errand.id, delivery.errand.depth, delivery.errand.root) == ("kept", 3, "r")


async def test_bus_3_leases_of_a_dead_process_end_at_once(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with _sqlite(tmp_path, clock) as bus:
        await bus.publish([errand()])
        assert len(await lease(bus, lease_s=3600.0)) == 1
    async with _sqlite(tmp_path, clock) as bus:
        assert isinstance(bus, SqliteBus)
        assert await bus.reclaim() == 1
        [again] = await lease(bus)
        assert again.attempt == 2


async def test_bus_waiting_ends_with_a_publish(bus: Bus) -> None:
    await bus.publish([errand()])
    await bus.wait_published()
    assert len(await lease(bus)) == 1
