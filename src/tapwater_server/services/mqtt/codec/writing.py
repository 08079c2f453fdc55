"""Packets to bytes."""

from collections.abc import Callable
from typing import Any

from tapwater_server.services.mqtt.codec.fields import binary, text, u8, u16, varint
from tapwater_server.services.mqtt.codec.packets import (
    NONE,
    V5,
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Packet,
    Pingreq,
    Pingresp,
    Properties,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
    Will,
)
from tapwater_server.services.mqtt.codec.properties import write_properties
from tapwater_server.services.mqtt.codec.reasons import CONNACK_311, FAILURE, Reason


def write_packet(packet: Packet, version: int) -> bytes:
    """Write one packet as that version of MQTT has it."""
    kind, flags, body = _WRITE[type(packet)](packet, version)
    return bytes((kind << 4 | flags,)) + varint(len(body)) + body


def write_publish(packet: Publish, version: int) -> bytes:
    """Write a PUBLISH: the packet there is most of."""
    name = packet.topic.encode()
    parts = [len(name).to_bytes(2, "big"), name]
    if packet.qos:
        parts.append(packet.packet_id.to_bytes(2, "big"))
    if version >= V5:
        parts.append(write_properties(packet.properties))
    parts.append(packet.payload)
    body = b"".join(parts)
    first = Kind.PUBLISH << 4 | packet.dup << 3 | packet.qos << 1 | packet.retain
    return bytes((first,)) + varint(len(body)) + body


Written = tuple[int, int, bytes]  # type, flags, body


def _properties(properties: Properties, version: int) -> bytes:
    return write_properties(properties) if version >= V5 else b""


def _publish(packet: Publish, version: int) -> Written:
    whole = write_publish(packet, version)
    start = 2
    while whole[start - 1] >= 0x80:
        start += 1
    return Kind.PUBLISH, whole[0] & 0x0F, whole[start:]


def _connect(packet: Connect, _: int) -> Written:
    version, will = packet.version, packet.will
    flags = packet.clean_start << 1
    flags |= (packet.user is not None) << 7 | (packet.password is not None) << 6
    if will is not None:
        flags |= 4 | will.qos << 3 | will.retain << 5
    body = text("MQTT") + u8(version) + u8(flags) + u16(packet.keep_alive_s)
    body += _properties(packet.properties, version) + text(packet.client_id)
    body += _will(will, version) if will is not None else b""
    body += text(packet.user) if packet.user is not None else b""
    body += binary(packet.password) if packet.password is not None else b""
    return Kind.CONNECT, 0, body


def _will(will: Will, version: int) -> bytes:
    return _properties(will.properties, version) + text(will.topic) + binary(will.payload)


def _connack(packet: Connack, version: int) -> Written:
    if version >= V5:
        reason = u8(packet.reason) + write_properties(packet.properties)
    else:
        reason = u8(CONNACK_311.get(packet.reason, CONNACK_311[Reason.SERVER_UNAVAILABLE]))
    return Kind.CONNACK, 0, u8(packet.session_present) + reason


def _ack(packet: Ack, version: int) -> Written:
    flags = 2 if packet.kind == Kind.PUBREL else 0
    body = u16(packet.packet_id)
    if version >= V5:
        body += _ending(packet.reason, packet.properties)
    return packet.kind, flags, body


def _ending(reason: Reason, properties: Properties) -> bytes:
    """Leave out what is as usual."""
    if properties is NONE:
        return u8(reason) if reason else b""
    return u8(reason) + write_properties(properties)


def _subscribe(packet: Subscribe, version: int) -> Written:
    body = u16(packet.packet_id) + _properties(packet.properties, version)
    for one in packet.subscriptions:
        body += text(one.filter) + u8(_options(one, version))
    return Kind.SUBSCRIBE, 2, body


def _options(one: Subscription, version: int) -> int:
    if version < V5:
        return one.qos
    return one.qos | one.no_local << 2 | one.retain_as_published << 3 | one.retain_handling << 4


def _suback(packet: Suback, version: int) -> Written:
    body = u16(packet.packet_id) + _properties(packet.properties, version)
    for reason in packet.reasons:
        body += u8(reason if version >= V5 else min(reason, FAILURE))
    return Kind.SUBACK, 0, body


def _unsubscribe(packet: Unsubscribe, version: int) -> Written:
    body = u16(packet.packet_id) + _properties(packet.properties, version)
    return Kind.UNSUBSCRIBE, 2, body + b"".join(text(one) for one in packet.filters)


def _unsuback(packet: Unsuback, version: int) -> Written:
    body = u16(packet.packet_id)
    if version >= V5:
        body += write_properties(packet.properties) + bytes(packet.reasons)
    return Kind.UNSUBACK, 0, body


def _disconnect(packet: Disconnect, version: int) -> Written:
    said = _ending(packet.reason, packet.properties) if version >= V5 else b""
    return Kind.DISCONNECT, 0, said


def _auth(packet: Auth, version: int) -> Written:
    return Kind.AUTH, 0, _ending(packet.reason, packet.properties)


_WRITE: dict[type, Callable[[Any, int], Written]] = {
    Connect: _connect,
    Connack: _connack,
    Publish: _publish,
    Ack: _ack,
    Subscribe: _subscribe,
    Suback: _suback,
    Unsubscribe: _unsubscribe,
    Unsuback: _unsuback,
    Pingreq: lambda packet, version: (Kind.PINGREQ, 0, b""),
    Pingresp: lambda packet, version: (Kind.PINGRESP, 0, b""),
    Disconnect: _disconnect,
    Auth: _auth,
}
