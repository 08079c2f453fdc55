"""How many calls of a function are worth recording: a leaky bucket for each."""

from tapwater_server.model.ids import FunctionId
from tapwater_server.ports.clock import Clock

FUNCTIONS_MAX = 10_000  # Beyond it all are forgotten and begin anew.


class Floods:
    """Admits ``burst`` at once and ``per_s`` after that, of each function."""

    def __init__(self, *, burst: float, per_s: float, clock: Clock) -> None:
        self._burst, self._per_s, self._monotonic = burst, per_s, clock.monotonic
        self._levels: dict[FunctionId, tuple[float, float]] = {}

    def admits(self, function: FunctionId) -> bool:
        """Note one more; say whether it is one too many."""
        now = self._monotonic()
        level, at = self._levels.get(function, (0.0, now))
        level = max(0.0, level - (now - at) * self._per_s)
        if level + 1 > self._burst:
            self._levels[function] = (level, now)
            return False
        if len(self._levels) >= FUNCTIONS_MAX:
            self._levels.clear()
        self._levels[function] = (level + 1, now)
        return True
