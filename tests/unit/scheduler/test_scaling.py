"""How many instances: never above a ceiling, never fewer than help."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.scheduler.scaling import Demand, expected_bytes, instances_to_start

demands = st.builds(
    Demand,
    waiting=st.integers(0, 1000),
    running=st.integers(0, 1000),
    instances=st.integers(0, 100),
    starting=st.integers(0, 100),
    ending=st.integers(0, 20),
    concurrency=st.integers(1, 50),
    instances_max=st.integers(0, 200),
    service_s=st.floats(0, 100),
    start_s=st.floats(0, 10),
    head_waited_s=st.floats(0, 100),
)


@given(demands)
def test_never_above_the_ceiling_and_never_for_nobody(demand: Demand) -> None:
    count = instances_to_start(demand)
    assert count >= 0
    there = demand.instances + demand.starting + demand.ending
    assert not count or there + count <= demand.instances_max
    assert not count or (count - 1 + demand.starting) * demand.concurrency < demand.waiting


@given(demands)
def test_who_waits_with_nothing_there_gets_an_instance(demand: Demand) -> None:
    nothing = not demand.instances and not demand.starting
    if demand.waiting and nothing and demand.instances_max > demand.ending:
        assert instances_to_start(demand) >= 1


@given(demands)
def test_who_has_waited_longer_than_a_start_takes_gets_one_more(demand: Demand) -> None:
    full = demand.running >= demand.instances * demand.concurrency
    late = demand.head_waited_s > max(demand.start_s, 0.005)
    room = demand.instances + demand.ending < demand.instances_max
    if demand.waiting and full and late and room and not demand.starting:
        assert instances_to_start(demand) >= 1


@given(st.integers(1 << 20, 1 << 34), st.floats(0, 1 << 35), st.floats(1, 16))
def test_an_instance_is_taken_to_hold_no_more_than_its_limit(
    limit_bytes: int, peak_bytes: float, overcommit: float
) -> None:
    size = expected_bytes(limit_bytes=limit_bytes, peak_bytes=peak_bytes, overcommit=overcommit)
    assert 0 < size <= limit_bytes
