"""W3C trace context: an incoming ``traceparent`` that is valid goes on, otherwise one is made."""

import re
from hashlib import blake2b
from itertools import count

from tapwater_server.ports.ids import IdSource

_VALID = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?"
)


def is_traceparent(value: bytes) -> bool:
    """Say whether a header's value is one (https://www.w3.org/TR/trace-context/).

    >>> is_traceparent(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    True
    """
    return _VALID.fullmatch(value) is not None and (value[:2] != b"00" or len(value) == 55)


class Traces:
    """Makes traceparents that no other door makes: chance once, then counting.

    Drawing 24 random bytes for every request would cost more than routing it.
    """

    def __init__(self, ids: IdSource) -> None:
        drawn = blake2b(ids.secret().encode(), digest_size=8).hexdigest()
        self._before = f"00-{drawn}".encode()
        self._numbers = count(1)

    def fresh(self) -> bytes:
        """Give a new one, marked as sampled: every invocation is written down."""
        number = next(self._numbers)
        return b"%b%016x-%016x-01" % (self._before, number, number)
