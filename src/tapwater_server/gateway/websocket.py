"""One WebSocket: frames on one side, a call of a function on the other."""

from collections.abc import Callable
from enum import IntEnum

from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError

from tapwater_server.gateway.exchange import Exchange
from tapwater_server.gateway.handshake import agree_extensions, agree_protocol, opening
from tapwater_server.model.invocation import Ending, Headers, Outcome
from tapwater_server.ports.invoker import Call

SLICE_BYTES = 4 << 10  # A thousand times that, inflated, may be held before we can look.
EARLY_BYTES_MAX = 64 << 10  # What a client may send before it was accepted.
BEHIND_MAX = 4  # write buffers that a client may be behind before we hang up
_GOING_AWAY, _ODD, _TOO_BIG, _BROKEN, _RESTART, _LATER = 1001, 1002, 1009, 1011, 1012, 1013


class Stage(IntEnum):
    """How far it is."""

    OPENING = 0
    OPEN = 1
    CLOSING = 2  # our close frame is out, theirs is awaited
    CLOSED = 3


class WebSocket:
    """The exchange of a WebSocket call, and what its connection has become."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._connection = exchange.connection
        self._limits = exchange.connection.door.limits
        self._stage = Stage.OPENING
        self._early = bytearray()
        self._frames: Frames | None = None
        self._parts: list[str | bytes] = []
        self._size = 0
        self._heard_at = self._connection.door.coarse_now
        self._asked_at = 0.0  # when the ping went out that was not answered yet
        self._closing_at = 0.0
        self._call: Call | None = None
        self._ended = False
        self.on_room: Callable[[], None] | None = None  # the client takes what we send, again

    @property
    def roomy(self) -> bool:
        """Whether the client keeps up."""
        return self._connection.writable

    def start(self, begin: "Callable[[WebSocket], Call]") -> Call | None:
        """Make the call. The connection is ours from now on."""
        self._connection.become(self)
        call = begin(self)
        if not self._ended:
            self._call = call
            if self._stage is Stage.OPEN:
                self._take_early()
        return call

    # The function's side: see ports.invoker.Exchange.

    def answered(self, status: int, headers: Headers, whole: bytes | None) -> None:
        if self._stage is not Stage.OPENING:
            return
        if status == 101:
            self._open(headers)
        else:
            self._connection.become(None)  # It said no, in plain HTTP.
            self._exchange.answered(status, headers, whole)

    def body(self, data: bytes) -> bool:
        return self._exchange.body(data) if self._stage is Stage.OPENING else True

    def message(self, data: str | bytes) -> None:
        if self._stage is not Stage.OPEN:
            return
        event = TextMessage(data=data) if isinstance(data, str) else BytesMessage(data=data)
        self._send(event)
        if self._connection.unsent > self._limits.write_buffer_bytes_max * BEHIND_MAX:
            self._cancel(f"{_LATER} the client reads too slowly")
            self._close(_LATER, "too slow")

    def ended(self, outcome: Outcome) -> None:
        if self._ended:
            return
        self._ended, self._call = True, None
        if self._stage is Stage.OPENING:
            self._connection.become(None)
            self._exchange.ended(outcome)
            return
        fine = outcome.ending is Ending.OK
        code = outcome.status if _may_be_sent(outcome.status) else 1000 if fine else _BROKEN
        self._close(code, outcome.message if fine else outcome.ending.value.replace("_", " "))

    # The client's side: see connection.Session.

    def received(self, data: bytes) -> None:
        self._heard_at = self._connection.door.coarse_now
        if self._stage is Stage.OPENING:
            self._early += data
            if len(self._early) > EARLY_BYTES_MAX:
                self._connection.abort()
            return
        for at in range(0, len(data), SLICE_BYTES):
            if self._stage is Stage.CLOSED or self._frames is None:
                return
            self._take(self._frames, data[at : at + SLICE_BYTES])

    def sweep(self, now: float) -> None:
        if self._stage is Stage.CLOSING and now - self._closing_at > self._limits.linger_s_max:
            self._finish()
        if self._stage is not Stage.OPEN:
            return
        if self._asked_at > self._heard_at:
            if now - self._asked_at > self._limits.pong_wait_s_max:
                self._cancel(f"{_GOING_AWAY} the client does not answer")
                self._connection.abort()
        elif now - self._heard_at > self._limits.ping_s:
            self._asked_at = now
            self._send(Ping())

    def resume(self) -> None:
        if self.on_room is not None:
            self.on_room()
        if self._stage is Stage.OPENING and self._call is not None:
            self._call.resume()

    def lost(self) -> None:
        self._cancel("1006 the connection was lost")
        self._finish()

    def stop(self) -> None:
        """The server is stopping."""
        if self._stage is Stage.OPEN:
            self._cancel(f"{_RESTART} the server is stopping")
            self._close(_RESTART, "the server is stopping")

    # Between them.

    def _open(self, headers: Headers) -> None:
        exchange = self._exchange
        extensions, agreed = agree_extensions(exchange.seen)
        headers = agree_protocol(exchange.seen, headers)
        self._connection.write(opening(exchange.seen, headers, agreed, exchange.own_lines()))
        self._frames = Frames(ConnectionType.SERVER, extensions)
        self._stage = Stage.OPEN
        self._connection.door.counts.websockets += 1
        if self._call is not None:
            self._take_early()

    def _take_early(self) -> None:
        early, self._early = bytes(self._early), bytearray()
        if early:
            self.received(early)

    def _take(self, frames: Frames, data: bytes) -> None:
        if frames.state in (ConnectionState.OPEN, ConnectionState.LOCAL_CLOSING):
            frames.receive_data(data)
        for event in frames.events():
            self._meet(event)
            if self._stage is Stage.CLOSED:
                return

    def _meet(self, event: Event) -> None:
        if isinstance(event, TextMessage | BytesMessage):
            self._gather(event.data, finished=event.message_finished)
        elif isinstance(event, Ping):
            self._send(event.response())
        elif isinstance(event, CloseConnection):
            self._closed_by_peer(event)
        else:
            assert isinstance(event, Pong)  # Heard, that is all it says.

    def _gather(self, data: str | bytes | bytearray, *, finished: bool) -> None:
        if self._stage is not Stage.OPEN:
            return
        piece = data if isinstance(data, str) else bytes(data)
        self._size += len(piece.encode()) if isinstance(piece, str) else len(piece)
        if self._size > self._limits.message_bytes_max:
            self._cancel(f"{_TOO_BIG} the message is too big")
            self._close(_TOO_BIG, "the message is too big")
            return
        self._parts.append(piece)
        if finished:
            parts, self._parts, self._size = self._parts, [], 0
            self._deliver(_joined(parts))

    def _deliver(self, message: str | bytes) -> None:
        call = self._call
        if call is not None and not call.send(message):
            self._connection.hold_for(call)

    def _closed_by_peer(self, event: CloseConnection) -> None:
        """Their close frame, or a fault of theirs that the frames have found."""
        code = int(event.code)
        if self._stage is Stage.OPEN:
            self._cancel(f"{code} {event.reason or ''}".strip())
            assert self._frames is not None
            if self._frames.state is ConnectionState.REMOTE_CLOSING:
                self._send(event.response())
            else:
                self._send(CloseConnection(code=code if _may_be_sent(code) else _ODD))
        self._finish()

    def _close(self, code: int, reason: str) -> None:
        if self._stage is Stage.OPEN:
            self._stage = Stage.CLOSING
            self._closing_at = self._connection.door.coarse_now
            self._send(CloseConnection(code=code, reason=reason))

    def _cancel(self, reason: str) -> None:
        """Give the call up; how it ends does not matter any more."""
        call, self._call = self._call, None
        self._ended = True
        if call is not None:
            call.cancel(reason)

    def _send(self, event: Event) -> None:
        assert self._frames is not None
        try:
            data = self._frames.send(event)
        except LocalProtocolError:
            return  # Closing already: nothing may follow a close frame.
        self._connection.write(data)

    def _finish(self) -> None:
        """Hang up."""
        if self._stage in (Stage.OPEN, Stage.CLOSING):
            self._connection.door.counts.websockets -= 1
        self._stage = Stage.CLOSED
        if not self._exchange.over:
            self._exchange.over = True
            self._connection.finished(self._exchange)


def _joined(parts: list[str | bytes]) -> str | bytes:
    if len(parts) == 1:
        return parts[0]
    if isinstance(parts[0], str):
        return "".join(part for part in parts if isinstance(part, str))
    return b"".join(part for part in parts if isinstance(part, bytes))


def _may_be_sent(code: int) -> bool:
    """Say whether a close frame may carry this code (RFC 6455, 7.4)."""
    return code in range(3000, 5000) or (
        code in range(1000, 1015) and code not in (1004, 1005, 1006)
    )
