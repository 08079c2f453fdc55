"""A leaky bucket: how much a guest may say before it is an attack. Pure."""


class Bucket:
    """Holds ``burst``, leaks ``per_s``. Spilling over is the guest's fault."""

    __slots__ = ("_at", "_burst", "_level", "_per_s")

    def __init__(self, *, burst: float, per_s: float) -> None:
        self._burst, self._per_s = burst, per_s
        self._level, self._at = 0.0, 0.0

    def pour(self, amount: float, *, now: float) -> bool:
        """Add ``amount``; say whether it still fits.

        >>> bucket = Bucket(burst=10, per_s=1)
        >>> bucket.pour(8, now=0.0), bucket.pour(8, now=0.0), bucket.pour(1, now=60.0)
        (True, False, True)
        """
        self._level = max(0.0, self._level - (now - self._at) * self._per_s) + amount
        self._at = now
        return self._level <= self._burst
