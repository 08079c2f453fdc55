"""What ports/clock.py promises, of the machine's clock and the one wound by hand."""

import asyncio

from tapwater_server.backends.system import SystemClock
from tapwater_server.testing.clock import ManualClock


def test_clk_1_the_machine_s_monotonic_never_goes_back() -> None:
    clock = SystemClock()
    seen = [clock.monotonic() for _ in range(1000)]
    assert seen == sorted(seen)


async def test_clk_1_a_jump_of_the_wall_clock_does_not_touch_monotonic() -> None:
    clock = ManualClock()
    before = clock.monotonic()
    clock.jump(-3600)
    assert clock.monotonic() == before
    await clock.advance(1.0)
    assert clock.monotonic() == before + 1.0


async def test_clk_2_the_machine_s_sleep_ends_no_earlier_than_asked() -> None:
    clock = SystemClock()
    for seconds in (0.0, 0.0004, 0.0017, 0.01):
        began = clock.monotonic()
        await clock.sleep(seconds)
        assert clock.monotonic() - began >= seconds


async def test_clk_2_a_wound_sleep_ends_exactly_when_wound_so_far() -> None:
    clock = ManualClock()
    ended: list[float] = []

    async def sleep(seconds: float) -> None:
        began = clock.monotonic()
        await clock.sleep(seconds)
        ended.append(clock.monotonic() - began)

    sleeps = [asyncio.ensure_future(sleep(seconds)) for seconds in (5.0, 1.0, 3.0)]
    await clock.advance(0.9)
    assert ended == []
    await clock.advance(10.0)
    assert ended == [1.0, 3.0, 5.0]
    await asyncio.gather(*sleeps)
