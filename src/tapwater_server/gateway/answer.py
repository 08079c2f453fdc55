"""Writes the head of an answer: status line, what the function said, what the door adds. Pure."""

from http import HTTPStatus

from tapwater_server.model.invocation import Headers

_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}
STATUS_LINES: list[bytes] = [
    b"HTTP/1.1 %d %b\r\n" % (code, _PHRASES.get(code, b"Unknown")) for code in range(600)
]
# These speak about one connection, and the connection is ours.
HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-connection",
        b"proxy-authenticate",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
# The door writes these by itself.
DROPPED = HOP_BY_HOP | {b"content-length", b"date", b"server", b"tapwater-invocation"}
BODYLESS = frozenset({204, 304})


def head_lines(headers: Headers) -> bytes:
    """Write the headers that a function may set.

    >>> head_lines([(b"content-type", b"text/plain"), (b"connection", b"close")])
    b'content-type: text/plain\\r\\n'
    """
    return b"".join([b"%b: %b\r\n" % pair for pair in headers if pair[0] not in DROPPED])


def given_length(headers: Headers) -> int | None:
    """Read the length a function says its streamed answer has; None where it says none."""
    for name, value in headers:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 16 else None
    return None


def first(headers: Headers, name: bytes) -> bytes:
    """Give the first header of that name, or nothing."""
    for key, value in headers:
        if key == name:
            return value
    return b""
