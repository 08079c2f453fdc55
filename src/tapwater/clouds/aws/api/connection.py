"""One connection of a client of the Runtime API: requests in, one answer each out."""

import asyncio
from collections.abc import Mapping
from typing import Protocol, cast

from tapwater.clouds.aws.api.http1 import Data, End, Head, HttpError, Parser, write


class Taker(Protocol):
    """Takes one request, as it comes."""

    def data(self, data: bytes) -> None: ...

    def end(self, trailers: Mapping[str, str]) -> None: ...

    def lost(self) -> None:
        """Its client has gone before the end."""
        ...


class Desk(Protocol):
    """Says who takes which request."""

    def arrived(self, connection: "Connection") -> bool:
        """A client is there; False: it must go."""
        ...

    def take(self, head: Head, connection: "Connection") -> Taker: ...

    def left(self, connection: "Connection") -> None:
        """A client has gone."""
        ...


class Connection(asyncio.Protocol):
    """The protocol of one connection. asyncio sets TCP_NODELAY."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._parser = Parser()
        self._taker: Taker | None = None
        self._keep = True
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client is there."""
        self._transport = cast(asyncio.Transport, transport)
        if not self._desk.arrived(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """It says something."""
        try:
            for part in self._parser.feed(data):
                self._take(part)
        except HttpError as error:
            self.answer(400, {}, str(error).encode())
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._transport = None
        taker, self._taker = self._taker, None
        if taker is not None:
            taker.lost()
        self._desk.left(self)

    def answer(self, status: int, headers: Mapping[str, str], body: bytes = b"") -> None:
        """Answer the request that has come."""
        if self._transport is not None:
            self._transport.write(write(status, headers, body, keep=self._keep))
            if not self._keep:
                self.close()

    def pause(self, *, paused: bool) -> None:
        """Read no further for a while, or go on."""
        if self._transport is None:
            return
        if paused:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def _take(self, part: Head | Data | End) -> None:
        if isinstance(part, Head):
            self._keep = part.keep
            if part.headers.get("expect", "").lower() == "100-continue" and self._transport:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._taker = self._desk.take(part, self)
        elif self._taker is not None and isinstance(part, Data):
            self._taker.data(part.data)
        elif self._taker is not None and isinstance(part, End):
            taker, self._taker = self._taker, None
            taker.end(part.trailers)
