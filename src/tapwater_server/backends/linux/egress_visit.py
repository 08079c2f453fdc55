"""A connection from a function to a door of the platform's own: served here, forwarded nowhere."""

import asyncio
from collections.abc import Callable
from typing import cast


class Visit(asyncio.Protocol):
    """Stands between the transport and the door's protocol, and counts. ``closed`` is told once.

    What passes has not left the node: it counts for no bill of the way out.
    """

    bytes_out = bytes_in = 0
    half_closed = False

    def __init__(
        self,
        host: asyncio.Protocol,
        *,
        now: Callable[[], float],
        closed: Callable[["Visit"], None],
    ) -> None:
        self._host, self._now, self._closed = host, now, closed
        self._transport: asyncio.Transport | None = None
        self.active_at = now()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody is at the door."""
        self._transport = cast(asyncio.Transport, transport)
        self._host.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self.active_at = self._now()
        self._host.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return self._host.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        self._host.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self.active_at = self._now()
        self._host.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._transport = None
        self._host.connection_lost(exc)
        self._closed(self)

    def abort(self) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.abort()
