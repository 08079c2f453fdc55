"""Who sent a byte: the kernel's word for it, from a socket that asked for it."""

import asyncio
import contextlib
import os
import socket
import struct
from typing import NamedTuple

_SO_PASSPIDFD = 76  # Linux 6.5
_SCM_PIDFD = 4
_UCRED = struct.Struct("=iII")
_SPACE = socket.CMSG_SPACE(_UCRED.size) + socket.CMSG_SPACE(4) + socket.CMSG_SPACE(16)


class Sender(NamedTuple):
    """A process, by number and by a descriptor of its own."""

    pid: int
    uid: int
    pidfd: int


def ask(sock: socket.socket, *, on: bool = True) -> None:
    """From now on, let the kernel say who sends to this socket; or no longer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, int(on))
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, _SO_PASSPIDFD, int(on))


def receive(sock: socket.socket, size: int) -> tuple[bytes, Sender | None]:
    """Take bytes and who sent them.

    Raises:
        BlockingIOError: nothing has come.
        ProcessLookupError: the sender has ended meanwhile.
    """
    data, pieces, _, _ = sock.recvmsg(size, _SPACE, socket.MSG_CMSG_CLOEXEC)
    pid = uid = 0
    for level, kind, payload in pieces:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid, uid, _ = _UCRED.unpack(payload)
    pidfd = _take_pidfd(pieces)
    if data and pid > 0:
        return data, Sender(pid, uid, pidfd if pidfd >= 0 else os.pidfd_open(pid))
    if pidfd >= 0:
        os.close(pidfd)
    return data, None


def _take_pidfd(pieces: list[tuple[int, int, bytes]]) -> int:
    """Find the descriptor the kernel added; close what the sender added, which nobody wants."""
    pidfd = -1
    for level, kind, payload in pieces:
        if level != socket.SOL_SOCKET or kind not in (_SCM_PIDFD, socket.SCM_RIGHTS):
            continue
        for (fd,) in struct.iter_unpack("=i", payload[: len(payload) & ~3]):
            if kind == _SCM_PIDFD and pidfd < 0:
                pidfd = fd
            elif fd >= 0:
                os.close(fd)
    return pidfd


async def wait_sender(sock: socket.socket) -> Sender | None:
    """Wait for one byte; say who sent it. None: the other end has closed, or has ended."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[Sender | None] = loop.create_future()

    def read() -> None:
        if found.done():
            return
        try:
            _, sender = receive(sock, 1)
        except BlockingIOError:
            return
        except OSError:
            sender = None
        found.set_result(sender)

    loop.add_reader(sock.fileno(), read)
    try:
        return await found
    finally:
        loop.remove_reader(sock.fileno())
