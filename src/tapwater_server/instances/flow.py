"""Credit windows of one call's streamed bodies, both directions. Pure: bytes in, frames out."""

from collections import deque

from tapwater.runtime.wire import WINDOW_BYTES, WireError, pack_body

PIECE_BYTES_MAX = 64 << 10  # A larger piece of body would hold up other calls' frames.


class SendWindow:
    """The request's body on its way to a guest that takes ``WINDOW_BYTES`` at a time.

    Before the call has a seat there is no credit, and what is pushed waits here.
    """

    __slots__ = ("_call", "_left", "_waiting", "sent_bytes")

    def __init__(self) -> None:
        self._call = 0
        self._left = 0
        self._waiting: deque[tuple[bytes, bool]] = deque()
        self.sent_bytes = 0

    @property
    def open(self) -> bool:
        """Whether everything pushed has left."""
        return not self._waiting

    def begin(self, call: int) -> bytes:
        """The call has its seat and its number: the first window."""
        self._call = call
        return self.grant(WINDOW_BYTES)

    def push(self, data: bytes, *, last: bool) -> bytes:
        """Take a piece of body; give the frames that may leave now."""
        for at in range(0, len(data), PIECE_BYTES_MAX):
            self._waiting.append((data[at : at + PIECE_BYTES_MAX], False))
        if last:
            self._waiting.append((b"", True))
        return self._leave()

    def grant(self, count: int) -> bytes:
        """Take credit from the guest; give the frames that may leave now."""
        # A guest that grants without end gains nothing: the ceiling keeps the number small.
        self._left = min(self._left + count, 16 * WINDOW_BYTES)
        return self._leave()

    def _leave(self) -> bytes:
        frames: list[bytes] = []
        while self._waiting and self._left >= len(self._waiting[0][0]):
            data, last = self._waiting.popleft()
            self._left -= len(data)
            self.sent_bytes += len(data)
            frames.append(pack_body(self._call, data, last=last))
        return b"".join(frames)


class ReceiveWindow:
    """The answer's body on its way from a guest, who may not send more than it has credit for."""

    __slots__ = ("_credit", "_due", "paused", "received_bytes")

    def __init__(self) -> None:
        self._credit = WINDOW_BYTES
        self._due = 0  # taken by the caller, not yet granted again
        self.paused = False
        self.received_bytes = 0

    def take(self, size: int, *, counted: bool = True) -> None:
        """Note that ``size`` bytes came. The first piece, inside RESULT, is not counted.

        Raises:
            WireError: the guest had no credit for them.
        """
        self.received_bytes += size
        self._due += size
        if counted:
            self._credit -= size
            if self._credit < 0:
                raise WireError(f"{-self._credit} bytes of body more than there was credit for")

    def credit(self) -> int:
        """Say how much to grant now: nothing while paused or below half a window."""
        if self.paused or self._due < WINDOW_BYTES // 2:
            return 0
        due, self._due = self._due, 0
        self._credit += due
        return due
