"""Which addresses are out in the world, and which are of a node's own network. Pure."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

# Addresses of IPv6 whose last 32 bits are one of IPv4 that somebody on the way may connect to.
_WITH_IPV4 = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))  # RFC 6052, 2.1; RFC 4291, 2.5.5.1


def is_in_the_world(address: str) -> bool:
    """Say whether an address is one of the public net, whichever way it is written.

    >>> is_in_the_world("93.184.216.34"), is_in_the_world("2606:2800:21f::1")
    (True, True)
    >>> [is_in_the_world(one) for one in ("10.0.0.1", "::1", "fe80::1%eth0", "224.0.0.1")]
    [False, False, False, False]
    >>> [is_in_the_world(one) for one in ("64:ff9b::7f00:1", "2002:7f00:1::", "::ffff:10.0.0.1")]
    [False, False, False]
    """
    parsed = ip_address(address.partition("%")[0])
    if not parsed.is_global or parsed.is_multicast:
        return False
    within = _ipv4_within(parsed) if isinstance(parsed, IPv6Address) else None
    return within is None or within.is_global


def _ipv4_within(address: IPv6Address) -> IPv4Address | None:
    if any(address in network for network in _WITH_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
