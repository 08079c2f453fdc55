"""The opening of a WebSocket (RFC 6455, 4.2): what is asked for, and what is agreed. Pure."""

from base64 import b64decode, b64encode
from hashlib import sha1

from wsproto.extensions import Extension, PerMessageDeflate

from tapwater_server.gateway.answer import DROPPED
from tapwater_server.gateway.errors import Refusal
from tapwater_server.model.invocation import Headers

SUBPROTOCOL = b"tapwater"
_BEARER = b"tapwater.bearer."
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_DROPPED = DROPPED | {b"sec-websocket-accept", b"sec-websocket-extensions"}


def wants_websocket(method: bytes, seen: dict[bytes, bytes]) -> bool:
    """Say whether a request asks for one."""
    return (
        method == b"GET"
        and seen.get(b"upgrade", b"").strip().lower() == b"websocket"
        and b"upgrade"
        in (token.strip() for token in seen.get(b"connection", b"").lower().split(b","))
    )


def check_handshake(seen: dict[bytes, bytes]) -> None:
    """Refuse what is no proper opening.

    Raises:
        Refusal: the version is not 13, or the key is not 16 bytes.
    """
    if seen.get(b"sec-websocket-version", b"").strip() != b"13":
        version = (b"sec-websocket-version", b"13")
        raise Refusal("upgrade_required", "Speak version 13 of WebSocket.", version)
    try:
        key = b64decode(seen.get(b"sec-websocket-key", b""), validate=True)
    except ValueError:
        key = b""
    if len(key) != 16:
        raise Refusal("malformed", "Sec-WebSocket-Key is not 16 bytes in base 64.")


def offered_token(seen: dict[bytes, bytes]) -> bytes:
    """Read the token a browser offers among its subprotocols: it can send no other header.

    >>> offered_token({b"sec-websocket-protocol": b"tapwater, tapwater.bearer.abc"})
    b'Bearer abc'
    """
    for offered in seen.get(b"sec-websocket-protocol", b"").split(b","):
        name = offered.strip()
        if name.startswith(_BEARER):
            return b"Bearer " + name[len(_BEARER) :]
    return b""


def without_token(headers: Headers) -> Headers:
    """Take the token out of what the function sees: it was for us."""
    return [
        (name, _without_bearer(value) if name == b"sec-websocket-protocol" else value)
        for name, value in headers
        if name != b"authorization"
    ]


def _without_bearer(value: bytes) -> bytes:
    names = [name.strip() for name in value.split(b",")]
    return b", ".join(name for name in names if not name.startswith(_BEARER))


def agree_protocol(seen: dict[bytes, bytes], headers: Headers) -> Headers:
    """Choose our own subprotocol where the function chose none: browsers want one that they
    offered, and those that offer a token offer ours with it.
    """
    if any(name == b"sec-websocket-protocol" for name, _ in headers):
        return headers
    offered = [name.strip() for name in seen.get(b"sec-websocket-protocol", b"").split(b",")]
    if SUBPROTOCOL not in offered:
        return headers
    return [*headers, (b"sec-websocket-protocol", SUBPROTOCOL)]


def agree_extensions(seen: dict[bytes, bytes]) -> tuple[list[Extension], bytes]:
    """Take permessage-deflate if it is offered, without keeping a window between messages."""
    for offer in seen.get(b"sec-websocket-extensions", b"").decode("latin-1").split(","):
        if offer.partition(";")[0].strip().lower() != PerMessageDeflate.name:
            continue
        extension = PerMessageDeflate(server_no_context_takeover=True)
        try:
            agreed = extension.accept(offer)
        except ValueError:
            continue  # Its numbers are none.
        if agreed is not None:
            said = f"{PerMessageDeflate.name}; {agreed}" if agreed else PerMessageDeflate.name
            return [extension], said.encode()
    return [], b""


def opening(seen: dict[bytes, bytes], headers: Headers, extensions: bytes, own: bytes) -> bytes:
    """Write the 101. ``own``: what the door adds to every answer, with the end of the head."""
    accept = b64encode(sha1(seen[b"sec-websocket-key"] + _MAGIC).digest())
    lines = [b"%b: %b\r\n" % pair for pair in headers if pair[0] not in _DROPPED]
    if extensions:
        lines.append(b"sec-websocket-extensions: %b\r\n" % extensions)
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        b"sec-websocket-accept: %b\r\n%b%b" % (accept, b"".join(lines), own)
    )
