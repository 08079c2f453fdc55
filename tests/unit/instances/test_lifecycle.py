"""The table of an instance's states, walked at random."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapwater_server.instances.lifecycle import MOVES, IllegalMove, Signal, State, move


@given(st.lists(st.sampled_from(Signal), max_size=30))
def test_gone_is_gone_and_nobody_sits_down_in_what_closes(signals: list[Signal]) -> None:
    state = State.FORKING
    for signal in signals:
        try:
            after = move(state, signal)
        except IllegalMove:
            assert (state, signal) not in MOVES
            continue
        if signal is Signal.TAKEN:
            assert state in (State.IDLE, State.BUSY)
        assert state is not State.GONE
        assert after >= state or (state, after) == (State.BUSY, State.IDLE)
        state = after


@pytest.mark.parametrize("state", [state for state in State if state is not State.GONE])
def test_every_state_can_be_died_in(state: State) -> None:
    assert move(state, Signal.DIED) is State.GONE


def test_an_illegal_move_names_both() -> None:
    with pytest.raises(IllegalMove, match="TAKEN while GONE"):
        move(State.GONE, Signal.TAKEN)
