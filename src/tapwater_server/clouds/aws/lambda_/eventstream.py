"""The framing ``vnd.amazon.eventstream``: messages with headers and checksums. Pure."""

import struct
from collections.abc import Mapping
from zlib import crc32

MEDIA = "application/vnd.amazon.eventstream"
_TEXT = 7  # the type of a header's value


def message(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Write one message.

    >>> len(message({":message-type": "event"}, b"x"))
    39
    """
    head = b"".join(
        struct.pack("!B", len(name))
        + name.encode()
        + struct.pack("!BH", _TEXT, len(value))
        + value.encode()
        for name, value in headers.items()
    )
    size = len(head) + len(payload) + 16
    lengths = struct.pack("!II", size, len(head))
    start = lengths + struct.pack("!I", crc32(lengths)) + head + payload
    return start + struct.pack("!I", crc32(start))


def event(kind: str, media: str, payload: bytes) -> bytes:
    """Write an event."""
    headers = {":event-type": kind, ":content-type": media, ":message-type": "event"}
    return message(headers, payload)
