"""Calls that were sent ahead: which of them may be begun, and which the host has taken back.

The host puts a call's number into a pipe before it sends the call, and takes it out again to give
the call to somebody else. Whoever reads the number has the call: the kernel decides, once. There
are two pipes: while the claim of one call may still be unread, that of the next is in the other.
"""

import os

_NUMBER_BYTES = 4


class Claims:
    """The reading ends of the pipes."""

    __slots__ = ("_held", "fds")

    def __init__(self) -> None:
        self.fds: tuple[int, ...] = ()
        self._held = [-1, -1]  # the last number read, perhaps of a call that comes later

    def take(self, number: int, pipe: int) -> bool:
        """Claim a call; False: it is not ours any more."""
        if self._held[pipe] != number and self.fds:
            try:
                self._held[pipe] = int.from_bytes(os.read(self.fds[pipe], _NUMBER_BYTES), "little")
            except BlockingIOError:
                return False
        return self._held[pipe] == number
