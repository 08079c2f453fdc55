"""Keep-alive: fixed until enough was seen, then by the histogram, within ceilings."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.scheduler.keepalive import SAMPLES_MIN, Window, warm_now, window
from tapwater_server.scheduler.load import Histogram


def after(idle_times: list[float], keep_s_max: float = 4 * 3600.0) -> Window:
    habit = Histogram()
    for one in idle_times:
        habit.add(one)
    return window(habit, fixed_s=60.0, keep_s_max=keep_s_max)


def test_fixed_until_enough_samples() -> None:
    assert after([600.0] * (SAMPLES_MIN - 1)) == Window(keep_s=60.0)


def test_a_function_called_by_the_clock_sleeps_and_is_warmed_before() -> None:
    verdict = after([600.0 + n % 5 for n in range(50)])
    assert verdict.keep_s < 10
    assert verdict.prewarm_s is not None
    assert 300 < verdict.prewarm_s < 600 < verdict.prewarm_s + verdict.warm_s < 1200
    assert not warm_now(verdict, idle_s=300.0)
    assert warm_now(verdict, idle_s=600.0)
    assert not warm_now(verdict, idle_s=1200.0)


def test_a_function_with_short_pauses_is_kept_as_long_as_they_are() -> None:
    verdict = after([5.0 + n % 3 for n in range(50)])
    assert verdict.prewarm_s is None
    assert 7 <= verdict.keep_s <= 11


def test_scattered_idle_times_say_nothing() -> None:
    assert after([2.0, 3600.0] * 20) == Window(keep_s=60.0)


@given(st.lists(st.floats(1.0, 1e6), max_size=100), st.floats(60, 1e5))
def test_a_window_is_never_longer_than_its_ceiling(seen: list[float], keep_s_max: float) -> None:
    verdict = after(seen, keep_s_max)
    assert 0 < verdict.keep_s <= keep_s_max
    if verdict.prewarm_s is not None:
        assert verdict.prewarm_s > 0
        assert verdict.warm_s >= 0
        assert verdict.prewarm_s + verdict.warm_s <= keep_s_max
