"""The reason codes of MQTT 5, what 3.1.1 has instead of them, and the error that carries one."""

from enum import IntEnum


class Reason(IntEnum):
    """Why a packet ended as it did; from 0x80 on it failed."""

    SUCCESS = 0x00  # also: normal disconnection, granted QoS 0
    GRANTED_1 = 0x01
    GRANTED_2 = 0x02
    DISCONNECT_WITH_WILL = 0x04
    NO_MATCHING_SUBSCRIBERS = 0x10
    NO_SUBSCRIPTION_EXISTED = 0x11
    CONTINUE_AUTHENTICATION = 0x18
    REAUTHENTICATE = 0x19
    UNSPECIFIED = 0x80
    MALFORMED = 0x81
    PROTOCOL_ERROR = 0x82
    IMPLEMENTATION = 0x83
    UNSUPPORTED_VERSION = 0x84
    BAD_CLIENT_ID = 0x85
    BAD_CREDENTIALS = 0x86
    NOT_AUTHORIZED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_BUSY = 0x89
    BANNED = 0x8A
    SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    TAKEN_OVER = 0x8E
    FILTER_INVALID = 0x8F
    TOPIC_INVALID = 0x90
    PACKET_ID_IN_USE = 0x91
    PACKET_ID_NOT_FOUND = 0x92
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    ALIAS_INVALID = 0x94
    PACKET_TOO_LARGE = 0x95
    RATE_TOO_HIGH = 0x96
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE = 0x98
    PAYLOAD_INVALID = 0x99
    RETAIN_NOT_SUPPORTED = 0x9A
    QOS_NOT_SUPPORTED = 0x9B
    USE_ANOTHER_SERVER = 0x9C
    SERVER_MOVED = 0x9D
    SHARED_NOT_SUPPORTED = 0x9E
    CONNECTION_RATE_EXCEEDED = 0x9F
    CONNECT_TIME_EXCEEDED = 0xA0
    IDENTIFIERS_NOT_SUPPORTED = 0xA1
    WILDCARDS_NOT_SUPPORTED = 0xA2


FAILURE = 0x80  # The first reason that is a failure; all that SUBACK of 3.1.1 can say.

# What CONNACK of 3.1.1 says instead; every other failure is "server unavailable".
CONNACK_311: dict[Reason, int] = {
    Reason.SUCCESS: 0,
    Reason.UNSUPPORTED_VERSION: 1,
    Reason.BAD_CLIENT_ID: 2,
    Reason.SERVER_UNAVAILABLE: 3,
    Reason.BAD_CREDENTIALS: 4,
    Reason.NOT_AUTHORIZED: 5,
}
REASON_OF_311: dict[int, Reason] = {code: reason for reason, code in CONNACK_311.items()}


class BadPacket(Exception):
    """What came in breaks the protocol; the connection ends with this reason."""

    def __init__(self, reason: Reason, why: str) -> None:
        super().__init__(why)
        self.reason, self.why = reason, why


def malformed(why: str) -> BadPacket:
    """Make the error for bytes that are no packet."""
    return BadPacket(Reason.MALFORMED, why)


def protocol_error(why: str) -> BadPacket:
    """Make the error for a packet that may not be sent, or not now."""
    return BadPacket(Reason.PROTOCOL_ERROR, why)


def reason_of(code: int) -> Reason:
    """Read a reason code.

    Raises:
        BadPacket: there is no such code.
    """
    try:
        return Reason(code)
    except ValueError:
        raise malformed(f"there is no reason code {code:#04x}") from None
