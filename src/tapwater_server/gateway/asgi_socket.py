"""A WebSocket of the platform's own: ASGI's messages on one side, our connection on the other."""

import asyncio
from collections import deque
from typing import Any

from tapwater_server.gateway.tasks import give_way
from tapwater_server.gateway.websocket import WebSocket
from tapwater_server.model.invocation import Ending, Headers, Outcome, Usage
from tapwater_server.ports.invoker import Resumed
from tapwater_server.web.scope import ASGIApp, Message

UNREAD_BYTES_MAX = 256 << 10  # Of messages the app has not taken yet; then we read no more.
_ABNORMAL = 1006


class InternalSocket:
    """See ``ports.invoker.Call`` for the half that faces the connection."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._messages: deque[str | bytes] = deque()
        self._unread_bytes = 0
        self._gone: tuple[int, str] | None = None
        self._connected = self._accepted = False
        self._refusal: tuple[int, Headers] | None = None
        self._ending = Outcome(ending=Ending.BROKEN, usage=Usage(), message="internal error")
        self._news, self._room = asyncio.Event(), asyncio.Event()
        self._resumed: Resumed | None = None
        socket.on_room = self._room.set

    async def run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        """Run the app to its end. What it raises is a bug of ours: counted, logged, a 500."""
        try:
            await app(scope, self._receive, self._send)
        finally:
            self._socket.ended(self._ending)

    async def _receive(self) -> Message:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        while not (self._messages or self._gone):
            self._news.clear()
            await self._news.wait()
        if not self._messages:
            assert self._gone is not None
            return {"type": "websocket.disconnect", "code": self._gone[0], "reason": self._gone[1]}
        message = self._messages.popleft()
        self._unread_bytes -= len(message)
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed()
        kind = "text" if isinstance(message, str) else "bytes"
        return {"type": "websocket.receive", kind: message}

    async def _send(self, message: Message) -> None:
        """The app speaks.

        Raises:
            ConnectionResetError: the client has gone.
        """
        if self._gone:
            raise ConnectionResetError("the client has gone")
        kind = message["type"]
        if kind == "websocket.send":
            await self._say(message.get("text") or bytes(message.get("bytes") or b""))
        elif kind == "websocket.accept":
            self._accepted = True
            self._socket.answered(101, _opening(message), None)
        elif kind == "websocket.close":
            code, reason = int(message.get("code", 1000)), str(message.get("reason") or "")
            self._ending = Outcome(ending=Ending.OK, usage=Usage(), status=code, message=reason)
            self._socket.ended(self._ending)
        elif kind == "websocket.http.response.start":
            self._refusal = message["status"], list(message.get("headers", ()))
        elif kind == "websocket.http.response.body":
            self._refuse(bytes(message.get("body", b"")))

    async def _say(self, data: str | bytes) -> None:
        """Send, and wait while the client is slow: nothing piles up here."""
        self._socket.message(data)
        await give_way()
        while not (self._socket.roomy or self._gone):
            self._room.clear()
            await self._room.wait()

    def _refuse(self, body: bytes) -> None:
        assert self._refusal is not None
        status, headers = self._refusal
        self._socket.answered(status, headers, body)
        self._ending = Outcome(ending=Ending.OK, usage=Usage(), status=status)
        self._socket.ended(self._ending)

    # See ports.invoker.Call.

    def feed(self, data: bytes, *, last: bool) -> bool:
        """A WebSocket's request has no body."""
        return True

    def send(self, message: str | bytes) -> bool:
        self._messages.append(message)
        self._unread_bytes += len(message)
        self._news.set()
        return self._unread_bytes < UNREAD_BYTES_MAX

    def when_writable(self, resumed: Resumed) -> None:
        if self._unread_bytes < UNREAD_BYTES_MAX:
            resumed()
        else:
            self._resumed = resumed

    def resume(self) -> None:
        self._room.set()

    def cancel(self, reason: str) -> None:
        """The connection is over; ``reason`` begins with the code of its close frame."""
        code, _, said = reason.partition(" ")
        self._gone = (int(code), said) if code.isdigit() else (_ABNORMAL, reason)
        self._news.set()
        self._room.set()


def _opening(message: Message) -> Headers:
    headers: Headers = [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]
    chosen = message.get("subprotocol")
    if chosen:
        headers.append((b"sec-websocket-protocol", chosen.encode("ascii")))
    return headers
