"""Asking the kernel whether an address is one of this machine's own."""

import socket
import struct

from tapwater_server.backends.linux.egress_plan import Address

_GET_ROUTE, _NEW_ROUTE = 26, 24
_REQUEST = 0x1
_HEADER = struct.Struct("=IHHII")
_ROUTE = struct.Struct("=BBBBBBBBI")
_ATTRIBUTE = struct.Struct("=HH")
_DESTINATION = 1
_UNICAST = 1
_REPLY_BYTES_MAX = 8 << 10


class Routes:
    """The kernel's routing decisions. Its answer is always current: addresses come and go."""

    def __init__(self) -> None:
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.bind((0, 0))
        self._seq = 0

    def local(self, address: Address) -> bool:
        """Say whether packets to the address stay on this machine, or go to everybody at once.

        An address without a route is not local: connecting to it will say what is wrong.
        """
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        packed = address.packed
        family = socket.AF_INET if len(packed) == 4 else socket.AF_INET6
        body = _ROUTE.pack(family, len(packed) * 8, 0, 0, 0, 0, 0, 0, 0)
        body += _ATTRIBUTE.pack(_ATTRIBUTE.size + len(packed), _DESTINATION) + packed
        head = _HEADER.pack(_HEADER.size + len(body), _GET_ROUTE, _REQUEST, self._seq, 0)
        self._socket.send(head + body)
        while True:
            reply = self._socket.recv(_REPLY_BYTES_MAX)
            _, kind, _, seq, _ = _HEADER.unpack_from(reply)
            if seq == self._seq:
                break
        if kind != _NEW_ROUTE:
            return False
        route_type: int = _ROUTE.unpack_from(reply, _HEADER.size)[7]
        return route_type != _UNICAST

    def close(self) -> None:
        self._socket.close()
