"""Who gets room: the least served first; on the node where it is warm."""

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.scheduler.placement import Claim, Room, next_claim, place, yields

claims = st.lists(
    st.builds(
        Claim,
        key=st.integers(),
        held_bytes=st.integers(0, 1 << 30),
        wanted_bytes=st.integers(1, 1 << 30),
        waiting_since=st.floats(0, 1e6),
    ),
    max_size=20,
)
rooms = st.lists(
    st.builds(
        Room,
        node=st.just(0),
        free_bytes=st.integers(-100, 1 << 30),
        idle_instances=st.integers(0, 3),
        waiting=st.integers(0, 100),
        zygote=st.booleans(),
    ),
    max_size=6,
)


@given(claims)
def test_nobody_who_holds_less_is_passed_over(some: list[Claim]) -> None:
    chosen = next_claim(some)
    assert (chosen is None) == (not some)
    if chosen is not None:
        assert all(chosen.held_bytes <= claim.held_bytes for claim in some)


@given(rooms, st.integers(1, 1 << 30))
def test_a_call_goes_where_it_fits(some: list[Room], wanted_bytes: int) -> None:
    numbered = [
        Room(
            node=number,
            free_bytes=room.free_bytes,
            idle_instances=room.idle_instances,
            waiting=room.waiting,
            zygote=room.zygote,
        )
        for number, room in enumerate(some)
    ]
    chosen = place(numbered, wanted_bytes=wanted_bytes)
    fits = [r for r in numbered if r.idle_instances or r.free_bytes >= wanted_bytes]
    if chosen is None:
        assert not fits
    else:
        assert numbered[chosen] in fits
        if any(room.idle_instances for room in numbered):
            assert numbered[chosen].idle_instances


@given(st.integers(0, 1 << 40), st.integers(1, 1 << 30), st.integers(0, 1 << 40))
def test_who_yields_keeps_its_share(held_bytes: int, size_bytes: int, fair: int) -> None:
    if yields(held_bytes=held_bytes, size_bytes=size_bytes, fair=fair):
        assert held_bytes - size_bytes >= fair
