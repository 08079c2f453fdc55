"""What a connection that arrived from a function was meant for. The sockets tell; no I/O."""

import ipaddress
import socket
import struct
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from tapwater_server.backends.linux.egress_plan import (
    DNS_ADDRESS,
    Address,
    EgressPlan,
    Kind,
    Target,
)

NAMES_MAX = 4096
_FIRST, _LAST = ipaddress.IPv4Address("127.2.0.1"), ipaddress.IPv4Address("127.2.255.254")
_SO_ORIGINAL_DST = 80
_SOCKADDR_IN, _SOCKADDR_IN6 = struct.Struct("!HH4s8x"), struct.Struct("!HHI16sI")
DNS_PORT = 53


class Role(StrEnum):
    """What a listening socket from the function's network is for."""

    DECLARED = "declared"
    WILD = "wild"  # all addresses at a port
    CATCHING = "catching"  # all addresses, all ports
    DNS_STREAM = "dns stream"
    DNS = "dns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where a connection wants to go, and under which declared target. ``host`` or ``address``."""

    target: Target
    port: int
    host: str = ""
    address: Address | None = None

    def __str__(self) -> str:
        return f"{self.host or self.address}:{self.port}"


def role(sock: socket.socket, plan: EgressPlan) -> Role:
    """Say what a socket is for.

    Raises:
        ValueError: it belongs to no part of the plan.
    """
    address, port = sock.getsockname()[:2]
    if sock.type == socket.SOCK_DGRAM and plan.names:
        return Role.DNS
    if any((address, port) == listener[:2] for listener in plan.listeners):
        return Role.DECLARED
    if (address, port) == (DNS_ADDRESS, DNS_PORT) and plan.names:
        return Role.DNS_STREAM
    if address in ("0.0.0.0", "::") and port in plan.ports:
        return Role.WILD
    if address in ("127.0.0.1", "::1") and plan.everything:
        return Role.CATCHING
    raise ValueError(f"a socket at {address}:{port} is not in the plan")


def destination(conn: socket.socket, listening: Role) -> tuple[Address, int]:
    """Say where the function thinks it has connected to.

    Raises:
        OSError: the kernel does not know.
    """
    if listening is not Role.CATCHING:
        address, port = conn.getsockname()[:2]
        return ipaddress.ip_address(address), port
    if conn.family == socket.AF_INET:
        raw = conn.getsockopt(socket.IPPROTO_IP, _SO_ORIGINAL_DST, _SOCKADDR_IN.size)
        _, port, packed = _SOCKADDR_IN.unpack(raw)
    else:
        raw = conn.getsockopt(socket.IPPROTO_IPV6, _SO_ORIGINAL_DST, _SOCKADDR_IN6.size)
        _, port, _, packed, _ = _SOCKADDR_IN6.unpack(raw)
    return ipaddress.ip_address(packed), port


class Door:
    """The plan of one function, asked per connection and per name."""

    def __init__(self, plan: EgressPlan) -> None:
        self._targets = plan.targets
        self._declared: dict[tuple[str, int], Target] = {}
        for address, port, host in plan.listeners:
            for target in plan.targets:
                if (target.host, target.port) == (host, port):
                    self._declared[(address, port)] = target
        self._by_name: OrderedDict[str, Address] = OrderedDict()
        self._by_address: dict[Address, str] = {}
        self._next = _FIRST

    def wanted(self, address: Address, port: int) -> Wanted | None:
        """Say what a connection to this address and port is for; None: nothing declared."""
        declared = self._declared.get((str(address), port))
        if declared is not None:
            return Wanted(target=declared, port=port, host=declared.host)
        name = self._by_address.get(address)
        if name is not None:
            below = self._below(name, port)
            return None if below is None else Wanted(target=below, port=port, host=name)
        if address.is_loopback:
            return None  # The function's own; nobody declared it.
        for target in self._targets:
            if target.kind is Kind.ANY and target.port in (0, port):
                return Wanted(target=target, port=port, address=address)
        return None

    def _below(self, name: str, port: int) -> Target | None:
        for target in self._targets:
            fits = target.kind is Kind.BELOW and name.endswith(f".{target.host}")
            if fits and target.port == port:
                return target
        return None

    def any_target(self) -> Target | None:
        """Give the entry that lets every name be resolved, if there is one; private before not."""
        found = [target for target in self._targets if target.kind is Kind.ANY]
        return max(found, key=lambda target: target.private, default=None)

    def stands_for(self, name: str) -> Address | None:
        """Give the address inside the function's network that stands for a name below a declared
        domain; None if it is below none, or declared by itself."""
        for (address, _), target in self._declared.items():
            if target.host == name and target.kind is Kind.NAME:
                return ipaddress.ip_address(address)
        if not any(t.kind is Kind.BELOW and name.endswith(f".{t.host}") for t in self._targets):
            return None
        known = self._by_name.get(name)
        if known is not None:
            self._by_name.move_to_end(name)
            return known
        return self._give(name)

    def _give(self, name: str) -> Address:
        if len(self._by_name) >= NAMES_MAX:
            _, old = self._by_name.popitem(last=False)
            del self._by_address[old]
        # Round and round: an address given up is not given to another name for a long time, so
        # that a client that remembers it reaches nobody rather than somebody else.
        while self._next in self._by_address:
            self._next = self._after(self._next)
        address, self._next = self._next, self._after(self._next)
        self._by_name[name], self._by_address[address] = address, name
        return address

    @staticmethod
    def _after(address: ipaddress.IPv4Address) -> ipaddress.IPv4Address:
        return _FIRST if address == _LAST else address + 1


def sockets(fds: Sequence[int]) -> list[socket.socket]:
    """Take the descriptors over, ready for the loop."""
    taken = [socket.socket(fileno=fd) for fd in fds]
    for sock in taken:
        sock.setblocking(False)
    return taken
