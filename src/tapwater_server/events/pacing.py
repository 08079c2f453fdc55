"""How many deliveries may begin now, so that a rate is kept. Pure.

A pace is one number: the time at which the next one would begin if they came evenly. What comes
after a pause may begin up to ``BURST_S`` of the rate at once.
"""

from collections import OrderedDict
from dataclasses import dataclass

from tapwater_server.model.delivering import Pace

BURST_S = 1.0
KEYS_MAX = 10_000  # Paces kept of keys; the one not asked for longest is forgotten first.


@dataclass(frozen=True, slots=True)
class Step:
    """So many may begin; for more, ask again at ``again_at``."""

    count: int
    again_at: float
    next_at: float  # the new state


def take(next_at: float, *, now: float, wanted: int, per_s: float) -> Step:
    """Let up to ``wanted`` begin.

    >>> take(0.0, now=100.0, wanted=5, per_s=2.0)
    Step(count=2, again_at=100.5, next_at=100.0)
    >>> take(100.0, now=100.0, wanted=5, per_s=2.0).count
    0
    """
    interval = 1.0 / per_s
    burst = max(BURST_S, interval)
    start = max(next_at, now - burst)
    fit = int((now - start) / interval + 1e-9)
    count = max(0, min(wanted, fit))
    begun = start + count * interval
    return Step(count=count, again_at=max(begun + interval, now), next_at=begun)


class Paces:
    """The paces of lines and of their keys."""

    def __init__(self) -> None:
        self._next_at: OrderedDict[tuple[str, str], float] = OrderedDict()

    def take(self, line: str, key: str, pace: Pace, *, now: float, wanted: int) -> Step:
        """Let up to ``wanted`` of a line and key begin, and remember it."""
        place = (line, key)
        step = take(self._next_at.get(place, 0.0), now=now, wanted=wanted, per_s=pace.per_s)
        self._next_at[place] = step.next_at
        self._next_at.move_to_end(place)
        while len(self._next_at) > KEYS_MAX:
            self._next_at.popitem(last=False)
        return step

    def give_back(self, line: str, key: str, pace: Pace, count: int) -> None:
        """What was let begin and was not there after all."""
        place = (line, key)
        if place in self._next_at:
            self._next_at[place] -= count / pace.per_s
