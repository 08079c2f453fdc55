"""Serve several calls at a time on one loop: async handlers as tasks, plain ones on threads."""

import asyncio
import contextlib
import select
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from tapwater.runtime.call import UNREAD_BYTES_MAX, Call
from tapwater.runtime.claims import Claims
from tapwater.runtime.invoke_view import InvokeView
from tapwater.runtime.link import GONE, profile
from tapwater.runtime.wire import Decoder, Frame, Kind

_READ_BYTES = 64 << 10
_UNSENT_BYTES_HIGH, _UNSENT_BYTES_LOW = 64 << 10, 16 << 10  # The host is slow from, until.
_GOODBYE_S = 0.2

Serve = Callable[[Call], None]


class LoopLink:
    """The way to the host on a loop. Other threads may send and wait, too.

    It reads and writes the socket itself, not through a transport of the loop's: a call that asks
    a service without awaiting must be able to, on the loop's own thread, while the loop stands.
    """

    def __init__(self, sock: socket.socket, decoder: Decoder, claims: Claims) -> None:
        self._socket = sock
        self._decoder, self._claims = decoder, claims
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._changed = threading.Condition()
        self._sleepers = 0
        self._arrived: deque[Frame] = deque()  # read, and not yet routed
        self._unsent = bytearray()
        self._full = self._gone = self._held = False
        self._serve: Serve | None = None
        self._early: list[Call] = []
        self.calls: dict[int, Call] = {}
        self.stopping = False
        self.over: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(sock, self._readable)

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

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        try:
            self._arrived.extend(self._decoder.feed(data))
            # A call that begins here may already read on, so each frame is taken off first.
            while self._arrived:
                self._route(*self._arrived.popleft())
        except Exception:
            self._lost()
            raise

    def _writable(self) -> None:
        sent = self._send_some(self._unsent)
        del self._unsent[:sent]
        if not self._unsent and not self._gone:
            self._loop.remove_writer(self._socket)
        if self._full and len(self._unsent) <= _UNSENT_BYTES_LOW:
            self._full = False
            for call in list(self.calls.values()):
                self._wake(call)

    def _route(self, kind: int, number: int, payload: bytes) -> None:
        call = self.calls.get(number)
        if kind == Kind.INVOKE:
            self._invoke(number, payload)
        elif kind == Kind.STOP:
            self.stop()
        elif kind == Kind.PROFILE:
            profile(payload)
        elif call is not None:
            call.take(kind, payload)
            self._wake(call)

    def _lost(self) -> None:
        """The host is gone: nobody waits for any of these calls."""
        self._forget_socket()
        for call in list(self.calls.values()):
            call.cancelled = GONE
            self._wake(call)
        if not self.over.done():
            self.over.set_result(None)

    def _forget_socket(self) -> None:
        if not self._gone:
            self._gone = True
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    def _write(self, frame: bytes) -> None:
        if self._gone:
            return
        if not self._unsent:
            frame = frame[self._send_some(frame) :]
            if not frame or self._gone:
                return
            self._loop.add_writer(self._socket, self._writable)
        self._unsent += frame
        self._full = len(self._unsent) > _UNSENT_BYTES_HIGH

    def _send_some(self, data: bytes | bytearray) -> int:
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            self._lost()
            return len(data)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Where tasks wait, for who looks at them."""
        return self._loop

    # What calls want.

    @property
    def writable(self) -> bool:
        """Whether the host takes what we send."""
        return not self._full

    def send(self, frame: bytes) -> None:
        if threading.get_ident() == self._thread:
            self._write(frame)
        else:
            self._loop.call_soon_threadsafe(self._write, frame)

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

    def blocks_others(self) -> bool:
        return threading.get_ident() == self._thread

    def pump(self, until: Callable[[], bool]) -> None:
        """Wait on the loop's own thread: read and write in its stead until it is true.

        Meanwhile nothing else runs on the loop; what arrives for others waits for it.
        """
        waiting = select.poll()
        while not until() and not self._gone:
            waiting.register(self._socket, select.POLLIN | (select.POLLOUT if self._unsent else 0))
            for _, happened in waiting.poll():
                if happened & select.POLLOUT:
                    self._writable()
                if happened & ~select.POLLOUT and not self._gone:
                    self._readable()

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
        if self._gone or hold == self._held:
            return
        self._held = hold
        if hold:
            self._loop.remove_reader(self._socket)
        else:
            self._loop.add_reader(self._socket, self._readable)

    def close(self) -> None:
        """Send what is left, as far as the host takes it soon, and hang up."""
        self._forget_socket()
        if self._unsent:
            self._socket.settimeout(_GOODBYE_S)
            with contextlib.suppress(OSError):
                self._socket.sendall(self._unsent)
        self._socket.close()

    def _invoke(self, number: int, payload: bytes) -> None:
        invoke = InvokeView(payload)
        if invoke.ahead and not self._claims.take(number, invoke.pipe):
            return  # The host has taken it back.
        call = self.calls[number] = Call(number, invoke, self, time.monotonic())
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


def open_link(sock: socket.socket, decoder: Decoder, claims: Claims) -> LoopLink:
    """Put the socket on the running loop."""
    sock.setblocking(False)
    return LoopLink(sock, decoder, claims)
