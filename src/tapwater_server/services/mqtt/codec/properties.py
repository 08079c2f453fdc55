"""Properties of MQTT 5 as a table: which code is which field, how it looks, where it may be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tapwater_server.services.mqtt.codec import fields
from tapwater_server.services.mqtt.codec.fields import Reader
from tapwater_server.services.mqtt.codec.packets import NONE, Kind, Properties
from tapwater_server.services.mqtt.codec.reasons import malformed, protocol_error

USER_PROPERTIES_MAX = 256  # In one packet; every one is kept with the message.
SUBSCRIPTION_IDS_MAX = 256

WILL = 0  # The properties of a will stand where no packet type stands.
_ACKS = frozenset({Kind.PUBACK, Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP})
_REASONED = _ACKS | {Kind.CONNACK, Kind.SUBACK, Kind.UNSUBACK, Kind.DISCONNECT, Kind.AUTH}
_EVERYWHERE = frozenset(Kind) | {WILL}


@dataclass(frozen=True, slots=True)
class Shape:
    """One row of the table. ``low``: the least value that is allowed."""

    code: int
    name: str
    read: Callable[[Reader], Any]
    write: Callable[[Any], bytes]
    where: frozenset[int]
    low: int = 0


def _row(code: int, name: str, kind: str, *where: int, low: int = 0) -> Shape:
    return Shape(code, name, getattr(Reader, kind), _WRITE[kind], frozenset(where), low)


_WRITE: dict[str, Callable[[Any], bytes]] = {
    "u8": fields.u8,
    "flag": fields.u8,
    "u16": fields.u16,
    "u32": fields.u32,
    "varint": fields.varint,
    "text": fields.text,
    "binary": fields.binary,
    "pair": fields.pair,
}

_IDS, _USER = 0x0B, 0x26
TABLE: tuple[Shape, ...] = (
    _row(0x01, "payload_format", "flag", Kind.PUBLISH, WILL),
    _row(0x02, "message_expiry_s", "u32", Kind.PUBLISH, WILL),
    _row(0x03, "content_type", "text", Kind.PUBLISH, WILL),
    _row(0x08, "response_topic", "text", Kind.PUBLISH, WILL),
    _row(0x09, "correlation_data", "binary", Kind.PUBLISH, WILL),
    _row(_IDS, "subscription_ids", "varint", Kind.PUBLISH, Kind.SUBSCRIBE, low=1),
    _row(0x11, "session_expiry_s", "u32", Kind.CONNECT, Kind.CONNACK, Kind.DISCONNECT),
    _row(0x12, "assigned_client_id", "text", Kind.CONNACK),
    _row(0x13, "server_keep_alive_s", "u16", Kind.CONNACK),
    _row(0x15, "authentication_method", "text", Kind.CONNECT, Kind.CONNACK, Kind.AUTH),
    _row(0x16, "authentication_data", "binary", Kind.CONNECT, Kind.CONNACK, Kind.AUTH),
    _row(0x17, "request_problem_information", "flag", Kind.CONNECT),
    _row(0x18, "will_delay_s", "u32", WILL),
    _row(0x19, "request_response_information", "flag", Kind.CONNECT),
    _row(0x1A, "response_information", "text", Kind.CONNACK),
    _row(0x1C, "server_reference", "text", Kind.CONNACK, Kind.DISCONNECT),
    _row(0x1F, "reason_string", "text", *_REASONED),
    _row(0x21, "receive_maximum", "u16", Kind.CONNECT, Kind.CONNACK, low=1),
    _row(0x22, "topic_alias_maximum", "u16", Kind.CONNECT, Kind.CONNACK),
    _row(0x23, "topic_alias", "u16", Kind.PUBLISH),
    _row(0x24, "maximum_qos", "flag", Kind.CONNACK),
    _row(0x25, "retain_available", "flag", Kind.CONNACK),
    _row(_USER, "user", "pair", *_EVERYWHERE),
    _row(0x27, "packet_bytes_max", "u32", Kind.CONNECT, Kind.CONNACK, low=1),
    _row(0x28, "wildcards_available", "flag", Kind.CONNACK),
    _row(0x29, "identifiers_available", "flag", Kind.CONNACK),
    _row(0x2A, "shared_available", "flag", Kind.CONNACK),
)
_BY_CODE = {shape.code: shape for shape in TABLE}
_SINGLE = tuple(shape for shape in TABLE if shape.code not in {_IDS, _USER})


def read_properties(reader: Reader, where: int) -> Properties:
    """Read the properties of one packet.

    Raises:
        BadPacket: one is unknown, twice there, out of range or at the wrong place.
    """
    length = reader.varint()
    if length == 0:
        return NONE
    inner = Reader(reader.take(length))
    values: dict[str, Any] = {}
    while inner.left():
        shape = _BY_CODE.get(inner.varint())
        if shape is None or where not in shape.where:
            raise malformed("a property is unknown, or at the wrong place")
        _note(shape, shape.read(inner), where, values)
    for name in ("user", "subscription_ids"):
        if name in values:
            values[name] = tuple(values[name])
    return Properties(**values)


def _note(shape: Shape, value: Any, where: int, values: dict[str, Any]) -> None:
    if shape.low and value < shape.low:
        raise protocol_error(f"{shape.name} may not be {value}")
    if shape.code == _USER:
        _add(values, shape.name, value, count_max=USER_PROPERTIES_MAX)
    elif shape.code == _IDS:
        count_max = 1 if where == Kind.SUBSCRIBE else SUBSCRIPTION_IDS_MAX
        _add(values, shape.name, value, count_max=count_max)
    elif shape.name in values:
        raise protocol_error(f"{shape.name} is there twice")
    else:
        values[shape.name] = value


def _add(values: dict[str, Any], name: str, value: Any, *, count_max: int) -> None:
    several = values.setdefault(name, [])
    several.append(value)
    if len(several) > count_max:
        raise protocol_error(f"{name} is there more than {count_max} times")


def write_properties(properties: Properties) -> bytes:
    """Write properties with their length before them."""
    if properties is NONE:
        return b"\0"
    out = bytearray()
    for shape in _SINGLE:
        value = getattr(properties, shape.name)
        if value is not None:
            out.append(shape.code)
            out += shape.write(value)
    for number in properties.subscription_ids:
        out.append(_IDS)
        out += fields.varint(number)
    for each in properties.user:
        out.append(_USER)
        out += fields.pair(each)
    return fields.varint(len(out)) + out
