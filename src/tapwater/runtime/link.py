"""The way to the host for a guest that does one thing at a time: blocking reads and writes."""

import array
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from copy import copy

from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.claims import Claims
from tapwater.runtime.invoke_view import InvokeView
from tapwater.runtime.wire import Decoder, Frame, Kind, WireError

GONE = "the platform has closed the connection"
_READ_BYTES = 64 << 10
_INVOKE = int(Kind.INVOKE)


class BlockingLink:
    """Reads for whoever waits: the main loop between calls, the running call during one."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(True)
        self._socket = sock
        self._decoder = Decoder()
        self._calls: deque[Call] = deque()  # arrived, not yet begun
        self._changed = threading.Condition()  # a handler may have threads that ask
        self._reading = self._shared = False
        self._thread = threading.get_ident()
        self._writing = threading.Lock()
        self._greeted = False
        self.claims = Claims()
        self.current: Call | None = None
        self.stopping = False
        self.closed = False
        self.crowded = False

    def hand_over(self) -> tuple[socket.socket, Decoder, list[Call]]:
        """Give socket, decoder and calls not yet begun to a link of the other kind."""
        waiting = [call for call in self._calls if self.has(call)]
        self._calls.clear()
        return self._socket, self._decoder, waiting

    def has(self, call: Call) -> bool:
        """Whether a call may be begun here, and not the host has taken it back: another instance
        had time sooner. To be asked once.
        """
        invoke = call.invoke
        return not invoke.ahead or self.claims.take(call.number, invoke.pipe)

    def next_call(self) -> Call | None:
        """Wait for the next call; None: there will be no more."""
        while not self._calls:
            if self.stopping or self.closed:
                return None
            if self._shared:
                self._read_beside_threads()
            else:
                self._pump(0)
        return self._calls.popleft()

    def send(self, frame: bytes) -> None:
        try:
            with self._writing:
                self._socket.sendall(frame)
        except OSError:
            self._close()

    def wait(self, call: Call, until: Callable[[], bool]) -> None:
        """One of the threads that wait reads for all of them; the others hear of it."""
        self._shared = self._shared or threading.get_ident() != self._thread
        with self._changed:
            while not until():
                if self.closed or call is not self.current:
                    raise CallerGone(GONE if self.closed else "the call is over")
                if self._reading:
                    self._changed.wait()
                else:
                    self._read_for_all()

    async def wait_async(self, call: Call, until: Callable[[], bool]) -> None:
        self.wait(call, until)

    def blocks_others(self) -> bool:
        """Never: there is no loop here."""
        return False

    def pump(self, until: Callable[[], bool]) -> None:
        """Nobody is asked to: see blocks_others()."""
        raise AssertionError("there is no loop here")

    @property
    def writable(self) -> bool:
        """Always: send() waits."""
        return True

    def hold_reading(self, *, hold: bool) -> None:
        """Nothing is read here unless somebody waits for it."""

    def look(self) -> None:
        if self._changed.acquire(blocking=False):
            try:
                if not self._reading:
                    self._pump(socket.MSG_DONTWAIT)
            finally:
                self._changed.release()

    def peek(self) -> None:
        """Look for a PROFILE among what has come, and leave all of it there.

        Called in the middle of anything, by a signal: so nothing is taken in, and nobody who is
        about to read is deceived. The same frame does nothing when its turn comes.
        """
        try:
            data = self._socket.recv(_READ_BYTES, socket.MSG_PEEK | socket.MSG_DONTWAIT)
            frames = copy(self._decoder).feed(data)
        except (OSError, WireError):
            return  # Nothing is there; or it is being read just now, and its turn comes anyway.
        for kind, _, payload in frames:
            if kind == Kind.PROFILE:
                profile(payload)

    def _read_beside_threads(self) -> None:
        """A thread that outlived its call may be reading still: then it reads for us, too."""
        with self._changed:
            if self._reading:
                self._changed.wait()
            elif not self._calls:
                self._read_for_all()

    def _read_for_all(self) -> None:
        """Read once, without holding the lock meanwhile."""
        self._reading = True
        self._changed.release()
        try:
            self._pump(0)
        finally:
            self._changed.acquire()
            self._reading = False
            self._changed.notify_all()

    def _pump(self, flags: int) -> None:
        try:
            data = (self._socket.recv if self._greeted else self._greet)(_READ_BYTES, flags)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close()
            return
        for frame in self._decoder.feed(data):
            self._route(frame)

    def _greet(self, size: int, flags: int) -> bytes:
        """Read for the first time: the pipe for claims comes with it, if it comes."""
        room = socket.CMSG_SPACE(2 * array.array("i").itemsize)
        data, beside, _, _ = self._socket.recvmsg(size, room, flags | socket.MSG_CMSG_CLOEXEC)
        self._greeted = True
        for level, kind, content in beside:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                self.claims.fds = tuple(array.array("i", content[:8]))
        return data

    def _close(self) -> None:
        self.closed = True
        if self.current is not None:
            self.current.cancelled = GONE

    def _route(self, frame: Frame) -> None:
        kind, number, payload = frame
        if kind == _INVOKE:
            invoke = InvokeView(payload)
            # The host sends a second call only where it thinks several fit, or ahead of time. What
            # came ahead and is not begun when another comes was taken back: it is no second one.
            if not invoke.ahead and not self.crowded:
                begun = self.current is not None
                self.crowded = begun or any(not call.invoke.ahead for call in self._calls)
            self._calls.append(Call(number, invoke, self, time.monotonic()))
        elif kind == Kind.STOP:
            self.stopping = True
        elif kind == Kind.PROFILE:
            profile(payload)
        elif self.current is not None and self.current.number == number:
            self.current.take(kind, payload)
        else:
            for call in self._calls:
                if call.number == number:
                    call.take(kind, payload)
            # The rest belongs to calls that are over: the host had not heard yet.


def profile(payload: bytes) -> None:
    """Begin or end looking at the stacks of calls; only who is asked to loads what that takes."""
    from tapwater.runtime import profiling

    profiling.begin(payload)
