"""The call that a busy instance is given ahead of time, and how it can be taken back.

A guest that finds the next call in its socket goes on without falling asleep, and nobody has to
wake it: under load that is a fifth of the cost of a short call. But a call must never be stuck
behind another that takes long. So the guest may begin it only by reading its number from a pipe
of ours, and we take the call back by reading that number first: the kernel says who was first.
"""

import json
import os
import socket
from collections.abc import Sequence

from tapwater.runtime.wire import AHEAD, SECOND, Kind, WireError, pack, pack_claim
from tapwater_server.instances.call import CallInProgress

HELD_S_MAX = 0.005  # Behind a call that runs for longer, nobody is kept.
_NUMBER_BYTES = 4
_GREETING = pack(Kind.AHEAD, 0)


class Ahead:
    """At most one call, sent and not begun as far as we know. Close it with the instance."""

    __slots__ = ("_pipes", "_turn", "call", "welcome")

    def __init__(self) -> None:
        self.call: CallInProgress | None = None
        self.welcome = False  # the guest has said that it can
        # Two: the claim of the call before may be unread when the next is sent, and who takes
        # that one back must not take the other's. So it is the other's turn when the guest has
        # the call; one that was taken back has left its pipe empty, and the next uses it again.
        self._pipes: Sequence[tuple[int, int]] = ()
        self._turn = 0

    def greet(self, sock: socket.socket) -> None:
        """Give the guest the pipes. Must come before anything else is sent."""
        flags = os.O_NONBLOCK | os.O_CLOEXEC
        self._pipes = (os.pipe2(flags), os.pipe2(flags))
        socket.send_fds(sock, [_GREETING], [ends[0] for ends in self._pipes])

    def hear(self, hello: bytes) -> None:
        """Read the guest's greeting: does it take calls ahead?

        Raises:
            WireError: it cannot be read.
        """
        try:
            self.welcome = json.loads(hello).get("ahead") is True
        except (ValueError, AttributeError, RecursionError) as error:
            raise WireError("a greeting that cannot be read") from error

    def offer(self, call: CallInProgress) -> int:
        """Let the guest begin this call, as soon as it gets to it; give the flags to send it with.

        Send it after this: a guest that finds no claim passes the call over.
        """
        assert self.call is None
        os.write(self._pipes[self._turn][1], pack_claim(call.number))
        self.call = call
        return AHEAD | SECOND if self._turn else AHEAD

    def take(self) -> CallInProgress | None:
        """Give up the call that is held, if there is one: it is the guest's, to run it now."""
        call, self.call = self.call, None
        if call is not None:
            self._turn ^= 1
        return call

    def take_back(self) -> CallInProgress | None:
        """Give the call that the guest will not begin any more; None: it has begun it."""
        if self.call is None:
            return None
        try:
            os.read(self._pipes[self._turn][0], _NUMBER_BYTES)
        except BlockingIOError:
            return None
        call, self.call = self.call, None
        return call

    def close(self) -> None:
        """Let go of the pipes."""
        pipes, self._pipes = self._pipes, ()
        for end in (end for ends in pipes for end in ends):
            os.close(end)
