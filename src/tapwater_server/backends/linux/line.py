"""The platform's end of a zygote's control socket: messages without blocking the loop."""

import array
import asyncio
import os
import socket
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from tapwater.runtime.channel import ChannelError, Messages, pack
from tapwater_server.model.errors import StartFailed

UNSENT_BYTES_MAX = 16 << 20  # A zygote that does not read this long is broken.
_READ_BYTES = 256 << 10
_HEARSAY_READ_BYTES = 16 << 10  # So many small messages take 10 ms to read; 256 KiB took 300.
UNASKED_MAX = 1024  # Beyond two for each of ours: a zygote also tells of whom it reaped.
_FDS_SPACE = socket.CMSG_SPACE(128 * array.array("i").itemsize)

Heard = Callable[[dict[str, Any]], None]


class Line:
    """Messages both ways on one socket. What comes is hearsay, except while ``trusting``.

    Only while ``trusting`` (before user code runs on the other end) are descriptors taken;
    afterwards the kernel throws away what is sent along.
    """

    def __init__(self, sock: socket.socket, *, heard: Heard, ended: Callable[[str], None]) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._heard, self._ended = heard, ended
        self._messages = Messages()
        self._unsent: deque[tuple[bytes, list[int]]] = deque()
        self._unsent_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._unasked = 0
        self.trusting = True
        self.fds: list[int] = []
        self._loop.add_reader(sock.fileno(), self._read)

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send a message with descriptors beside it; they are closed here once they are sent.

        Raises:
            StartFailed: the other end has gone, or does not read.
        """
        data = pack(message | {"fds": len(fds)} if fds else message)
        self._unasked = max(0, self._unasked - 2)
        self._unsent.append((data, list(fds)))
        self._unsent_bytes += len(data)
        if not self._open or self._unsent_bytes > UNSENT_BYTES_MAX:
            self.close()
            raise StartFailed("the zygote has gone" if self._open else "the zygote does not listen")
        if len(self._unsent) == 1:
            self._write()

    def close(self) -> None:
        """Hang up."""
        if self._open:
            self._open = False
            self._loop.remove_reader(self._sock.fileno())
            self._loop.remove_writer(self._sock.fileno())
            self._sock.close()
        for _, fds in self._unsent:
            _close_all(fds)
        self._unsent.clear()
        _close_all(self.fds)
        self.fds = []

    def _write(self) -> None:
        while self._unsent:
            data, fds = self._unsent[0]
            try:
                sent = socket.send_fds(self._sock, [data], fds) if fds else self._sock.send(data)
            except BlockingIOError:
                self._loop.add_writer(self._sock.fileno(), self._write)
                return
            except OSError as error:
                self._end(f"it cannot be written to: {error}")
                return
            _close_all(fds)
            self._unsent_bytes -= sent
            if sent < len(data):
                self._unsent[0] = (data[sent:], [])
            else:
                self._unsent.popleft()
        self._loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        try:
            data = self._receive() if self.trusting else self._sock.recv(_HEARSAY_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end(str(error))
            return
        if not data:
            self._end("it has hung up")
            return
        try:
            messages = self._messages.feed(data)
        except ChannelError as error:
            self._end(str(error))
            return
        self._unasked += 0 if self.trusting else len(messages)
        if self._unasked > UNASKED_MAX:
            self._end("it talks without being asked")
            return
        for message in messages:
            if self._open:
                self._heard(message)

    def _receive(self) -> bytes:
        data, pieces, _, _ = self._sock.recvmsg(_READ_BYTES, _FDS_SPACE, socket.MSG_CMSG_CLOEXEC)
        for level, kind, payload in pieces:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds = array.array("i")
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
                self.fds += fds
        return data

    def _end(self, why: str) -> None:
        self.close()
        self._ended(why)


def _close_all(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
