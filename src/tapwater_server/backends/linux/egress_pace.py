"""How fast a function may make the platform work for it. Pure."""


class Pace:
    """So many things a second, and a burst of as many; who asks for more has to rest."""

    __slots__ = ("_per_s", "_stock", "_until")

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._stock = per_s
        self._until: float | None = None

    def rest_s(self, now: float) -> float:
        """Take one; say how long to rest before the next.

        >>> pace = Pace(2.0)
        >>> [pace.rest_s(0.0), pace.rest_s(0.0), pace.rest_s(0.0)]
        [0.0, 0.0, 0.5]
        """
        gained = 0.0 if self._until is None else (now - self._until) * self._per_s
        self._until = now
        self._stock = min(self._per_s, self._stock + gained) - 1.0
        return max(0.0, -self._stock / self._per_s)
