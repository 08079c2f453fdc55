"""Two TCP connections joined: what comes in here goes out there, no faster than it can."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import cast

BUFFER_BYTES_MAX = 256 << 10  # Held per direction while the receiver is slow.
_RESET = struct.pack("ii", 1, 0)


def reset(sock: socket.socket) -> None:
    """Close so that the other end sees a reset and not an end: this was no success."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    sock.close()


class Pipe:
    """Both sides of one forwarded connection, with what passed. ``closed`` is told once."""

    __slots__ = ("_closed", "_now", "active_at", "bytes_in", "bytes_out", "inner", "outer")

    def __init__(self, *, now: Callable[[], float], closed: Callable[["Pipe"], None]) -> None:
        self._now = now
        self._closed: Callable[[Pipe], None] | None = closed
        self.bytes_out = 0  # from the function to the world
        self.bytes_in = 0
        self.active_at = now()
        self.inner = Side(self)
        self.outer = Side(self)
        self.inner.peer, self.outer.peer = self.outer, self.inner

    @property
    def half_closed(self) -> bool:
        return self.inner.ended or self.outer.ended

    def passed(self, side: "Side", size: int) -> None:
        """Count bytes that a side has received."""
        self.active_at = self._now()
        if side is self.inner:
            self.bytes_out += size
        else:
            self.bytes_in += size

    def lost(self) -> None:
        """Hear that a side is gone; when both are, the pipe is."""
        if self.inner.gone and self.outer.gone and self._closed is not None:
            closed, self._closed = self._closed, None
            closed(self)

    def abort(self) -> None:
        """End it now, both ways."""
        for side in (self.inner, self.outer):
            side.abort()


class Side(asyncio.Protocol):
    """One of the two connections. What comes before the other one stands is kept, and no more
    is read."""

    __slots__ = ("_early", "_pipe", "_transport", "ended", "gone", "peer")

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        self._transport: asyncio.Transport | None = None
        self._early: list[bytes] = []
        self.peer: Side = self
        self.ended = False  # It has sent all it will send.
        self.gone = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not isinstance: uvloop's transports are no subclass of asyncio's.
        joined = self._transport = cast(asyncio.Transport, transport)
        if self.gone:  # The other side failed while this one was being made.
            joined.abort()
            return
        joined.set_write_buffer_limits(high=BUFFER_BYTES_MAX)
        peer = self.peer
        for data in peer._early:
            joined.write(data)
        if peer._early and peer._transport is not None:
            peer._early.clear()
            peer._transport.resume_reading()
        if peer.gone:
            joined.close()
        elif peer.ended:
            joined.write_eof()

    def data_received(self, data: bytes) -> None:
        self._pipe.passed(self, len(data))
        other = self.peer._transport
        if other is not None:
            other.write(data)
            return
        if not self._early and self._transport is not None:
            self._transport.pause_reading()
        self._early.append(data)

    def eof_received(self) -> bool:
        self.ended = True
        other = self.peer._transport
        if other is not None and not self.peer.gone:
            other.write_eof()
        if self.peer.ended:
            self._close()
            self.peer._close()
        return True  # Keep the other direction open.

    def pause_writing(self) -> None:
        if self.peer._transport is not None and not self.peer.gone:
            self.peer._transport.pause_reading()

    def resume_writing(self) -> None:
        if self.peer._transport is not None and not self.peer.gone:
            self.peer._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone = True
        if exc is not None:
            self.peer.abort()
        else:
            self.peer._close()
        self._pipe.lost()

    def _close(self) -> None:
        if self._transport is not None and not self.gone:
            self._transport.close()  # After what is still to be written.

    def abort(self) -> None:
        """Reset the connection; nothing if it is gone or never was."""
        if self._transport is None:
            self.gone = True
            return
        if self.gone:
            return
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()
