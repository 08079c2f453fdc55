"""A rate is never exceeded, and never wasted for long."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.events.pacing import BURST_S, KEYS_MAX, Paces, take
from tapwater_server.model.delivering import Pace

_STEPS = st.lists(st.tuples(st.floats(0.0, 5.0), st.integers(1, 50)), max_size=30)


@given(_STEPS, st.sampled_from([0.1, 1.0, 7.0, 100.0]))
def test_over_any_time_there_are_no_more_than_rate_and_burst(
    steps: list[tuple[float, int]], per_s: float
) -> None:
    now = begun = 1000.0
    next_at, count = 0.0, 0
    for wait_s, wanted in steps:
        now += wait_s
        step = take(next_at, now=now, wanted=wanted, per_s=per_s)
        assert 0 <= step.count <= wanted
        assert step.again_at >= now
        next_at, count = step.next_at, count + step.count
    assert count <= (now - begun + max(BURST_S, 1 / per_s)) * per_s + 1e-6


@given(st.sampled_from([0.1, 1.0, 7.0, 100.0]), st.integers(0, 1000))
def test_at_again_at_at_least_one_may_begin(per_s: float, begun: int) -> None:
    step = take(0.0, now=1000.0, wanted=begun, per_s=per_s)
    full = take(step.next_at, now=1000.0, wanted=10**6, per_s=per_s)
    assert take(full.next_at, now=full.again_at + 1e-6, wanted=1, per_s=per_s).count == 1


def test_lines_and_keys_have_paces_of_their_own() -> None:
    paces, pace = Paces(), Pace(per_s=1.0)
    assert paces.take("a", "k", pace, now=10.0, wanted=5).count == 1
    assert paces.take("a", "k", pace, now=10.0, wanted=5).count == 0
    assert paces.take("a", "l", pace, now=10.0, wanted=5).count == 1
    assert paces.take("b", "k", pace, now=10.0, wanted=5).count == 1
    paces.give_back("a", "k", pace, 1)
    assert paces.take("a", "k", pace, now=10.0, wanted=5).count == 1


def test_there_is_a_ceiling_on_keys() -> None:
    paces, pace = Paces(), Pace(per_s=1.0)
    for n in range(KEYS_MAX + 10):
        paces.take("a", str(n), pace, now=10.0, wanted=1)
    assert len(paces._next_at) == KEYS_MAX
