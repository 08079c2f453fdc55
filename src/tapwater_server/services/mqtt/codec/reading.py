"""Bytes to packets: cuts a stream into packets, and reads each one strictly.

Whatever comes, the answer is a packet or a ``BadPacket``; nothing is believed before it is checked.
"""

from collections.abc import Callable, Iterator

from tapwater_server.services.mqtt.codec.fields import Reader
from tapwater_server.services.mqtt.codec.packets import (
    NONE,
    V5,
    V311,
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
from tapwater_server.services.mqtt.codec.properties import WILL, read_properties
from tapwater_server.services.mqtt.codec.reasons import (
    REASON_OF_311,
    BadPacket,
    Reason,
    malformed,
    protocol_error,
    reason_of,
)
from tapwater_server.services.mqtt.codec.topics import check_name

FILTERS_MAX = 1_024  # In one SUBSCRIBE or UNSUBSCRIBE.


class Splitter:
    """Gathers what comes from a socket and gives whole packets: (first byte, body)."""

    def __init__(self, *, packet_bytes_max: int) -> None:
        self._gathered = bytearray()
        self._bytes_max = packet_bytes_max

    def held(self) -> int:
        """How many bytes wait for the rest of their packet."""
        return len(self._gathered)

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Take bytes; give each packet that is whole now.

        Raises:
            BadPacket: a packet says it is longer than allowed; nothing more can be read.
        """
        gathered = self._gathered
        gathered += data
        at, end = 0, len(gathered)
        try:
            while end - at >= 2:
                length, start = _length(gathered, at + 1, end)
                if start < 0:
                    break
                if length + start - at > self._bytes_max:
                    raise BadPacket(
                        Reason.PACKET_TOO_LARGE, f"a packet has at most {self._bytes_max} bytes"
                    )
                if end - start < length:
                    break
                first = gathered[at]
                at = start + length
                yield first, bytes(gathered[start:at])
        finally:
            del gathered[:at]


def _length(data: bytearray, at: int, end: int) -> tuple[int, int]:
    """Read the remaining length; give where the body starts, or -1 if more bytes are needed."""
    value = 0
    for place in range(4):
        if at + place >= end:
            return 0, -1
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            if place and byte == 0:
                raise malformed("the remaining length is longer than it needs to be")
            return value, at + place + 1
    raise malformed("the remaining length has more than four bytes")


def read_packet(first: int, body: bytes, version: int) -> Packet:
    """Read one packet.

    Raises:
        BadPacket: it is none.
    """
    if first >> 4 == Kind.PUBLISH:
        return _publish(first, body, version)
    flags = first & 0x0F
    kind = first >> 4
    wanted = 2 if kind in {Kind.PUBREL, Kind.SUBSCRIBE, Kind.UNSUBSCRIBE} else 0
    if kind == 0 or flags != wanted:
        raise malformed(f"there is no packet that begins with {first:#04x}")
    if kind == Kind.AUTH and version < V5:
        raise malformed("AUTH is of MQTT 5")
    reader = Reader(body)
    packet = _READ[Kind(kind)](reader, version)
    reader.end()
    return packet


def _properties(reader: Reader, version: int, where: int) -> Properties:
    return read_properties(reader, where) if version >= V5 else NONE


def _publish(first: int, body: bytes, version: int) -> Publish:
    qos = first >> 1 & 3
    dup = bool(first & 8)
    if qos == 3:
        raise malformed("there is no QoS 3")
    if dup and not qos:
        raise malformed("a message of QoS 0 is never sent again")
    reader = Reader(body)
    topic = reader.text()
    packet_id = reader.packet_id() if qos else 0
    properties = read_properties(reader, Kind.PUBLISH) if version >= V5 else NONE
    if topic or properties.topic_alias is None:
        check_name(topic)
    if properties.response_topic is not None:
        check_name(properties.response_topic)
    return Publish(
        topic=topic,
        payload=body[reader.at :],
        qos=qos,
        retain=bool(first & 1),
        dup=dup,
        packet_id=packet_id,
        properties=properties,
    )


def _connect(reader: Reader, _: int) -> Connect:
    name, version = reader.text(), reader.u8()
    if name != "MQTT" or version not in {V311, V5}:
        raise BadPacket(Reason.UNSUPPORTED_VERSION, "this broker speaks MQTT 3.1.1 and 5")
    flags = reader.u8()
    if flags & 1:
        raise malformed("the reserved flag of CONNECT is set")
    keep_alive_s = reader.u16()
    properties = _properties(reader, version, Kind.CONNECT)
    client_id = reader.text()
    will = _will(reader, flags, version)
    user = reader.text() if flags & 0x80 else None
    if version == V311 and flags & 0x40 and user is None:
        raise malformed("a password needs a user name in MQTT 3.1.1")
    return Connect(
        version=version,
        client_id=client_id,
        clean_start=bool(flags & 2),
        keep_alive_s=keep_alive_s,
        user=user,
        password=reader.binary() if flags & 0x40 else None,
        will=will,
        properties=properties,
    )


def _will(reader: Reader, flags: int, version: int) -> Will | None:
    qos = flags >> 3 & 3
    if not flags & 4:
        if flags & 0x38:
            raise malformed("there is a QoS or a retain flag for no will")
        return None
    if qos == 3:
        raise malformed("there is no QoS 3")
    properties = _properties(reader, version, WILL)
    topic = check_name(reader.text())
    return Will(
        topic=topic,
        payload=reader.binary(),
        qos=qos,
        retain=bool(flags & 0x20),
        properties=properties,
    )


def _connack(reader: Reader, version: int) -> Connack:
    flags, code = reader.u8(), reader.u8()
    if flags > 1:
        raise malformed("a reserved flag of CONNACK is set")
    if version >= V5 and reader.left():
        reason, properties = reason_of(code), read_properties(reader, Kind.CONNACK)
    else:
        # A server that does not know MQTT 5 answers in the words of 3.1.1, whatever was asked.
        reason, properties = REASON_OF_311.get(code, Reason.SERVER_UNAVAILABLE), NONE
    return Connack(session_present=bool(flags), reason=reason, properties=properties)


def _ack(kind: Kind) -> Callable[[Reader, int], Ack]:
    def read(reader: Reader, version: int) -> Ack:
        packet_id = reader.packet_id()
        if version < V5 or not reader.left():
            return Ack(kind=kind, packet_id=packet_id)
        reason = reason_of(reader.u8())
        properties = read_properties(reader, kind) if reader.left() else NONE
        return Ack(kind=kind, packet_id=packet_id, reason=reason, properties=properties)

    return read


def _subscribe(reader: Reader, version: int) -> Subscribe:
    packet_id = reader.packet_id()
    properties = _properties(reader, version, Kind.SUBSCRIBE)
    found = []
    while reader.left():
        found.append(_subscription(reader.text(), reader.u8(), version))
        _check_count(found)
    if not found:
        raise protocol_error("a SUBSCRIBE without any filter")
    return Subscribe(packet_id=packet_id, subscriptions=tuple(found), properties=properties)


def _subscription(filter: str, options: int, version: int) -> Subscription:
    if options & (0xC0 if version >= V5 else 0xFC):
        raise malformed("a reserved bit of the options is set")
    qos, handling = options & 3, options >> 4 & 3
    if qos == 3 or handling == 3:
        raise malformed("a subscription asks for something there is not")
    return Subscription(
        filter=filter,
        qos=qos,
        no_local=bool(options & 4),
        retain_as_published=bool(options & 8),
        retain_handling=handling,
    )


def _check_count(found: list[Subscription] | list[str]) -> None:
    if len(found) > FILTERS_MAX:
        raise BadPacket(Reason.QUOTA_EXCEEDED, f"at most {FILTERS_MAX} filters in one packet")


def _suback(reader: Reader, version: int) -> Suback:
    packet_id = reader.packet_id()
    properties = _properties(reader, version, Kind.SUBACK)
    reasons = tuple(reason_of(code) for code in reader.rest())
    return Suback(packet_id=packet_id, reasons=reasons, properties=properties)


def _unsubscribe(reader: Reader, version: int) -> Unsubscribe:
    packet_id = reader.packet_id()
    properties = _properties(reader, version, Kind.UNSUBSCRIBE)
    found: list[str] = []
    while reader.left():
        found.append(reader.text())
        _check_count(found)
    if not found:
        raise protocol_error("an UNSUBSCRIBE without any filter")
    return Unsubscribe(packet_id=packet_id, filters=tuple(found), properties=properties)


def _unsuback(reader: Reader, version: int) -> Unsuback:
    packet_id = reader.packet_id()
    if version < V5:
        return Unsuback(packet_id=packet_id)
    properties = read_properties(reader, Kind.UNSUBACK)
    reasons = tuple(reason_of(code) for code in reader.rest())
    return Unsuback(packet_id=packet_id, reasons=reasons, properties=properties)


def _ending(reader: Reader, version: int, kind: Kind) -> tuple[Reason, Properties]:
    if version < V5 or not reader.left():
        return Reason.SUCCESS, NONE
    reason = reason_of(reader.u8())
    return reason, read_properties(reader, kind) if reader.left() else NONE


def _disconnect(reader: Reader, version: int) -> Disconnect:
    reason, properties = _ending(reader, version, Kind.DISCONNECT)
    return Disconnect(reason=reason, properties=properties)


def _auth(reader: Reader, version: int) -> Auth:
    reason, properties = _ending(reader, version, Kind.AUTH)
    return Auth(reason=reason, properties=properties)


_READ: dict[Kind, Callable[[Reader, int], Packet]] = {
    Kind.CONNECT: _connect,
    Kind.CONNACK: _connack,
    Kind.PUBACK: _ack(Kind.PUBACK),
    Kind.PUBREC: _ack(Kind.PUBREC),
    Kind.PUBREL: _ack(Kind.PUBREL),
    Kind.PUBCOMP: _ack(Kind.PUBCOMP),
    Kind.SUBSCRIBE: _subscribe,
    Kind.SUBACK: _suback,
    Kind.UNSUBSCRIBE: _unsubscribe,
    Kind.UNSUBACK: _unsuback,
    Kind.PINGREQ: lambda reader, version: Pingreq(),
    Kind.PINGRESP: lambda reader, version: Pingresp(),
    Kind.DISCONNECT: _disconnect,
    Kind.AUTH: _auth,
}
