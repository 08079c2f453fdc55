"""Two small NAT tables in our own network namespace, written in nf_tables' own netlink words.

What ``nft`` would be told:

    table ip tapwater { chain out { type nat hook output priority dstnat;
        ip daddr 127.0.0.0/8 accept
        meta l4proto tcp redirect to :PORT
        udp dport 53 dnat to 127.0.0.53:53 } }
    table ip6 tapwater { chain out { type nat hook output priority dstnat;
        ip6 daddr ::1 accept
        meta l4proto tcp redirect to :PORT } }
"""

import socket
import struct
from collections.abc import Sequence

from tapwater.runtime.netlink import ACK, CREATE, NESTED, REQUEST, ask, attribute, message

_NETLINK_NETFILTER = 12
_SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES
_BEGIN, _END = 0x10, 0x11
_NEW_TABLE, _NEW_CHAIN, _NEW_RULE = _SUBSYSTEM, _SUBSYSTEM | 3, _SUBSYSTEM | 6
_APPEND = 0x800
_FAMILY_V4, _FAMILY_V6 = 2, 10
_HOOK_OUTPUT = 3
_PRIORITY_DSTNAT = -100
_TABLE = b"tapwater\0"
_CHAIN = b"out\0"
_NETWORK, _TRANSPORT = 1, 2  # Bases of a payload expression.
_L4PROTO = 16  # NFT_META_L4PROTO
_DNAT = 1
_ACCEPT = 1

Expression = bytes


def redirect_v4(*, tcp_port: int, dns: tuple[str, int]) -> None:
    """Send all TCP to our port and all questions for names to our DNS; loopback stays alone.

    Raises:
        OSError: no nf_tables here, or not for us.
    """
    address, port = dns
    _install(
        _FAMILY_V4,
        [
            [_load(_NETWORK, 16, 1), _equal(b"\x7f"), _accept()],
            [_protocol(socket.IPPROTO_TCP), *_redirect(tcp_port)],
            [
                _protocol(socket.IPPROTO_UDP),
                _load(_TRANSPORT, 2, 2),
                _equal(struct.pack("!H", 53)),
                *_dnat(socket.inet_aton(address), port),
            ],
        ],
    )


def redirect_v6(*, tcp_port: int) -> None:
    """Send all TCP to our port; loopback stays alone. Raises OSError as above."""
    _install(
        _FAMILY_V6,
        [
            [_load(_NETWORK, 24, 16), _equal(bytes(15) + b"\x01"), _accept()],
            [_protocol(socket.IPPROTO_TCP), *_redirect(tcp_port)],
        ],
    )


def _install(family: int, rules: Sequence[Sequence[Expression]]) -> None:
    chain = (
        attribute(1, _TABLE)
        + attribute(3, _CHAIN)
        + _nest(4, _number(1, _HOOK_OUTPUT), attribute(2, struct.pack("!i", _PRIORITY_DSTNAT)))
        + attribute(7, b"nat\0")
    )
    bodies = [(_NEW_TABLE, CREATE, attribute(1, _TABLE)), (_NEW_CHAIN, CREATE, chain)]
    for rule in rules:
        body = attribute(1, _TABLE) + attribute(2, _CHAIN) + _nest(4, *rule)
        bodies.append((_NEW_RULE, CREATE | _APPEND, body))
    batch = [message(_BEGIN, REQUEST, 0, struct.pack("!BBH", 0, 0, _SUBSYSTEM >> 8))]
    for seq, (kind, flags, body) in enumerate(bodies, start=1):
        head = struct.pack("!BBH", family, 0, 0)
        batch.append(message(kind, REQUEST | ACK | flags, seq, head + body))
    batch.append(
        message(_END, REQUEST, len(bodies) + 1, struct.pack("!BBH", 0, 0, _SUBSYSTEM >> 8))
    )
    ask(_NETLINK_NETFILTER, batch, acks=len(bodies))


def _nest(kind: int, *parts: bytes) -> bytes:
    return attribute(kind | NESTED, *parts)


def _number(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!I", value))


def _value(kind: int, data: bytes) -> bytes:
    return _nest(kind, attribute(1, data))


def _expression(name: bytes, *attributes: bytes) -> Expression:
    return _nest(1, attribute(1, name + b"\0"), _nest(2, *attributes))


def _load(base: int, offset: int, size: int) -> Expression:
    return _expression(
        b"payload", _number(1, 1), _number(2, base), _number(3, offset), _number(4, size)
    )


def _equal(data: bytes) -> Expression:
    return _expression(b"cmp", _number(1, 1), _number(2, 0), _value(3, data))


def _protocol(number: int) -> bytes:
    return _expression(b"meta", _number(1, 1), _number(2, _L4PROTO)) + _equal(bytes([number]))


def _put(register: int, data: bytes) -> Expression:
    return _expression(b"immediate", _number(1, register), _value(2, data))


def _accept() -> Expression:
    verdict = _nest(2, _nest(2, _number(1, _ACCEPT)))
    return _expression(b"immediate", _number(1, 0), verdict)


def _redirect(port: int) -> list[Expression]:
    return [_put(1, struct.pack("!H", port)), _expression(b"redir", _number(1, 1))]


def _dnat(address: bytes, port: int) -> list[Expression]:
    return [
        _put(1, address),
        _put(2, struct.pack("!H", port)),
        _expression(
            b"nat", _number(1, _DNAT), _number(2, _FAMILY_V4), _number(3, 1), _number(5, 2)
        ),
    ]
