"""Histograms: a quantile is at most a quarter of a power of two away."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.scheduler.load import Histogram, Load

times = st.lists(st.floats(1e-5, 1e4), min_size=1, max_size=200)


@given(times, st.floats(0.01, 1.0))
def test_a_quantile_is_close_above(seen: list[float], share: float) -> None:
    histogram = Histogram()
    for one in seen:
        histogram.add(one)
    seen.sort()
    index = next(i for i in range(len(seen)) if i + 1 >= share * len(seen))
    assert seen[index] <= histogram.quantile(share) <= seen[index] * 1.2501


def test_of_nothing_it_is_zero() -> None:
    assert Histogram().quantile(0.5) == 0.0


def test_what_is_beyond_the_edges_is_counted_at_them() -> None:
    histogram = Histogram()
    for one in (0.0, 1e-12, 1e12):
        histogram.add(one)
    assert histogram.total == 3
    assert sum(histogram.counts) == 3


def test_fading_halves() -> None:
    histogram = Histogram()
    for _ in range(10):
        histogram.add(1.0)
    histogram.fade()
    assert histogram.total == 5


def test_load_remembers_peaks_and_forgets_them_slowly() -> None:
    load = Load()
    load.note_call(0.1, 0.01, 100 << 20, cold=True)
    for _ in range(100):
        load.note_call(0.1, 0.01, 10 << 20, cold=False)
    assert 50 << 20 < load.peak_bytes < 100 << 20
    for _ in range(10_000):
        load.note_call(0.1, 0.01, 10 << 20, cold=False)
    assert load.peak_bytes == 10 << 20
    assert (load.calls, load.cold_starts) == (10_101, 1)
