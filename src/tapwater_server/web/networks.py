"""Which clients count as one, where what one client may have is counted. Pure."""

from ipaddress import IPv4Address, ip_address, ip_network


def network_of(client: str) -> str:
    """Give what a client counts as: whoever has one address of IPv6 has as many as they like.

    >>> network_of("2001:db8:1:2:3::4"), network_of("192.0.2.7"), network_of("function")
    ('2001:db8:1:2::/64', '192.0.2.7', 'function')
    """
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, IPv4Address):
        return client
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))
