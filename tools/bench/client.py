"""One connection that speaks as little HTTP as can be measured with: no library in the way."""

import socket
from dataclasses import dataclass
from types import TracebackType
from typing import Self

ANSWER_S_MAX = 120.0
_CHUNK = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status, headers by lower-case name, body."""

    status: int
    headers: dict[str, str]
    body: bytes


def request(path: str, *, host: str = "127.0.0.1", body: bytes | None = None) -> bytes:
    """Write a request that keeps its connection.

    >>> request("/")
    b'GET / HTTP/1.1\\r\\nhost: 127.0.0.1\\r\\n\\r\\n'
    """
    method = "GET" if body is None else "POST"
    extra = "" if body is None else f"content-length: {len(body)}\r\n"
    return f"{method} {path} HTTP/1.1\r\nhost: {host}\r\n{extra}\r\n".encode() + (body or b"")


class Connection:
    """A kept connection to a server on loopback."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S_MAX)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()

    def get(self, path: str, *, host: str = "127.0.0.1") -> Answer:
        """Ask and wait."""
        self.send(request(path, host=host))
        return self.receive()

    def send(self, data: bytes) -> None:
        """Send a request without waiting."""
        self._socket.sendall(data)

    def receive(self) -> Answer:
        """Read one answer: with a length, in chunks, or up to the end."""
        head = self._until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines[1:] if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        if "content-length" in headers:
            body = self._exactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding", "").lower() == "chunked":
            body = self._chunks()
        else:
            body = b""
        return Answer(status=int(lines[0].split()[1]), headers=headers, body=body)

    def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while size := int(self._until(b"\r\n").partition(b";")[0], 16):
            parts.append(self._exactly(size))
            self._exactly(2)
        self._until(b"\r\n")
        return b"".join(parts)

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            self._more()
        found, _, self._rest = self._rest.partition(mark)
        return found

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def _more(self) -> None:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionError("the server closed the connection")
        self._rest += data
