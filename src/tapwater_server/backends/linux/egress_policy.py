"""Whether an address may be reached, given what was declared. Pure.

The question is asked about the address that a name resolved to just now, and that very address
is then connected to: a name that changes its mind in between (DNS rebinding) gains nothing.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from tapwater_server.backends.linux.egress_plan import Address, Kind, Target

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(*texts: str) -> tuple[Network, ...]:
    """Read networks.

    >>> networks("10.0.0.0/8")
    (IPv4Network('10.0.0.0/8'),)
    """
    return tuple(ipaddress.ip_network(text) for text in texts)


# What clouds tell a machine about itself, its keys included. No declaration opens these; only
# the operator's ``allow`` does.
METADATA = networks(
    "169.254.169.254/32",
    "169.254.170.2/32",
    "169.254.170.23/32",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "fd00:ec2::254/128",
    "fd00:ec2::23/128",
    "fd20:ce::254/128",
)
# No host has such an address: "this network", multicast, broadcast, reserved.
NOBODY = networks("0.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4", "::/128", "ff00::/8")
LOOPBACK = networks("127.0.0.0/8", "::1/128")
PRIVATE = networks(
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",  # carrier-grade NAT
    "169.254.0.0/16",  # link-local
    "192.0.0.0/24",
    "192.0.2.0/24",  # documentation, also used inside
    "198.18.0.0/15",  # benchmarks
    "198.51.100.0/24",
    "203.0.113.0/24",
    "fc00::/7",  # unique local
    "fe80::/10",
    "fec0::/10",
    "100::/64",
    "2001:db8::/32",
    "64:ff9b:1::/48",  # NAT64 of a local network
    "::/96",  # IPv4-compatible, long given up
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What the operator of this machine says above all declarations; ``deny`` before ``allow``."""

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()


def refusal(address: Address, target: Target, *, policy: Policy, local: bool) -> str:
    """Say why the address may not be reached as ``target``; empty if it may.

    ``local``: it is one of the node's own addresses. IPv6 addresses that carry an IPv4 address
    are judged by both.

    >>> refusal(ipaddress.ip_address("10.1.2.3"), Target(kind=Kind.NAME, host="a.b", port=1),
    ...         policy=Policy(), local=False)
    '10.1.2.3 is a private address; declare private:a.b:1 if that is meant'
    """
    for form in _forms(address):
        why = _judge(form, target, policy=policy, local=local)
        if why:
            return f"{address} {why}"
    return ""


def _judge(address: Address, target: Target, *, policy: Policy, local: bool) -> str:
    if _within(address, policy.deny):
        return "is refused by the settings of this platform"
    if _within(address, policy.allow):
        return ""
    if _within(address, METADATA):
        return "is the cloud's metadata service; only the platform's settings can open it"
    if _within(address, NOBODY):
        return "is not the address of a host"
    if target.kind is Kind.ADDRESS:
        return ""
    if local or _within(address, LOOPBACK):
        return _closed(target, "belongs to the node itself", by_name=True)
    if _within(address, PRIVATE):
        return _closed(target, "is a private address", by_name=False)
    return ""


def _closed(target: Target, why: str, *, by_name: bool) -> str:
    """A wildcard may be opened to private networks, but never to the node itself."""
    if target.private and (target.kind is Kind.NAME or not by_name):
        return ""
    if target.kind is Kind.NAME:
        return f"{why}; declare private:{target.host}:{target.port} if that is meant"
    return f"{why}; declare it by its name or address if that is meant"


def _within(address: Address, ranges: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in ranges)


def _forms(address: Address) -> list[Address]:
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]  # The same packet, in another notation.
    forms: list[Address] = [address]
    if address.sixtofour is not None:
        forms.append(address.sixtofour)
    if address.teredo is not None:
        forms.append(address.teredo[1])
    if address in _NAT64:
        forms.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return forms
