"""HTTP/1.1 as a runtime's client speaks it: bytes in, requests in pieces out. No sockets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

HEAD_BYTES_MAX = 1_310_720  # A runtime may send what X-Ray is to know, up to a megabyte of it.
_LINE_BYTES_MAX = 4096  # of a chunk's size
_DIGITS_MAX = 15  # of a length
_HEX = frozenset("0123456789abcdefABCDEF")


class HttpError(Exception):
    """What came is no request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A request begins."""

    method: str
    path: str  # without the query
    headers: Mapping[str, str]  # names in lower case
    keep: bool = True  # the connection stays open after it


@dataclass(frozen=True, slots=True)
class Data:
    """A piece of its body."""

    data: bytes


@dataclass(frozen=True, slots=True)
class End:
    """It is here whole."""

    trailers: Mapping[str, str] = field(default_factory=dict)


Part = Head | Data | End


class Parser:
    """Takes what one connection says.

    >>> Parser().feed(b"GET /x?y HTTP/1.1\\r\\n\\r\\n")[0].path
    '/x'
    """

    def __init__(self) -> None:
        self._rest = bytearray()
        self._step = self._head
        self._left = 0
        self._parts: list[Part] = []

    def feed(self, data: bytes) -> list[Part]:
        """Take bytes, give what they complete.

        Raises:
            HttpError: they are no HTTP.
        """
        self._rest += data
        while self._step():
            continue
        parts, self._parts = self._parts, []
        return parts

    def _head(self) -> bool:
        end = self._rest.find(b"\r\n\r\n")
        if end < 0:
            if len(self._rest) > HEAD_BYTES_MAX:
                raise HttpError("the head is too large")
            return False
        line, *lines = self._take(end, 4).split(b"\r\n")
        words = line.split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            raise HttpError("this is no request")
        headers = _headers(lines)
        keep = headers.get("connection", "").lower() != "close" and words[2] != b"HTTP/1.0"
        method, target = words[0].decode("latin-1"), words[1].decode("latin-1")
        path = target.partition("?")[0]
        self._parts.append(Head(method=method, path=path, headers=headers, keep=keep))
        self._begin_body(headers)
        return True

    def _begin_body(self, headers: Mapping[str, str]) -> None:
        if "chunked" in headers.get("transfer-encoding", "").lower():
            self._step = self._size
            return
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or len(length) > _DIGITS_MAX:
            raise HttpError("the length is no number")
        self._left = int(length)
        self._step = self._plain

    def _plain(self) -> bool:
        self._give()
        if self._left:
            return False
        self._finish({})
        return bool(self._rest)

    def _size(self) -> bool:
        line = self._line()
        if line is None:
            return False
        digits = line.partition(b";")[0].strip().decode("latin-1")
        if not digits or len(digits) > _DIGITS_MAX or not _HEX.issuperset(digits):
            raise HttpError("the size of a chunk is no number")
        self._left = int(digits, 16)
        self._step = self._chunk if self._left else self._trailers
        return True

    def _chunk(self) -> bool:
        self._give()
        if self._left or len(self._rest) < 2:
            return False
        del self._rest[:2]
        self._step = self._size
        return True

    def _trailers(self) -> bool:
        if self._rest[:2] == b"\r\n":
            del self._rest[:2]
            self._finish({})
            return bool(self._rest)
        end = self._rest.find(b"\r\n\r\n")
        if end < 0:
            if len(self._rest) > HEAD_BYTES_MAX:
                raise HttpError("the trailers are too large")
            return False
        self._finish(_headers(self._take(end, 4).split(b"\r\n")))
        return bool(self._rest)

    def _give(self) -> None:
        data = bytes(self._rest[: self._left])
        if data:
            del self._rest[: len(data)]
            self._left -= len(data)
            self._parts.append(Data(data))

    def _finish(self, trailers: Mapping[str, str]) -> None:
        self._parts.append(End(trailers))
        self._step = self._head

    def _line(self) -> bytes | None:
        end = self._rest.find(b"\r\n")
        if end < 0:
            if len(self._rest) > _LINE_BYTES_MAX:
                raise HttpError("a line is too long")
            return None
        return self._take(end, 2)

    def _take(self, end: int, more: int) -> bytes:
        taken = bytes(self._rest[:end])
        del self._rest[: end + more]
        return taken


def _headers(lines: list[bytes]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if not colon or not name:
            raise HttpError("a header is cut short")
        found[name.decode("latin-1").lower()] = value.strip().decode("latin-1")
    return found


def write(
    status: int, headers: Mapping[str, str], body: bytes = b"", *, keep: bool = True
) -> bytes:
    """Write an answer.

    >>> write(202, {}).split(b"\\r\\n")[0]
    b'HTTP/1.1 202 Accepted'
    """
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}"]
    lines += [f"{name}: {_safe(value)}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"]
    if not keep:
        lines.append("Connection: close")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def _safe(value: str) -> str:
    """A header's value without what would end it."""
    text = "".join(one for one in value if one >= " " or one == "\t")
    return text.encode("latin-1", "backslashreplace").decode("latin-1")


_REASONS = {
    200: "OK",
    202: "Accepted",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Payload Too Large",
    500: "Internal Server Error",
}
