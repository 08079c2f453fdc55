"""A clock that leaps makes nothing old before it has stood there for an hour."""

from pathlib import Path

from tapwater_server.assembly.steady import SteadyClock
from tapwater_server.testing.clock import ManualClock

YEAR_S = 365.25 * 86_400.0


async def test_a_leap_for_a_moment_is_not_believed(tmp_path: Path) -> None:
    clock = ManualClock()
    steady = SteadyClock(clock, file=tmp_path / "clock")
    before = steady.now()
    clock.jump(73 * YEAR_S)
    await clock.advance(60.0)
    assert steady.now() == before + 60.0
    assert steady.behind_s == 73 * YEAR_S
    clock.jump(-73 * YEAR_S)
    assert (steady.now(), steady.behind_s) == (before + 60.0, 0.0)


async def test_one_that_lasts_is_the_time(tmp_path: Path) -> None:
    clock = ManualClock()
    steady = SteadyClock(clock, file=tmp_path / "clock")
    clock.jump(2 * YEAR_S)
    steady.now()
    await clock.advance(3599.0)
    assert steady.behind_s > YEAR_S
    await clock.advance(1.0)
    assert steady.now() == clock.now()


async def test_each_leap_lasts_for_itself(tmp_path: Path) -> None:
    clock = ManualClock()
    steady = SteadyClock(clock, file=tmp_path / "clock")
    before = steady.now()
    for minute in range(1, 200):
        clock.jump(YEAR_S)
        await clock.advance(60.0)
        assert steady.now() == before + minute * 60.0


async def test_back_is_followed_at_once_and_forward_again_is_a_leap(tmp_path: Path) -> None:
    clock = ManualClock()
    steady = SteadyClock(clock, file=tmp_path / "clock")
    clock.jump(-YEAR_S)
    assert steady.now() == clock.now()
    clock.jump(YEAR_S)
    assert steady.behind_s == YEAR_S


async def test_less_than_an_hour_is_nothing(tmp_path: Path) -> None:
    clock = ManualClock()
    steady = SteadyClock(clock, file=tmp_path / "clock")
    clock.jump(3500.0)
    assert steady.now() == clock.now()


async def test_a_start_at_a_wrong_time_is_known_by_the_last_life(tmp_path: Path) -> None:
    clock = ManualClock()
    steady = SteadyClock(clock, file=tmp_path / "clock")
    await steady.keep()
    last = steady.now()
    clock.jump(73 * YEAR_S)
    await steady.keep()  # The file is not led astray either.
    again = SteadyClock(clock, file=tmp_path / "clock")
    assert abs(again.now() - last) < 1.0
    clock.jump(-90 * YEAR_S)  # An empty battery.
    third = SteadyClock(clock, file=tmp_path / "clock")
    assert third.now() == clock.now()
