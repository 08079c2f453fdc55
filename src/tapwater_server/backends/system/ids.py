"""Fresh ids and chance from the machine: ULIDs that cost less than a microsecond."""

import os
import secrets
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32, sorted as its digits are
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]  # ten bits each
_POOL_BYTES = 4096
_COUNT_MAX = 1 << 20  # ids in one millisecond, far above what one process can make
_FLOAT = 1 / (1 << 53)


class SystemIds:
    """ULIDs: 48 bits of milliseconds, 60 random bits drawn anew each millisecond, 20 bits of count.

    The count makes ids of one process sort in the order made; the 60 bits keep processes apart.
    Random bytes are bought from the kernel by the page. Forked children must make their own.
    """

    __slots__ = ("__weakref__", "_at", "_count", "_ms", "_pool", "_prefix")

    def __init__(self) -> None:
        self._pool = b""
        self._at = 0
        self._ms = -1
        self._count = 0
        self._prefix = ""
        os.register_at_fork(after_in_child=self._forked)

    def fresh(self) -> str:
        """Give a new id, 26 characters."""
        ms = time.time_ns() // 1_000_000
        if ms > self._ms:
            self._begin(ms)
        count = self._count = self._count + 1
        if count >= _COUNT_MAX:
            self._begin(self._ms + 1)
            count = self._count
        return self._prefix + _PAIRS[count >> 10] + _PAIRS[count & 1023]

    def secret(self) -> str:
        """Give 32 unpredictable bytes as URL-safe text."""
        return secrets.token_urlsafe(32)

    def chance(self) -> float:
        """Give a number, 0 <= x < 1."""
        return (int.from_bytes(self._take(7), "little") >> 3) * _FLOAT

    def _begin(self, ms: int) -> None:
        """Start a new millisecond; a clock that goes back does not bring us here."""
        self._ms = ms
        drawn = int.from_bytes(self._take(8), "little")
        self._prefix = (
            _PAIRS[ms >> 40 & 1023]
            + _PAIRS[ms >> 30 & 1023]
            + _PAIRS[ms >> 20 & 1023]
            + _PAIRS[ms >> 10 & 1023]
            + _PAIRS[ms & 1023]
            + _PAIRS[drawn & 1023]
            + _PAIRS[drawn >> 10 & 1023]
            + _PAIRS[drawn >> 20 & 1023]
            + _PAIRS[drawn >> 30 & 1023]
            + _PAIRS[drawn >> 40 & 1023]
            + _PAIRS[drawn >> 50 & 1023]
        )
        self._count = 0

    def _take(self, size: int) -> bytes:
        at, end = self._at, self._at + size
        if end > len(self._pool):
            self._pool = os.urandom(_POOL_BYTES)
            at, end = 0, size
        self._at = end
        return self._pool[at:end]

    def _forked(self) -> None:
        self._pool, self._at, self._ms = b"", 0, -1
