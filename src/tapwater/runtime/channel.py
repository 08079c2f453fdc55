"""Messages between platform and zygotes: JSON behind its length, descriptors beside it.

Both ends use this file. The platform trusts nothing that comes up from a zygote that has run user
code; ``Messages`` refuses what is too long, and descriptors are taken only where they are due.
"""

import array
import json
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

MESSAGE_BYTES_MAX = 2 << 20  # A manifest has 1 MiB at most, as control reads it.
FDS_MAX = 128  # The kernel takes 253.
_LENGTH = struct.Struct("<I")
_READ_BYTES = 64 << 10


class ChannelError(Exception):
    """The other end sent something that is no message."""


def pack(message: dict[str, Any]) -> bytes:
    """Make the bytes of one message.

    >>> pack({"go": 1})
    b'\\x08\\x00\\x00\\x00{"go":1}'
    """
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


def receive(sock: socket.socket, size: int = _READ_BYTES) -> tuple[bytes, list[int]]:
    """Take what has come: bytes (none: the other end has closed) and descriptors."""
    fds = array.array("i")
    space = socket.CMSG_SPACE(FDS_MAX * fds.itemsize)
    data, pieces, _, _ = sock.recvmsg(size, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, payload in pieces:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
    return data, list(fds)


class Messages:
    """Turns a stream of bytes into messages.

    >>> Messages().feed(pack({"go": 1}))
    [{'go': 1}]
    """

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[dict[str, Any]]:
        """Take bytes, give the messages that are whole.

        Raises:
            ChannelError: a message is too long, or no JSON object.
        """
        rest = self._rest
        rest += data
        found: list[dict[str, Any]] = []
        while len(rest) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(rest)
            if size > MESSAGE_BYTES_MAX:
                raise ChannelError(f"a message of {size} bytes; the most is {MESSAGE_BYTES_MAX}")
            end = _LENGTH.size + size
            if len(rest) < end:
                break
            found.append(_read(bytes(rest[_LENGTH.size : end])))
            del rest[:end]
        return found


def _read(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ChannelError("a message that is no JSON") from error
    if not isinstance(message, dict):
        raise ChannelError("a message that is no JSON object")
    return message


class Channel:
    """The guest's end: blocking."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._messages = Messages()
        self._ready: list[dict[str, Any]] = []
        self._fds: list[int] = []

    def send(self, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send one message, with descriptors beside its first byte."""
        data = pack(message)
        if fds:
            sent = socket.send_fds(self.sock, [data], list(fds))
            data = data[sent:]
        self.sock.sendall(data)

    def wait_message(self) -> tuple[dict[str, Any], list[int]] | None:
        """Take the next message and the descriptors that came with it; None: the end."""
        while not self._ready:
            data, fds = receive(self.sock)
            if not data:
                return None
            self._fds += fds
            self._ready += self._messages.feed(data)
        message = self._ready.pop(0)
        count = int(message.get("fds", 0))
        fds, self._fds = self._fds[:count], self._fds[count:]
        return message, fds

    @property
    def waiting(self) -> bool:
        """Say whether a message lies ready that no poll of the socket will show."""
        return bool(self._ready)

    def close(self) -> None:
        """Close our end, and descriptors nobody asked for."""
        self.sock.close()
        for fd in self._fds:
            os.close(fd)
        self._fds = []
