"""Asking the kernel's network, by netlink: messages, attributes, and routes of ``lo``."""

import contextlib
import ipaddress
import os
import socket
import struct
from collections.abc import Sequence

REQUEST, ACK = 0x1, 0x4
EXCLUSIVE, CREATE = 0x200, 0x400
NESTED = 0x8000
_NETLINK_ROUTE = 0
_NEWROUTE = 24
_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_TABLE_LOCAL, _BY_BOOT, _SCOPE_HOST, _TYPE_LOCAL = 255, 3, 254, 2
_RTA_DST, _RTA_OIF = 1, 4
_LO = 1  # The first interface of a network namespace is always lo.
_WAIT_S = 5.0
_REPLY_BYTES_MAX = 64 << 10


def attribute(kind: int, *parts: bytes) -> bytes:
    """Write one attribute, padded to four bytes."""
    data = b"".join(parts)
    return struct.pack("=HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def message(kind: int, flags: int, seq: int, body: bytes) -> bytes:
    """Write one message."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags, seq, 0) + body


def ask(protocol: int, messages: Sequence[bytes], *, acks: int) -> None:
    """Send the messages in one go and wait for so many acknowledgements.

    Raises:
        OSError: the kernel refused, or did not answer.
    """
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol) as sock:
        sock.settimeout(_WAIT_S)
        sock.bind((0, 0))
        sock.send(b"".join(messages))
        while acks > 0:
            acks -= _read_acks(sock.recv(_REPLY_BYTES_MAX))


def _read_acks(reply: bytes) -> int:
    acks = 0
    while len(reply) >= _HEADER.size:
        size, kind, _, _, _ = _HEADER.unpack_from(reply)
        if kind == _ERROR:
            (code,) = struct.unpack_from("=i", reply, _HEADER.size)
            if code:
                raise OSError(-code, os.strerror(-code))
            acks += 1
        reply = reply[max((size + 3) & ~3, _HEADER.size) :]
    return acks


def add_local_route(address: str, prefix: int) -> None:
    """Make a range of addresses our own, on ``lo``: packets to it arrive here."""
    packed = ipaddress.ip_address(address).packed
    family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
    body = _ROUTE.pack(
        family, prefix, 0, 0, _TABLE_LOCAL, _BY_BOOT, _SCOPE_HOST, _TYPE_LOCAL, 0
    ) + attribute(_RTA_OIF, struct.pack("=I", _LO))
    if prefix:
        body += attribute(_RTA_DST, packed)
    with contextlib.suppress(FileExistsError):
        ask(
            _NETLINK_ROUTE,
            [message(_NEWROUTE, REQUEST | ACK | CREATE | EXCLUSIVE, 1, body)],
            acks=1,
        )
