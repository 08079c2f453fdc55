"""One request and its answer, on one connection. The door decides, the exchange writes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tapwater_server.gateway.answer import BODYLESS, STATUS_LINES, given_length, head_lines
from tapwater_server.gateway.compression import BODY_BYTES_MIN, ENCODERS, Encoder, compress_whole
from tapwater_server.gateway.errors import Refusal, outcome_answer, refusal_answer
from tapwater_server.gateway.shaping import choose_shape
from tapwater_server.model.invocation import Ending, Headers, Invocation, Outcome, Usage
from tapwater_server.ports.invoker import Call

if TYPE_CHECKING:
    from tapwater_server.gateway.connection import Connection

_FINE = Outcome(ending=Ending.OK, usage=Usage())


class Exchange:
    """See ``ports.invoker.Exchange`` for the half that faces the function.

    The other half is the request, as far as it has been read: the head from the beginning, the
    body in ``parts`` until the call is ``started`` and in ``Call.feed`` from then on.
    """

    __slots__ = (
        "_chunked",
        "_encoder",
        "_left",
        "_streaming",
        "answering",
        "body_bytes_max",
        "call",
        "client",
        "complete",
        "connection",
        "cors",
        "headers",
        "host",
        "invocation",
        "keep_alive",
        "method",
        "old",
        "over",
        "parts",
        "plan",
        "queued",
        "recoded",
        "refusal",
        "scheme",
        "seen",
        "size",
        "started",
        "url",
        "waits",
    )

    def __init__(
        self,
        connection: "Connection",
        method: bytes,
        url: bytes,
        headers: Headers,
        seen: dict[bytes, bytes],
    ) -> None:
        self.connection = connection
        self.method, self.url, self.headers, self.seen = method, url, headers, seen
        self.host = seen.get(b"host", b"")
        self.client = self.scheme = ""  # as a trusted proxy says; else the connection's
        self.keep_alive = True
        self.old = False  # HTTP/1.0
        # What to do when its turn comes: the first of these that is there.
        self.refusal: Refusal | None = None
        self.plan: Callable[[Exchange], Call | None] | None = None
        self.invocation: Invocation | None = None
        # The request's body.
        self.body_bytes_max = 0
        self.parts: list[bytes] = []
        self.size = 0
        self.complete = False
        self.queued = False  # handed to the connection, to be started in its turn
        self.started = False
        self.waits = False  # for "100 Continue", before it sends the body
        # The answer.
        self.call: Call | None = None
        self.cors: Headers | None = None
        self.recoded = True  # it may be compressed; else it goes out as it is given
        self.answering = False
        self.over = False
        self._streaming = False

    def start(self) -> None:
        """It is this request's turn: make the call."""
        self.started = True
        invocation = self.invocation
        if self.refusal is not None:
            self.say(*refusal_answer(self.refusal))
            return
        if self.waits and not self.complete:
            self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.plan is not None:
            call = self.plan(self)
        else:
            assert invocation is not None
            if self.parts:
                invocation.body = b"".join(self.parts)
                self.parts = []
            invocation.body_follows = not self.complete
            call = self.connection.door.invoker.start(invocation, self)
        if not self.over:
            self.call = call

    def say(self, status: int, headers: Headers, whole: bytes) -> None:
        """Answer by ourselves, in one piece."""
        self.answered(status, headers, whole)
        self.ended(_FINE)

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        assert not self.answering
        if status < 200 or self.over:
            return  # 1xx is not for functions: without an answer the call ends as broken.
        self.answering = True
        if not self.complete or self.connection.door.stopping:
            self.keep_alive = False
        if self.cors is not None:
            headers = headers + self.cors
        coding = b""
        long = whole is None or len(whole) >= BODY_BYTES_MIN
        if long and status not in BODYLESS and self.recoded:
            headers, coding = choose_shape(status, headers, self.seen.get(b"accept-encoding", b""))
        if whole is None:
            self._begin_stream(status, headers, coding)
        else:
            self._write_whole(status, headers, compress_whole(coding, whole) if coding else whole)

    def body(self, data: bytes) -> bool:
        if not self._streaming or self.over or not data:
            return True
        if self._encoder is not None:
            data = self._encoder.push(data)
        return self._write_piece(data)

    def message(self, data: str | bytes) -> None:
        """No WebSocket here: nothing is listening."""

    def ended(self, outcome: Outcome) -> None:
        if self.over:
            return
        if not self.answering:
            self._apologize(outcome)
        elif self._streaming:
            self._end_stream(fine=outcome.ending is Ending.OK)
        self.over = True
        self.call = None
        self.connection.finished(self)

    def interrupt(self, refusal: Refusal | None) -> None:
        """End it from our side: the request went wrong, or the client has gone (None)."""
        call, self.call = self.call, None
        if not self.over:
            self.keep_alive = False
            if refusal is not None and not self.answering:
                self.answered(*refusal_answer(refusal))
            self.over = True
            if call is not None:
                call.cancel("the client has gone" if refusal is None else refusal.detail)
            self.connection.finished(self)

    def _apologize(self, outcome: Outcome) -> None:
        id = self.invocation.id if self.invocation is not None else ""
        dev = self.connection.door.settings.dev
        self.answered(*outcome_answer(outcome, invocation=id, dev=dev))

    def _write_whole(self, status: int, headers: Headers, whole: bytes) -> None:
        if self.method == b"HEAD" or status in BODYLESS:
            self._write_head(status, headers, whole)
            return
        last = self._last_lines() if self.old or not self.keep_alive else self.own_lines()
        self.connection.write(
            b"%b%bcontent-length: %d\r\n%b%b"
            % (STATUS_LINES[status], head_lines(headers), len(whole), last, whole)
        )

    def _write_head(self, status: int, headers: Headers, whole: bytes) -> None:
        """Write an answer that has no body, whatever the function gave."""
        length = b""
        if status not in BODYLESS:
            given = given_length(headers)
            size = len(whole) if whole or given is None else given
            length = b"content-length: %d\r\n" % size
        self.connection.write(
            b"%b%b%b%b" % (STATUS_LINES[status], head_lines(headers), length, self._last_lines())
        )

    def _last_lines(self) -> bytes:
        """The headers that the door adds, and the end of the head."""
        if not self.keep_alive:
            return b"connection: close\r\n" + self.own_lines()
        if self.old:
            return b"connection: keep-alive\r\n" + self.own_lines()
        return self.own_lines()

    def own_lines(self) -> bytes:
        """What every answer says of the door and the call, and the end of the head."""
        dated = self.connection.door.dated
        if self.invocation is None:
            return dated + b"\r\n"
        return b"%btapwater-invocation: %b\r\n\r\n" % (dated, self.invocation.id.encode())

    def _begin_stream(self, status: int, headers: Headers, coding: bytes) -> None:
        length = None if coding else given_length(headers)
        self._encoder: Encoder | None = ENCODERS[coding]() if coding else None
        self._left = length
        self._chunked = length is None and not self.old
        framing = b""
        if self.method == b"HEAD" or status in BODYLESS:
            self._chunked, self._left = False, 0
            if length is not None and status not in BODYLESS:
                framing = b"content-length: %d\r\n" % length
        elif length is not None:
            framing = b"content-length: %d\r\n" % length
        elif self._chunked:
            framing = b"transfer-encoding: chunked\r\n"
        else:
            self.keep_alive = False  # HTTP/1.0: the end of the body is the end of the connection.
        self._streaming = True
        self.connection.write(
            b"%b%b%b%b" % (STATUS_LINES[status], head_lines(headers), framing, self._last_lines())
        )

    def _write_piece(self, data: bytes) -> bool:
        if self._chunked:
            return self.connection.write(b"%x\r\n%b\r\n" % (len(data), data)) if data else True
        if self._left is None:
            return self.connection.write(data)
        data = data[: self._left]  # What is more than was announced would be read as an answer.
        self._left -= len(data)
        return self.connection.write(data) if data else True

    def _end_stream(self, *, fine: bool) -> None:
        if fine and self._encoder is not None:
            self._write_piece(self._encoder.finish())
        if fine and self._chunked:
            self.connection.write(b"0\r\n\r\n")
        elif not fine or self._left:
            self.keep_alive = False  # The client must see that something is missing.
