"""Reads a request's target: path, query, and what percent signs stand for. Pure.

The path is decoded once. What decodes to something a path must not hold is refused, not repaired:
a server behind us might repair it in another way.
"""

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from tapwater_server.gateway.errors import Refusal

_HEX = frozenset(b"0123456789abcdefABCDEF")


class RequestTarget(NamedTuple):
    """``segments`` only where a segment holds a slash, which arrived as ``%2F``."""

    path: str
    query: bytes
    segments: list[str] | None = None


def read_target(url: bytes) -> RequestTarget:
    """Read a target in origin form: ``/path?query``.

    >>> read_target(b"/caf%C3%A9?x=1")
    RequestTarget(path='/café', query=b'x=1', segments=None)

    Raises:
        Refusal: it holds what no path may hold.
    """
    raw, _, query = url.partition(b"?")
    if b"#" in url:
        raise Refusal("malformed", "A request target has no fragment.")
    if b"%" not in raw and b"/." not in raw:
        return RequestTarget(_text(raw), query)
    segments = [_decoded(segment) for segment in raw.split(b"/")[1:]]
    if "." in segments or ".." in segments:
        raise Refusal("malformed", "Resolve '.' and '..' before you send a path.")
    held = segments if b"%2f" in raw.lower() else None
    return RequestTarget("/" + "/".join(segments), query, held)


def read_absolute(url: bytes) -> tuple[bytes, bytes]:
    """Split a target in absolute form into host and origin form.

    >>> read_absolute(b"http://shop.localhost:8080/a?b")
    (b'shop.localhost:8080', b'/a?b')

    Raises:
        Refusal: it is none.
    """
    scheme, found, rest = url.partition(b"://")
    if not found or scheme.lower() not in (b"http", b"https"):
        raise Refusal("malformed", "This is not a request target for this server.")
    authority, slash, path = rest.partition(b"/")
    authority, mark, query = authority.partition(b"?")
    if not authority or b"@" in authority:
        raise Refusal("malformed", "The request target names no host.")
    return authority, (b"/?" + query if mark else b"/") if not slash else b"/" + path


def _decoded(segment: bytes) -> str:
    at = segment.find(b"%")
    while at >= 0:
        digits = segment[at + 1 : at + 3]
        if len(digits) != 2 or not _HEX.issuperset(digits):
            raise Refusal("malformed", "A percent sign is not followed by two digits.")
        at = segment.find(b"%", at + 1)
    return _text(unquote_to_bytes(segment))


def _text(raw: bytes) -> str:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise Refusal("malformed", "The path is not UTF-8.") from None
    if "\0" in text:
        raise Refusal("malformed", "A path has no NUL in it.")
    return text
