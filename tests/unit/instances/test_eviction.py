"""Greedy-dual: enough is given up, the least worth first, and no more than needed."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.instances.eviction import Candidate, choose, worth

candidates = st.lists(
    st.builds(
        Candidate,
        key=st.integers(),
        age=st.floats(0, 100),
        uses=st.floats(0, 1000),
        cost_s=st.floats(0, 100),
        size_bytes=st.integers(1, 1 << 30),
    ),
    unique_by=lambda candidate: candidate.key,
    max_size=30,
)


@given(candidates, st.integers(0, 1 << 31))
def test_the_least_worth_go_and_only_as_many_as_needed(
    some: list[Candidate[int]], wanted_bytes: int
) -> None:
    verdict = choose(some, wanted_bytes=wanted_bytes, age=0.0)
    victims = {one.key: one for one in some if one.key in set(verdict.victims)}
    kept = [one for one in some if one.key not in victims]
    assert verdict.freed_bytes == sum(one.size_bytes for one in victims.values())
    assert verdict.freed_bytes >= wanted_bytes or not kept
    if victims:
        assert verdict.freed_bytes - victims[verdict.victims[-1]].size_bytes < wanted_bytes
        assert all(worth(one) >= max(map(worth, victims.values())) for one in kept)
        assert verdict.age >= max(map(worth, victims.values()))
