"""Sharing out seats: all of them, to nobody more than they can take, to each a turn."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.events.lines import LEASE_MAX, share

_ROOMS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(-2, 100), max_size=8)


@given(_ROOMS, st.integers(0, 300), st.integers(0, 50))
def test_nothing_is_wasted_and_nobody_gets_too_much(
    rooms: Mapping[str, int], room: int, first: int
) -> None:
    given_out = share(list(rooms), rooms, room=room, first=first)
    wanted = {line: max(0, min(room, LEASE_MAX)) for line, room in rooms.items()}
    assert sum(given_out.values()) == min(room, sum(wanted.values()))
    assert all(0 < count <= wanted[line] for line, count in given_out.items())


@given(_ROOMS, st.integers(1, 300))
def test_the_loud_get_no_more_than_one_above_the_hungry_quiet(
    rooms: Mapping[str, int], room: int
) -> None:
    given_out = share(list(rooms), rooms, room=room, first=0)
    hungry = [n for n in rooms if given_out.get(n, 0) < min(max(rooms[n], 0), LEASE_MAX)]
    for line in hungry:
        assert max(given_out.values(), default=0) <= given_out.get(line, 0) + 1


def test_each_line_has_its_turn_even_if_there_is_one_seat() -> None:
    lines, rooms = ["a", "b", "c"], {"a": 9, "b": 9, "c": 9}
    turns = [next(iter(share(lines, rooms, room=1, first=n))) for n in range(3)]
    assert sorted(turns) == lines
