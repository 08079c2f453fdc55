"""The packets of MQTT as values.

They are msgspec structs where the rest of the house has dataclasses: one is made for each
message in and out, and a frozen dataclass costs several times as much to make.
"""

from enum import IntEnum

from msgspec import Struct

from tapwater_server.services.mqtt.codec.reasons import Reason

V311 = 4
V5 = 5
NEVER_S = 0xFFFF_FFFF  # A session expiry of this many seconds means: never.
PACKET_BYTES_MAX = 268_435_455 + 5  # What the protocol itself can carry.


class Kind(IntEnum):
    """The type in the upper half of the first byte."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


class Properties(Struct, frozen=True, omit_defaults=True):
    """The properties of MQTT 5; None is absent. 3.1.1 has none of them."""

    payload_format: int | None = None
    message_expiry_s: int | None = None
    content_type: str | None = None
    response_topic: str | None = None
    correlation_data: bytes | None = None
    subscription_ids: tuple[int, ...] = ()
    session_expiry_s: int | None = None
    assigned_client_id: str | None = None
    server_keep_alive_s: int | None = None
    authentication_method: str | None = None
    authentication_data: bytes | None = None
    request_problem_information: int | None = None
    will_delay_s: int | None = None
    request_response_information: int | None = None
    response_information: str | None = None
    server_reference: str | None = None
    reason_string: str | None = None
    receive_maximum: int | None = None
    topic_alias_maximum: int | None = None
    topic_alias: int | None = None
    maximum_qos: int | None = None
    retain_available: int | None = None
    user: tuple[tuple[str, str], ...] = ()
    packet_bytes_max: int | None = None
    wildcards_available: int | None = None
    identifiers_available: int | None = None
    shared_available: int | None = None


NONE = Properties()


class Will(Struct, frozen=True, kw_only=True):
    """What is to be published if the client goes without a word."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = NONE


class Connect(Struct, frozen=True, kw_only=True):
    version: int
    client_id: str
    clean_start: bool = True
    keep_alive_s: int = 0
    user: str | None = None
    password: bytes | None = None
    will: Will | None = None
    properties: Properties = NONE


class Connack(Struct, frozen=True, kw_only=True):
    session_present: bool = False
    reason: Reason = Reason.SUCCESS
    properties: Properties = NONE


class Publish(Struct, frozen=True, kw_only=True):
    topic: str
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0  # of QoS 1 and 2
    properties: Properties = NONE


class Ack(Struct, frozen=True, kw_only=True):
    """A PUBACK, PUBREC, PUBREL or PUBCOMP."""

    kind: Kind
    packet_id: int
    reason: Reason = Reason.SUCCESS
    properties: Properties = NONE


class Subscription(Struct, frozen=True, kw_only=True):
    """One line of a SUBSCRIBE."""

    filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0  # 0: send retained, 1: only if the subscription is new, 2: do not


class Subscribe(Struct, frozen=True, kw_only=True):
    packet_id: int
    subscriptions: tuple[Subscription, ...]
    properties: Properties = NONE


class Suback(Struct, frozen=True, kw_only=True):
    packet_id: int
    reasons: tuple[Reason, ...]
    properties: Properties = NONE


class Unsubscribe(Struct, frozen=True, kw_only=True):
    packet_id: int
    filters: tuple[str, ...]
    properties: Properties = NONE


class Unsuback(Struct, frozen=True, kw_only=True):
    packet_id: int
    reasons: tuple[Reason, ...] = ()
    properties: Properties = NONE


class Pingreq(Struct, frozen=True):
    pass


class Pingresp(Struct, frozen=True):
    pass


class Disconnect(Struct, frozen=True, kw_only=True):
    reason: Reason = Reason.SUCCESS
    properties: Properties = NONE


class Auth(Struct, frozen=True, kw_only=True):
    reason: Reason = Reason.SUCCESS
    properties: Properties = NONE


Packet = (
    Connect
    | Connack
    | Publish
    | Ack
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Pingreq
    | Pingresp
    | Disconnect
    | Auth
)
