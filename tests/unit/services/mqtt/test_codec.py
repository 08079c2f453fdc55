"""Packets to bytes and back, and what happens to bytes that are no packets."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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
from tapwater_server.services.mqtt.codec.properties import TABLE, WILL
from tapwater_server.services.mqtt.codec.reading import Splitter, read_packet
from tapwater_server.services.mqtt.codec.reasons import CONNACK_311, BadPacket, Reason
from tapwater_server.services.mqtt.codec.writing import write_packet, write_publish

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
TOPIC = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0+#"), min_size=1, max_size=20
)
BYTES = st.binary(max_size=50)
IDS = st.integers(1, 65_535)
QOS = st.integers(0, 2)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "u8": st.integers(0, 255),
    "flag": st.integers(0, 1),
    "u16": st.integers(1, 65_535),
    "u32": st.integers(1, 2**32 - 1),
    "text": TEXT,
    "binary": BYTES,
}


def properties(where: int) -> st.SearchStrategy[Properties]:
    """Any properties that may stand there."""
    fields: dict[str, st.SearchStrategy[Any]] = {}
    for shape in TABLE:
        if where not in shape.where:
            continue
        if shape.name == "user":
            fields["user"] = st.lists(st.tuples(TEXT, TEXT), max_size=3).map(tuple)
        elif shape.name == "subscription_ids":
            many = 1 if where == Kind.SUBSCRIBE else 3
            fields[shape.name] = st.lists(st.integers(1, 268_435_455), max_size=many).map(tuple)
        elif shape.name == "response_topic":
            fields[shape.name] = st.none() | TOPIC
        else:
            fields[shape.name] = st.none() | _VALUES[shape.read.__name__]
    made = st.builds(Properties, **fields)
    return made.map(lambda one: NONE if one == NONE else one)


REASONS = st.sampled_from(list(Reason))
SUBSCRIPTIONS = st.builds(
    Subscription,
    filter=TEXT,
    qos=QOS,
    no_local=st.booleans(),
    retain_as_published=st.booleans(),
    retain_handling=QOS,
)
WILLS = st.builds(
    Will,
    topic=TOPIC,
    payload=BYTES,
    qos=QOS,
    retain=st.booleans(),
    properties=properties(WILL),
)
PUBLISHES = st.builds(
    Publish,
    topic=TOPIC,
    payload=BYTES,
    qos=st.integers(1, 2),
    retain=st.booleans(),
    dup=st.booleans(),
    packet_id=IDS,
    properties=properties(Kind.PUBLISH),
)
ACKS = st.sampled_from([Kind.PUBACK, Kind.PUBREC, Kind.PUBREL, Kind.PUBCOMP]).flatmap(
    lambda kind: st.builds(
        Ack, kind=st.just(kind), packet_id=IDS, reason=REASONS, properties=properties(kind)
    )
)
PACKETS_5: st.SearchStrategy[Packet] = st.one_of(
    st.builds(
        Connect,
        version=st.just(V5),
        client_id=TEXT,
        clean_start=st.booleans(),
        keep_alive_s=st.integers(0, 65_535),
        user=st.none() | TEXT,
        password=st.none() | BYTES,
        will=st.none() | WILLS,
        properties=properties(Kind.CONNECT),
    ),
    st.builds(
        Connack,
        session_present=st.booleans(),
        reason=REASONS,
        properties=properties(Kind.CONNACK),
    ),
    PUBLISHES,
    st.builds(Publish, topic=TOPIC, payload=BYTES, retain=st.booleans()),
    ACKS,
    st.builds(
        Subscribe,
        packet_id=IDS,
        subscriptions=st.lists(SUBSCRIPTIONS, min_size=1, max_size=4).map(tuple),
        properties=properties(Kind.SUBSCRIBE),
    ),
    st.builds(
        Suback,
        packet_id=IDS,
        reasons=st.lists(REASONS, max_size=4).map(tuple),
        properties=properties(Kind.SUBACK),
    ),
    st.builds(
        Unsubscribe,
        packet_id=IDS,
        filters=st.lists(TEXT, min_size=1, max_size=4).map(tuple),
        properties=properties(Kind.UNSUBSCRIBE),
    ),
    st.builds(
        Unsuback,
        packet_id=IDS,
        reasons=st.lists(REASONS, max_size=4).map(tuple),
        properties=properties(Kind.UNSUBACK),
    ),
    st.just(Pingreq()),
    st.just(Pingresp()),
    st.builds(Disconnect, reason=REASONS, properties=properties(Kind.DISCONNECT)),
    st.builds(Auth, reason=REASONS, properties=properties(Kind.AUTH)),
)
PACKETS_311: st.SearchStrategy[Packet] = st.one_of(
    st.builds(
        Connect,
        version=st.just(V311),
        client_id=TEXT,
        clean_start=st.booleans(),
        keep_alive_s=st.integers(0, 65_535),
        user=TEXT,
        password=st.none() | BYTES,
    ),
    st.builds(Connack, session_present=st.booleans(), reason=st.sampled_from(list(CONNACK_311))),
    st.builds(Publish, topic=TOPIC, payload=BYTES, qos=st.just(1), packet_id=IDS),
    st.builds(Ack, kind=st.just(Kind.PUBREL), packet_id=IDS),
    st.builds(
        Subscribe,
        packet_id=IDS,
        subscriptions=st.lists(
            st.builds(Subscription, filter=TEXT, qos=QOS), min_size=1, max_size=3
        ).map(tuple),
    ),
    st.builds(Unsuback, packet_id=IDS),
    st.just(Disconnect()),
)


def split(data: bytes) -> tuple[int, bytes]:
    [one] = Splitter(packet_bytes_max=1 << 20).feed(data)
    return one


@given(PACKETS_5)
def test_mqtt_5_comes_back_as_it_was(packet: Packet) -> None:
    first, body = split(write_packet(packet, V5))
    assert read_packet(first, body, V5) == packet


@given(PACKETS_311)
def test_mqtt_311_comes_back_as_it_was(packet: Packet) -> None:
    first, body = split(write_packet(packet, V311))
    assert read_packet(first, body, V311) == packet


@given(PUBLISHES)
def test_the_quick_way_writes_the_same(packet: Publish) -> None:
    assert write_publish(packet, V5) == write_packet(packet, V5)


@given(st.lists(PACKETS_5, max_size=5), st.data())
def test_however_it_is_cut_the_same_packets_come_out(
    packets: list[Packet], data: st.DataObject
) -> None:
    stream = b"".join(write_packet(packet, V5) for packet in packets)
    splitter = Splitter(packet_bytes_max=1 << 20)
    found = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += [read_packet(*one, V5) for one in splitter.feed(stream[:size])]
        stream = stream[size:]
    assert found == packets
    assert splitter.held() == 0


@settings(max_examples=300)
@given(st.integers(0, 255), st.binary(max_size=60), st.sampled_from([V311, V5]))
def test_any_bytes_are_a_packet_or_a_bad_one(first: int, body: bytes, version: int) -> None:
    with suppress(BadPacket):
        assert write_packet(read_packet(first, body, version), version)


@given(PACKETS_5, st.data())
def test_a_changed_byte_is_noticed_or_harmless(packet: Packet, data: st.DataObject) -> None:
    first, body = split(write_packet(packet, V5))
    if not body:
        return
    at = data.draw(st.integers(0, len(body) - 1))
    spoilt = body[:at] + bytes([data.draw(st.integers(0, 255))]) + body[at + 1 :]
    with suppress(BadPacket):
        read_packet(first, spoilt, V5)


def bad(data: bytes, version: int = V5) -> Reason:
    with pytest.raises(BadPacket) as raised:
        [read_packet(*one, version) for one in Splitter(packet_bytes_max=100).feed(data)]
    return raised.value.reason


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x00\x00", Reason.MALFORMED),  # no such type
        (b"\xc1\x00", Reason.MALFORMED),  # flags on a PINGREQ
        (b"\xc0\x01x", Reason.MALFORMED),  # a body on a PINGREQ
        (b"\x36\x05\x00\x01a\x00\x01", Reason.MALFORMED),  # QoS 3
        (b"\x38\x04\x00\x01a\x00", Reason.MALFORMED),  # DUP and QoS 0
        (b"\x32\x06\x00\x01a\x00\x00\x00", Reason.MALFORMED),  # packet identifier 0
        (b"\x30\x04\x00\x01+\x00", Reason.TOPIC_INVALID),  # a wildcard in a name
        (b"\x30\x03\x00\x00\x00", Reason.TOPIC_INVALID),  # no name and no alias
        (b"\x30\x05\x00\x02\xc3\x28\x00", Reason.MALFORMED),  # not UTF-8
        (b"\x30\x04\x00\x01\x00\x00", Reason.MALFORMED),  # U+0000
        (b"\x30\x06\x00\x01a\x02\x11\x00", Reason.MALFORMED),  # a property that is not there
        (b"\x30\x08\x00\x01a\x04\x01\x00\x01\x00", Reason.PROTOCOL_ERROR),  # twice
        (b"\x30\x06\x00\x01a\x02\x01\x02", Reason.MALFORMED),  # a flag of 2
        (b"\x30\x06\x00\x01a\x02\x0b\x00", Reason.PROTOCOL_ERROR),  # subscription identifier 0
        (b"\x30\xff\xff\xff\xff\x01", Reason.MALFORMED),  # a length of five bytes
        (b"\x30\x80\x00", Reason.MALFORMED),  # a length longer than it needs to be
        (b"\x30\x7f", Reason.PACKET_TOO_LARGE),  # said before it has come
        (b"\x82\x03\x00\x01\x00", Reason.PROTOCOL_ERROR),  # SUBSCRIBE to nothing
        (b"\x82\x07\x00\x01\x00\x00\x01a\x03", Reason.MALFORMED),  # QoS 3
        (b"\x82\x07\x00\x01\x00\x00\x01a\xc0", Reason.MALFORMED),  # reserved bits
        (b"\x80\x07\x00\x01\x00\x00\x01a\x00", Reason.MALFORMED),  # SUBSCRIBE without its flag
        (b"\x10\x06\x00\x04MQIs", Reason.MALFORMED),  # cut off
        (b"\x10\x07\x00\x04MQTT\x03", Reason.UNSUPPORTED_VERSION),
        (b"\x10\x08\x00\x04MQTT\x05\x01", Reason.MALFORMED),  # the reserved flag
        (b"\x40\x03\x00\x01\x55", Reason.MALFORMED),  # no such reason
    ],
)
def test_what_breaks_the_protocol_is_named(data: bytes, reason: Reason) -> None:
    assert bad(data) == reason


def test_mqtt_311_has_no_options_and_no_auth() -> None:
    assert bad(b"\x82\x06\x00\x01\x00\x01a\x04", V311) == Reason.MALFORMED
    assert bad(b"\xf0\x00", V311) == Reason.MALFORMED


def test_a_failure_says_little_in_mqtt_311() -> None:
    suback = Suback(packet_id=1, reasons=(Reason.GRANTED_2, Reason.NOT_AUTHORIZED))
    assert write_packet(suback, V311) == b"\x90\x04\x00\x01\x02\x80"
    assert write_packet(Connack(reason=Reason.BANNED), V311) == b"\x20\x02\x00\x03"
