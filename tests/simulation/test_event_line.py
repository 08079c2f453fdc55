"""Seeded stories of the event line: nothing accepted is lost, and nothing comes back for ever.

``make sim SEED=7`` tells one story, ``make sim SEEDS=1000`` many. A failure names its seed.
"""

import gc
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.events.retry import LOST_MAX
from tapwater_server.ports.bus import Delivery, Done, Errand, Later, Settlement
from tapwater_server.testing.clock import ManualClock
from tests.simulation.event_stores import InMemory, Kept, OnDisk
from tests.simulation.event_world import ATTEMPTS_MAX, World

STEPS = 40
_ONE = os.environ.get("SIM_SEED")
SEEDS = [int(_ONE)] if _ONE else range(int(os.environ.get("SIM_SEEDS", "25")))


@pytest.fixture(autouse=True)
def _bury_the_dead() -> Iterator[None]:
    """Collect what killed nodes have left before anything else is imported: finalizers that write
    tracebacks parse code, and Python 3.11 cannot do that while it parses other code.
    """
    yield
    gc.collect()


async def tell(world: World) -> None:
    """Tell one story to its end, and judge it."""
    await world.begin()
    for _ in range(STEPS):
        await world.step()
    await world.finish()
    await world.check()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("backend", ["memory", "sqlite"])
async def test_nothing_is_lost_and_nothing_is_for_ever(
    seed: int, backend: str, tmp_path: Path
) -> None:
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        kept: Kept = InMemory(clock=clock, seed=seed)
        if backend == "sqlite":
            kept = OnDisk(tmp_path, clock=clock, seed=seed, stack=stack)
        world = World(kept, clock=clock, seed=seed)
        try:
            await tell(world)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        assert len(world.accepted) > 10
        assert len(world.happened) > 5


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_platform_that_dies_uses_up_nobodys_attempts(seed: int) -> None:
    clock = ManualClock()
    kept = InMemory(clock=clock, seed=seed)
    world = World(kept, clock=clock, seed=seed, kills_max=LOST_MAX)
    await world.begin()
    for step in range(STEPS):
        await world.step()
        if step % 3 == 0:
            await world.kill()
            await world.start()
    await world.finish()
    await world.check()
    assert await world.innocents_lost() == [], f"seed {seed}"
    killed = sum(n for what, n in world.happened.items() if what.startswith("killed"))
    assert ATTEMPTS_MAX < killed <= LOST_MAX


class _Forgetful(MemoryBus):
    """Takes a failed one for done: BUS-4 broken."""

    async def settle(self, settled: Any) -> Any:
        wrong: list[tuple[Delivery, Settlement]] = [
            (delivery, Done() if isinstance(how, Later) else how) for delivery, how in settled
        ]
        return await super().settle(wrong)


class _Unordered(MemoryBus):
    """Does not look at keys: BUS-8 and BUS-9 broken."""

    def _may_be_leased(self, row: Any, now: float, chosen: Any) -> bool:
        return True


class _Innumerate(MemoryBus):
    """Does not count what was lost: BUS-3 broken."""

    async def reclaim(self) -> int:
        for row in self._rows.values():
            row.attempt, row.lost, row.unsettled = 0, 0, False
        return await super().reclaim()


class _Careless(MemoryBus):
    """Loses one errand in ten: BUS-1 broken."""

    async def publish(self, errands: Any) -> int:
        kept: list[Errand] = [one for one in errands if int(one.id[:4], 16) % 10]
        return await super().publish(kept)


class _Greedy(MemoryBus):
    """Never gives back what a dead node had leased: BUS-3 broken."""

    async def reclaim(self) -> int:
        return 0


BROKEN: dict[str, tuple[Callable[..., MemoryBus], str]] = {
    "forgetful": (_Forgetful, "never went well|is done"),
    "unordered": (_Unordered, "overtaken|more at once"),
    "innumerate": (_Innumerate, "times|come to an end|too early"),
    "careless": (_Careless, "never told"),
    "greedy": (_Greedy, "come to an end"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
async def test_a_broken_rule_is_seen(name: str) -> None:
    broken, complaint = BROKEN[name]
    found = []
    for seed in range(12):
        clock = ManualClock()
        kept = InMemory(clock=clock, seed=seed, bus=broken(clock=clock))
        try:
            await tell(World(kept, clock=clock, seed=seed))
        except AssertionError as error:
            found.append(str(error))
            if re.search(complaint, str(error)):
                return
    pytest.fail(f"no story saw it: {found}")
