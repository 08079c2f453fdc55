"""Codes that sign a browser in once: ``tapwater dev`` puts one behind the # of the link it prints.

A link is seen by shells, histories and screens; a token in it would be there for good.
"""

from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.tokens import hash_of

GOOD_S = 300.0
CODES_MAX = 100  # Beyond, the oldest are good for nothing any more.


class Codes:
    """Given out and taken on this node, and forgotten when it stops."""

    def __init__(self, *, clock: Clock, ids: IdSource) -> None:
        self._clock, self._ids = clock, ids
        self._held: dict[bytes, tuple[bytes, float]] = {}  # hash -> token's hash, until

    def give(self, token: bytes) -> str:
        """Make a code for who holds the token with this hash."""
        code = self._ids.secret()
        self._held[hash_of(code)] = (token, self._clock.monotonic() + GOOD_S)
        while len(self._held) > CODES_MAX:
            self._held.pop(next(iter(self._held)))
        return code

    def take(self, code: str) -> bytes | None:
        """Give the hash of the token a code is for; it is good once, and not for long."""
        token, until = self._held.pop(hash_of(code), (None, 0.0))
        return token if self._clock.monotonic() <= until else None
