"""Answers in pieces from handlers of Python: a generator's. Lambda's own runtime has no such thing.

What is yielded is text or bytes. Where the first is a dict it is the head of an HTTP answer
({"statusCode", "headers", "cookies"}), as HttpResponseStream of Node.js has it.
"""

import json
from collections.abc import Iterator
from typing import Any

from tapwater.runtime import streams, wire
from tapwater.runtime.call import Call

_HTTP = b"application/vnd.awslambda.http-integration-response"
_BYTES = b"application/octet-stream"
_SEPARATOR = bytes(8)
_END = object()


class Pieces:
    """What a generator has to say, its first word taken: up to there it may fail as others do."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items = items
        first = next(items, _END)
        self._kind, self._first = _HTTP, b""
        if isinstance(first, dict):
            self._first = json.dumps(first).encode() + _SEPARATOR
        else:
            self._kind = _BYTES
            self._first = b"" if first is _END else _piece(first)

    def send(self, call: Call) -> None:
        """Send all of it, as fast as the caller reads."""
        headers: wire.Headers = [
            (b"content-type", self._kind),
            (b"lambda-response-mode", b"streaming"),
        ]
        streams.begin(call, 200, headers)
        streams.write(call, self._first)
        for item in self._items:
            streams.write(call, _piece(item))

    def close(self) -> None:
        """Let the generator clean up."""
        close = getattr(self._items, "close", None)
        if close is not None:
            close()


def _piece(item: Any) -> bytes:
    if isinstance(item, str):
        return item.encode()
    if isinstance(item, bytes | bytearray | memoryview):
        return bytes(item)
    raise TypeError(f"a stream of text or bytes cannot go on with {type(item).__name__}")
