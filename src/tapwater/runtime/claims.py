"""Calls that were sent ahead: which of them may be begun, and which the host has taken back.

The host puts a call's number into a pipe before it sends the call, and takes it out again to give
the call to somebody else. Whoever reads the number has the call: the kernel decides, once.
"""

import os

_NUMBER_BYTES = 4


class Claims:
    """The reading end of that pipe."""

    __slots__ = ("_held", "fd")

    def __init__(self) -> None:
        self.fd = -1
        self._held = -1  # read, and for a call that comes later

    def take(self, number: int) -> bool:
        """Claim a call; False: it is not ours any more."""
        if self._held != number and self.fd >= 0:
            try:
                self._held = int.from_bytes(os.read(self.fd, _NUMBER_BYTES), "little")
            except BlockingIOError:
                return False
        return self._held == number
