"""How a request of the Runtime API is taken in: whole, or as a stream that goes on at once."""

import asyncio
import base64
import json
from collections.abc import Callable, Mapping

from tapwater.clouds.aws.api.calls import CurrentCall, Stream
from tapwater.clouds.aws.api.connection import Connection
from tapwater.clouds.aws.api.http1 import Head

BODY_BYTES_MAX = 16 << 20  # More than any answer may have: what is beyond is told by its size.
Done = Callable[[Head, bytes, Connection], None]
TooMuch = Callable[[int], None]


def refusal(kind: str, message: str) -> bytes:
    """Write why not, as the Runtime API does.

    >>> refusal("InvalidRequestID", "Invalid request ID")
    b'{"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"}'
    """
    return json.dumps({"errorMessage": message, "errorType": kind}).encode()


class Whole:
    """Takes all of a request, then does what it asks."""

    def __init__(
        self, head: Head, connection: Connection, done: Done, too_much: TooMuch | None = None
    ) -> None:
        self._head, self._connection, self._done = head, connection, done
        self._too_much = too_much  # Who is to hear of the size of what was too much.
        self._body = bytearray()
        self._size = 0

    def data(self, data: bytes) -> None:
        """Take a piece; what is too much is counted only."""
        self._size += len(data)
        if self._size <= BODY_BYTES_MAX:
            self._body += data

    def end(self, trailers: Mapping[str, str]) -> None:
        """All of it is here."""
        if self._size > BODY_BYTES_MAX:
            what = f"Exceeded maximum allowed payload size ({BODY_BYTES_MAX} bytes)."
            self._connection.answer(413, {}, refusal("RequestEntityTooLarge", what))
            if self._too_much is not None:
                self._too_much(self._size)
            return
        self._done(self._head, bytes(self._body), self._connection)

    def lost(self) -> None:
        """Half a request asks for nothing."""


class Streamed:
    """Passes an answer on as it is written."""

    def __init__(
        self,
        head: Head,
        connection: Connection,
        current: CurrentCall,
        *,
        ended: Callable[[CurrentCall], None],
        peak_bytes: Callable[[], int],
    ) -> None:
        self._connection, self._current = connection, current
        self._ended, self._peak_bytes = ended, peak_bytes
        kind = head.headers.get("content-type", "application/octet-stream")
        headers = [
            (b"content-type", kind.encode("latin-1")),
            (b"lambda-response-mode", b"streaming"),
        ]
        self._stream = Stream(current, headers)
        self._waiting: asyncio.Task[None] | None = None

    def data(self, data: bytes) -> None:
        """Pass a piece on; where the caller is slow, the runtime waits."""
        self._stream.push(data)
        if not self._stream.room.is_set() and self._waiting is None:
            self._connection.pause(paused=True)
            self._waiting = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        await self._stream.room.wait()
        self._waiting = None
        self._connection.pause(paused=False)

    def end(self, trailers: Mapping[str, str]) -> None:
        """The stream is over, well or with an error in its trailers."""
        kind = trailers.get("lambda-runtime-function-error-type", "")
        if not self._current.over:
            status = "error" if kind else "success"
            self._current.ended_stream(self._peak_bytes(), status)
        if kind:
            said = _decoded(trailers.get("lambda-runtime-function-error-body", ""))
            self._stream.cut(f"{kind}: {said}" if said else kind)
        else:
            self._stream.close()
        self._connection.answer(202, {}, b'{"status":"OK"}')
        self._ended(self._current)

    def lost(self) -> None:
        """The runtime broke off."""
        if not self._current.over:
            self._current.ended_stream(0, "error")
        self._stream.cut("Runtime.TruncatedResponse: the runtime broke off its answer")
        self._ended(self._current)


def _decoded(body: str) -> str:
    try:
        told = json.loads(base64.b64decode(body, validate=True))
        return str(told.get("errorMessage", ""))
    except (ValueError, AttributeError):
        return ""
