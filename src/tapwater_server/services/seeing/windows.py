"""What a rule has seen in its last minutes, and whether that is more than it allows. Pure."""

from collections import deque
from collections.abc import Iterable

from tapwater_server.model.alert import Alert, AlertKind
from tapwater_server.ports.stats import percentile
from tapwater_server.services.seeing.seen import Seen


class Window:
    """The calls of some minutes, each minute added up by itself."""

    def __init__(self, *, minutes: int) -> None:
        self._minutes: deque[tuple[int, Seen]] = deque(maxlen=minutes)

    def note(self, at: float, seen: Iterable[Seen]) -> None:
        """Add what was seen at a time; what is too old falls out."""
        minute = int(at // 60)
        if not self._minutes or self._minutes[-1][0] != minute:
            self._minutes.append((minute, Seen()))
        for one in seen:
            self._minutes[-1][1].add(one)

    def total(self, now: float) -> Seen:
        """Add up what is not too old."""
        total, newest = Seen(), int(now // 60)
        oldest = newest - (self._minutes.maxlen or 1)
        for minute, seen in self._minutes:
            if oldest < minute <= newest:  # Later ones are of a clock that was put back.
                total.add(seen)
        return total


class Counted:
    """A count that only its growth matters of: dead letters."""

    def __init__(self, *, minutes: int) -> None:
        self._counts: deque[tuple[int, int]] = deque(maxlen=minutes + 1)

    def note(self, at: float, count: int) -> None:
        """Remember how many there are at a time."""
        minute = int(at // 60)
        if self._counts and self._counts[-1][0] == minute:
            self._counts.pop()
        self._counts.append((minute, count))

    def growth(self, now: float) -> int:
        """Say how many more there are than at the beginning of these minutes."""
        newest = int(now // 60)
        oldest = newest - (self._counts.maxlen or 1)
        counts = [count for minute, count in self._counts if oldest < minute <= newest]
        return max(0, counts[-1] - min(counts)) if counts else 0


def measured(alert: Alert, seen: Seen) -> float:
    """Give the number that a rule looks at; 0 where too few calls were made to say anything.

    >>> from tapwater_server.model.ids import AppId
    >>> rule = Alert(app=AppId("a"), name="x", kind=AlertKind.ERROR_RATE, above=5, calls_min=10)
    >>> measured(rule, Seen(calls=20, errors=2)), measured(rule, Seen(calls=2, errors=2))
    (10.0, 0.0)
    """
    if seen.calls < max(1, alert.calls_min):
        return 0.0
    if alert.kind is AlertKind.ERROR_RATE:
        return 100.0 * seen.errors / seen.calls
    return percentile(seen.latency, 0.99)
