"""Fresh ids and chance, given.

IDS-1  fresh() never gives the same text twice, also across processes.
IDS-2  Ids made later sort later (to the millisecond).
"""

from typing import Protocol


class IdSource(Protocol):
    """Where ids and chance come from."""

    def fresh(self) -> str:
        """Give a new id: 26 characters of Crockford base 32, time-ordered (as in ULID)."""
        ...

    def secret(self) -> str:
        """Give 32 bytes of unpredictable text, URL-safe."""
        ...

    def chance(self) -> float:
        """Give a number, 0 <= x < 1."""
        ...
