"""More functions than anybody has: what is counted is bounded, and others have their turn."""

from collections.abc import Iterator
from typing import Any, cast

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.services.otlp.counting import FUNCTIONS_MAX as EXPORTED_MAX
from tapwater_server.services.otlp.counting import Counting
from tapwater_server.services.seeing.exposition import Page
from tapwater_server.services.seeing.metrics import Metrics, of_calls
from tapwater_server.services.seeing.pulse import FUNCTIONS_MAX, Pulse
from tapwater_server.testing.clock import ManualClock
from tests.conformance.meter_kit import record

FUNCTIONS = 10_000


class Yielding(ManualClock):
    """Counts how often others had their turn."""

    turns = 0

    async def sleep(self, seconds: float) -> None:
        self.turns += 1


async def pulse_of(clock: ManualClock, functions: int) -> Pulse:
    pulse = Pulse(now=lambda: cast(Any, None), clock=clock)
    for n in range(functions):
        pulse.note(record(n, function=f"group/f{n}", trace=f"{n:032x}"))
    await pulse.step()
    return pulse


async def test_ten_thousand_functions_are_counted_in_bounded_memory() -> None:
    pulse = await pulse_of(Yielding(), FUNCTIONS)
    assert len(pulse.totals) <= FUNCTIONS_MAX + 1
    assert sum(seen.calls for seen in pulse.totals.values()) == FUNCTIONS


def test_and_so_are_those_that_are_sent() -> None:
    counting = Counting(started_at=0.0)
    for n in range(FUNCTIONS):
        counting.add(record(n, function=f"group/f{n}"))
    written: Iterator[Any] = iter(counting.metrics(at=1.0))
    assert len(next(written)) == 10, "function by function: nobody writes all of them at once"
    assert 1 + sum(1 for _ in written) <= EXPORTED_MAX + 1


async def test_a_long_page_of_numbers_lets_others_have_their_turn() -> None:
    clock = Yielding()
    pulse = await pulse_of(clock, 300)
    metrics = Metrics(
        pulse=pulse,
        now=lambda: cast(Any, None),
        top=dict,
        apps=tuple,
        bus=MemoryBus(clock=clock),
        log=MemoryEventLog(clock=clock),
        budgets=tuple,
        losses=lambda: cast(Any, None),
        clock=clock,
    )
    clock.turns, page, at_once = 0, Page(), Page()
    await metrics._add_calls(page)
    assert clock.turns >= 10
    at_once.add(of_calls(pulse.totals))
    assert page.whole() == at_once.whole()
