"""Whose X-Forwarded-* headers count, and what they say. Pure."""

import ipaddress
from collections.abc import Sequence


class Proxies:
    """The addresses of the proxies before us."""

    __slots__ = ("_networks",)

    def __init__(self, trusted: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(text, strict=False) for text in trusted]

    def trusts(self, address: str) -> bool:
        """Say whether a peer is a proxy of ours.

        >>> Proxies(["10.0.0.0/8"]).trusts("10.1.2.3"), Proxies([]).trusts("10.1.2.3")
        (True, False)
        """
        if not self._networks:
            return False
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)

    def client(self, peer: str, forwarded_for: bytes) -> str:
        """Find the client: the last address in X-Forwarded-For that is no proxy of ours.

        >>> Proxies(["10.0.0.0/8"]).client("10.0.0.1", b"6.6.6.6, 192.0.2.7, 10.0.0.2")
        '192.0.2.7'
        """
        hops = [hop.strip() for hop in forwarded_for.decode("latin-1").split(",")]
        for hop in reversed(hops):
            try:
                ipaddress.ip_address(hop)
            except ValueError:
                return peer
            peer = hop
            if not self.trusts(hop):
                return hop
        return peer
