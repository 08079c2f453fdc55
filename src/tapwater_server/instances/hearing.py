"""What a guest says, frame by frame, and never so much at once that others have to wait."""

import asyncio
from collections.abc import Callable, Sequence

from tapwater.runtime.wire import Decoder, Frame, Kind, WireError
from tapwater_server.instances.flood import Bucket

# Of one guest; then the others have their turn. 30,000 small frames fit into one read, and took a
# third of a second each time.
FRAMES_AT_ONCE = 64
CHATTER_FRAMES = 20_000  # frames that say nothing, at once and per second: beyond it is a flood


class Hearing:
    """Cuts what comes into frames, in portions."""

    __slots__ = ("_chatter", "_decoder", "_monotonic", "_slow", "full")

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._decoder = Decoder()
        self._chatter = Bucket(burst=CHATTER_FRAMES, per_s=CHATTER_FRAMES)
        self._slow = False  # we have stopped reading until all portions are done
        self.full = False  # the last portion was a whole one: there may be more

    def take(self, data: bytes) -> Sequence[Frame]:
        """Give the next portion.

        Raises:
            WireError: a frame cannot be one, or there are too many that say nothing.
        """
        frames = self._decoder.feed(data, most=FRAMES_AT_ONCE)
        self.full = len(frames) == FRAMES_AT_ONCE
        chatter = 0
        for kind, _, payload in frames:
            chatter += kind == Kind.WINDOW or len(payload) < 2
        if chatter and not self._chatter.pour(chatter, now=self._monotonic()):
            raise WireError(f"a flood of frames: more than {CHATTER_FRAMES} that say nothing")
        return frames

    def pace(self, transport: asyncio.Transport | None, again: Callable[[bytes], None]) -> None:
        """Let others have their turn before the next portion, if there is one."""
        if transport is None or transport.is_closing() or not (self.full or self._slow):
            return
        if self.full and not self._slow:
            transport.pause_reading()
        elif not self.full:
            transport.resume_reading()
        self._slow = self.full
        if self.full:
            asyncio.get_running_loop().call_soon(again, b"")
