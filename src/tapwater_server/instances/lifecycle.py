"""The states of an instance and the only moves between them, as a table."""

from collections.abc import Mapping
from enum import IntEnum


class State(IntEnum):
    """What an instance is doing."""

    FORKING = 0  # Its process is being made.
    IDLE = 1  # It has no call.
    BUSY = 2  # It has at least one call.
    DRAINING = 3  # It finishes its calls and takes no more.
    CLOSING = 4  # It was told to end and has not yet.
    GONE = 5


class Signal(IntEnum):
    """What happens to an instance."""

    READY = 0  # Its socket is ours.
    TAKEN = 1  # A call sat down.
    FREED = 2  # Its last call has ended.
    RETIRED = 3  # Nobody wants it any more.
    CONDEMNED = 4  # It broke a rule or a deadline and is being killed.
    DIED = 5  # Its process is no more.


MOVES: Mapping[tuple[State, Signal], State] = {
    (State.FORKING, Signal.READY): State.IDLE,
    (State.FORKING, Signal.DIED): State.GONE,
    (State.IDLE, Signal.TAKEN): State.BUSY,
    (State.IDLE, Signal.RETIRED): State.CLOSING,
    (State.IDLE, Signal.CONDEMNED): State.CLOSING,
    (State.IDLE, Signal.DIED): State.GONE,
    (State.BUSY, Signal.TAKEN): State.BUSY,
    (State.BUSY, Signal.FREED): State.IDLE,
    (State.BUSY, Signal.RETIRED): State.DRAINING,
    (State.BUSY, Signal.CONDEMNED): State.CLOSING,
    (State.BUSY, Signal.DIED): State.GONE,
    (State.DRAINING, Signal.RETIRED): State.DRAINING,
    (State.DRAINING, Signal.FREED): State.CLOSING,
    (State.DRAINING, Signal.CONDEMNED): State.CLOSING,
    (State.DRAINING, Signal.DIED): State.GONE,
    (State.CLOSING, Signal.RETIRED): State.CLOSING,
    (State.CLOSING, Signal.CONDEMNED): State.CLOSING,
    (State.CLOSING, Signal.DIED): State.GONE,
}


class IllegalMove(Exception):
    """A bug of ours: this signal cannot come in this state."""


def move(state: State, signal: Signal) -> State:
    """Give the state after ``signal``.

    >>> move(State.IDLE, Signal.TAKEN).name
    'BUSY'

    Raises:
        IllegalMove: the table has no such move.
    """
    after = MOVES.get((state, signal))
    if after is None:
        raise IllegalMove(f"{signal.name} while {state.name}")
    return after
