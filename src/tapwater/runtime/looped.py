"""Serve several calls at a time on one loop: async handlers as tasks, plain ones on threads."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable

from tapwater.runtime.call import Call
from tapwater.runtime.invoke_view import InvokeView
from tapwater.runtime.link import GONE
from tapwater.runtime.wire import Decoder, Kind

UNREAD_BYTES_MAX = 1 << 20  # of messages a WebSocket's handler has not taken yet

Serve = Callable[[Call], None]


class LoopLink(asyncio.Protocol):
    """The way to the host on a loop. Other threads may send and wait, too."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._transport: asyncio.Transport | None = None
        self._changed = threading.Condition()
        self._sleepers = 0
        self._full = False
        self._serve: Serve | None = None
        self._early: list[Call] = []
        self.calls: dict[int, Call] = {}
        self.stopping = False
        self.over: asyncio.Future[None] = self._loop.create_future()

    def begin(self, serve: Serve, waiting: list[Call]) -> None:
        """From now on calls are served; first those that came before."""
        self._serve = serve
        for call in waiting:
            call.link = self
            self.calls[call.number] = call
        for call in [*waiting, *self._early]:
            serve(call)
        self._early.clear()

    # What the loop tells.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for kind, number, payload in self._decoder.feed(data):
            call = self.calls.get(number)
            if kind == Kind.INVOKE:
                self._invoke(number, payload)
            elif kind == Kind.STOP:
                self.stop()
            elif call is not None:
                call.take(kind, payload)
                self._wake(call)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        for call in list(self.calls.values()):
            self._wake(call)

    def connection_lost(self, error: Exception | None) -> None:
        for call in list(self.calls.values()):
            call.cancelled = GONE
            self._wake(call)
        if not self.over.done():
            self.over.set_result(None)

    # What calls want.

    @property
    def writable(self) -> bool:
        """Whether the host takes what we send."""
        return not self._full

    def send(self, frame: bytes) -> None:
        assert self._transport is not None
        if threading.get_ident() == self._thread:
            self._transport.write(frame)
        else:
            self._loop.call_soon_threadsafe(self._transport.write, frame)

    def wait(self, call: Call, until: Callable[[], bool]) -> None:
        if threading.get_ident() == self._thread:
            raise RuntimeError("this would block the loop: await it in an async handler")
        with self._changed:
            self._sleepers += 1
            try:
                self._changed.wait_for(until)
            finally:
                self._sleepers -= 1

    async def wait_async(self, call: Call, until: Callable[[], bool]) -> None:
        while not until():
            future = self._loop.create_future()
            call.waiters.append(future)
            await future

    def look(self) -> None:
        """The loop reads all the time."""

    def finished(self, call: Call) -> None:
        """Nothing more will be said about the call."""
        self.calls.pop(call.number, None)
        if self.stopping and not self.calls and not self.over.done():
            self.over.set_result(None)

    def stop(self) -> None:
        """Finish what is running, then be over."""
        self.stopping = True
        if not self.calls and not self.over.done():
            self.over.set_result(None)

    def hold_reading(self, *, hold: bool) -> None:
        """Leave the host's frames in the socket for a while, or not any more."""
        if self._transport is not None and not self._transport.is_closing():
            if hold:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def _invoke(self, number: int, payload: bytes) -> None:
        call = self.calls[number] = Call(number, InvokeView(payload), self, time.monotonic())
        if self._serve is None:
            self._early.append(call)
        else:
            self._serve(call)

    def _wake(self, call: Call) -> None:
        if call.unread_bytes > UNREAD_BYTES_MAX:
            self.hold_reading(hold=True)
        if call.cancelled is not None and call.on_cancel is not None:
            call.on_cancel()
        waiters, call.waiters = call.waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._sleepers:
            with self._changed:
                self._changed.notify_all()


async def open_link(sock: socket.socket, decoder: Decoder) -> LoopLink:
    """Put the socket on the running loop."""
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    _, link = await loop.create_unix_connection(lambda: LoopLink(decoder), sock=sock)
    return link
