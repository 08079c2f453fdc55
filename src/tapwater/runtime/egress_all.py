"""The way out of a function's own network: sockets its connections land on, for the host.

``setup()`` runs in a network namespace that has nothing but ``lo``, with CAP_NET_ADMIN in it,
before any user code. Whoever holds the sockets it returns decides what becomes of a connection;
the namespace itself leads nowhere. What is made, as the plan of the host asks:

    listeners    one TCP socket per declared address and port
    ports        TCP sockets for every address at these ports
    names        a DNS server's sockets, UDP and TCP, at 127.0.0.53:53
    anywhere     all addresses of the world become local to ``lo`` (AnyIP): packets to them arrive
    everything   NAT sends TCP to any port to one catching socket, and UDP to port 53 to the DNS

The host tells the sockets apart by looking at them, so their order has no meaning.
"""

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

from tapwater.runtime import netfilter, netlink, netns

DNS_ADDRESS = "127.0.0.53"
DNS_PORT = 53
EVERYTHING: Mapping[str, Any] = {
    "listeners": [],
    "ports": [],
    "names": True,
    "anywhere": True,
    "everything": True,
}
_BACKLOG = 256
_IPV6_FREEBIND = 78
_LOOPBACK_V4 = ipaddress.ip_network("127.0.0.0/8")


def setup(wire: Mapping[str, Any] = EVERYTHING) -> list[int]:
    """Make what the plan asks for and give the sockets' descriptors.

    Raises:
        OSError: this kernel, or a sandbox around us, does not let us; nothing leads out then.
    """
    netns.loopback_up()
    made: list[socket.socket] = []
    try:
        _make(wire, made)
    except BaseException:
        for sock in made:
            sock.close()
        raise
    return [sock.detach() for sock in made]


def _make(wire: Mapping[str, Any], made: list[socket.socket]) -> None:
    for address, port in wire["listeners"]:
        _own(address)
        made.append(_tcp(address, port))
    if wire["anywhere"]:
        netlink.add_local_route("0.0.0.0", 0)
    six = _try_ipv6(wire)
    for port in wire["ports"]:
        made.append(_tcp("0.0.0.0", port))
        if six:
            made.append(_tcp("::", port))
    if wire["names"]:
        made.append(_bound(socket.AF_INET, socket.SOCK_DGRAM, DNS_ADDRESS, DNS_PORT))
        made.append(_tcp(DNS_ADDRESS, DNS_PORT))
    if wire["everything"]:
        _catch_all(made, six=six)


def _try_ipv6(wire: Mapping[str, Any]) -> bool:
    """Make all of IPv6 local; False where the machine has none: then it leads nowhere."""
    if not wire["anywhere"]:
        return False
    try:
        netlink.add_local_route("::", 0)
        _tcp("::1", 0).close()
    except OSError:
        # Switched off or not built in. Clients get ENETUNREACH and take IPv4.
        return False
    return True


def _catch_all(made: list[socket.socket], *, six: bool) -> None:
    four = _tcp("127.0.0.1", 0)
    made.append(four)
    netfilter.redirect_v4(tcp_port=four.getsockname()[1], dns=(DNS_ADDRESS, DNS_PORT))
    if six:
        catching = _tcp("::1", 0)
        made.append(catching)
        netfilter.redirect_v6(tcp_port=catching.getsockname()[1])


def _own(address: str) -> None:
    parsed = ipaddress.ip_address(address)
    if parsed.version == 4 and parsed in _LOOPBACK_V4:
        return
    if address != "::1":
        netlink.add_local_route(address, parsed.max_prefixlen)


def _tcp(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = _bound(family, socket.SOCK_STREAM, address, port)
    sock.listen(_BACKLOG)
    return sock


def _bound(
    family: socket.AddressFamily, kind: socket.SocketKind, address: str, port: int
) -> socket.socket:
    sock = socket.socket(family, kind)
    try:
        # A declared name and a wildcard may have the same port; the closer match gets the call.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_FREEBIND, 1)
        sock.bind((address, port))
    except BaseException:
        sock.close()
        raise
    return sock
