"""The hostile function: does the act it is asked for, and says what came of it."""

from tests.functional.sandbox.battery import (
    escaping,
    exhausting,
    forging,
    linking,
    networking,
    reading,
    signalling,
    tracing,
)

_ROOMS = (reading, escaping, signalling, networking, tracing, linking, exhausting, forging)
ACTS = {
    f"{room.__name__.rpartition('.')[2]}.{name}": act
    for room in _ROOMS
    for name, act in vars(room).items()
    if callable(act) and getattr(act, "__module__", "") == room.__name__ and name[0] != "_"
}


def get(act: str) -> object:
    return ACTS[act]()
