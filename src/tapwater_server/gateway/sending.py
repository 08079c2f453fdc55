"""Sends a file: small ones at once, large ones in pieces read on a thread, as fast as they go."""

import asyncio
from typing import BinaryIO

from tapwater_server.gateway.errors import JSON_TYPE, problem
from tapwater_server.gateway.exchange import Exchange
from tapwater_server.gateway.files import File, Span, asked_span, unchanged
from tapwater_server.gateway.tasks import Tasks
from tapwater_server.model.invocation import Ending, Headers, Outcome, Usage
from tapwater_server.ports.invoker import Call, Resumed

SMALL_BYTES_MAX = 64 << 10  # Read on the loop: faster than asking a thread to.
PIECE_BYTES = 128 << 10


def send_file(exchange: Exchange, *, file: File, tasks: Tasks) -> Call | None:
    """A plan: answer a GET or HEAD with a file."""
    headers: Headers = [
        (b"etag", file.etag),
        (b"last-modified", file.modified),
        (b"cache-control", b"public, max-age=0, must-revalidate"),
    ]
    if unchanged(file, exchange.seen):
        exchange.say(304, headers, b"")
        return None
    try:
        span = asked_span(file, exchange.seen)
    except ValueError:
        said = [JSON_TYPE, (b"content-range", b"bytes */%d" % file.size)]
        exchange.say(416, said, problem("range", "The file has no such bytes."))
        return None
    headers += [
        (b"content-type", file.content_type),
        (b"accept-ranges", b"bytes"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if span is not None:
        shown = b"bytes %d-%d/%d" % (span.start, span.end - 1, file.size)
        headers.append((b"content-range", shown))
    return _send(exchange, file, span, headers, tasks)


def _send(
    exchange: Exchange, file: File, span: Span | None, headers: Headers, tasks: Tasks
) -> Call | None:
    status = 200 if span is None else 206
    start, end = span or Span(0, file.size)
    headers.append((b"content-length", b"%d" % (end - start)))
    if exchange.method == b"HEAD":
        exchange.say(status, headers, b"")
        return None
    if end - start <= SMALL_BYTES_MAX:
        with open(file.path, "rb") as opened:
            exchange.say(status, headers, _read(opened, start, end - start))
        return None
    sending = Sending(exchange)
    exchange.answered(status, headers, None)
    tasks.start(sending.run(file.path, Span(start, end)))
    return sending


def _open(path: str) -> BinaryIO:
    return open(path, "rb")


def _read(opened: BinaryIO, start: int, size: int) -> bytes:
    opened.seek(start)
    return opened.read(size)


class Sending:
    """A file on its way. To the exchange it is a call like any other."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._room = asyncio.Event()
        self._gone = False

    async def run(self, path: str, span: Span) -> None:
        """Read and send until the end, or until nobody listens."""
        ending = Ending.BROKEN
        try:
            opened = await asyncio.to_thread(_open, path)
            with opened:
                await self._pump(opened, span)
            ending = Ending.OK
        finally:
            self._exchange.ended(Outcome(ending=ending, usage=Usage()))

    async def _pump(self, opened: BinaryIO, span: Span) -> None:
        at = span.start
        while at < span.end and not self._gone:
            size = min(PIECE_BYTES, span.end - at)
            piece = await asyncio.to_thread(_read, opened, at, size)
            if len(piece) != size:
                raise OSError("the file is shorter than it was")
            at += size
            self._room.clear()
            if not self._exchange.body(piece):
                await self._room.wait()

    # See ports.invoker.Call. A GET has no body worth reading.

    def feed(self, data: bytes, *, last: bool) -> bool:
        return True

    def send(self, message: str | bytes) -> bool:
        return True

    def when_writable(self, resumed: Resumed) -> None: ...

    def resume(self) -> None:
        self._room.set()

    def cancel(self, reason: str) -> None:
        self._gone = True
        self._room.set()
