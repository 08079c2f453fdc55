"""Serves the platform's own pages: an ASGI app under ``/_/``. Here a task per request is fine."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from tapwater_server.gateway.asgi_socket import InternalSocket
from tapwater_server.gateway.exchange import Exchange
from tapwater_server.gateway.target import RequestTarget
from tapwater_server.gateway.tasks import Tasks, give_way
from tapwater_server.gateway.websocket import WebSocket
from tapwater_server.model.ids import AppId
from tapwater_server.model.invocation import Ending, Headers, Outcome, Usage
from tapwater_server.model.limits import WINDOW_BYTES
from tapwater_server.ports.invoker import Call, Resumed
from tapwater_server.web.scope import DOOR, ASGIApp, Door, Message


class Bridge:
    """Starts the internal app for a request."""

    def __init__(self, app: ASGIApp, *, tasks: Tasks) -> None:
        self._app, self._tasks = app, tasks
        self._reading: set[InternalCall] = set()

    def start(self, exchange: Exchange, *, target: RequestTarget, app: AppId) -> Call:
        """A plan: the internal app answers. ``app``: whose host was asked."""
        call = InternalCall(exchange)
        scope = _scope(exchange, target)
        scope[DOOR] = call.door(app)
        if exchange.method == b"GET":
            self._reading.add(call)
        self._tasks.start(self._run(call, scope))
        return call

    async def _run(self, call: "InternalCall", scope: dict[str, Any]) -> None:
        try:
            await call.run(self._app, scope)
        finally:
            self._reading.discard(call)

    def open_socket(self, exchange: Exchange, *, target: RequestTarget, app: AppId) -> Call | None:
        """A plan: the internal app talks over a WebSocket, if it wants to."""
        offered = exchange.seen.get(b"sec-websocket-protocol", b"").decode("latin-1")
        scope = {
            **_scope(exchange, target),
            "type": "websocket",
            "subprotocols": [name.strip() for name in offered.split(",") if name.strip()],
            "extensions": {"websocket.http.response": {}},
            DOOR: Door(app=app),
        }

        def begin(socket: WebSocket) -> Call:
            call = InternalSocket(socket)
            self._tasks.start(call.run(self._app, scope))
            return call

        return WebSocket(exchange).start(begin)

    def hang_up(self) -> None:
        """Tell answers that only show something (a log that is followed) that nobody listens."""
        for call in list(self._reading):
            call.cancel("the server is stopping")


def _scope(exchange: Exchange, target: RequestTarget) -> dict[str, Any]:
    connection = exchange.connection
    host, _, port = exchange.host.decode("latin-1").rpartition(":")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.0" if exchange.old else "1.1",
        "method": exchange.method.decode("ascii"),
        "scheme": exchange.scheme or connection.scheme,
        "path": target.path,
        "raw_path": exchange.url.partition(b"?")[0],
        "query_string": target.query,
        "root_path": "",
        "headers": _headers(exchange),
        "client": (exchange.client or connection.client, 0),
        "server": (host, int(port)) if port.isdigit() else (exchange.host.decode("latin-1"), None),
        "state": {},
    }


def _headers(exchange: Exchange) -> Headers:
    """Name the host that the client asked for, where a proxy of ours says that it is another."""
    if exchange.host == exchange.seen.get(b"host", b""):
        return exchange.headers
    kept = [pair for pair in exchange.headers if pair[0] != b"host"]
    return [(b"host", exchange.host), *kept]


class InternalCall:
    """One request inside the internal app."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        whole = b"".join(exchange.parts)
        exchange.parts = []
        self._parts = deque([whole] if whole else [])
        self._size = len(whole)
        self._complete = exchange.complete
        self._read = False  # the app has had all of the body
        self._gone = False
        self._news: asyncio.Event | None = None  # Most have come whole, and need no waiting.
        self._room: asyncio.Event | None = None
        self._resumed: Resumed | None = None
        self._head: tuple[int, Headers] | None = None
        self._answering = self._done = False
        self._told: Callable[[], object] | None = None

    def door(self, app: AppId) -> Door:
        """What the app may know of this request beyond ASGI."""
        door = Door(app=app, on_gone=self.on_gone, say=self.say)
        if self._complete:
            door["whole"] = self._parts[0] if self._parts else b""
        return door

    def on_gone(self, told: Callable[[], object]) -> None:
        """Call this as soon as the client has gone; the latest wish counts."""
        self._told = told

    def say(self, status: int, headers: Sequence[tuple[bytes, bytes]], whole: bytes) -> None:
        """The app answers in one piece.

        Raises:
            ConnectionResetError: the client has gone.
        """
        if self._gone:
            raise ConnectionResetError("the client has gone")
        self._answering = self._done = True
        self._exchange.answered(status, [(name.lower(), text) for name, text in headers], whole)

    async def run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        """Run the app to its end. What it raises is a bug of ours: counted, logged, a 500."""
        ending = Ending.BROKEN
        try:
            await app(scope, self._receive, self._send)
            ending = Ending.OK if self._done else Ending.BROKEN
        except ConnectionResetError:
            ending = Ending.CANCELLED
        except Exception:
            ending = Ending.USER_ERROR
            raise
        finally:
            self._exchange.ended(Outcome(ending=ending, usage=Usage(), message="internal error"))

    async def _receive(self) -> Message:
        """The app wants more of the request."""
        while not (self._parts or self._gone or (self._complete and not self._read)):
            self._news = asyncio.Event()
            await self._news.wait()
        if self._gone:
            return {"type": "http.disconnect"}
        data = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._read = self._complete
        resumed, self._resumed = self._resumed, None
        if resumed is not None:
            resumed()
        return {"type": "http.request", "body": data, "more_body": not self._read}

    async def _send(self, message: Message) -> None:
        """The app answers.

        Raises:
            ConnectionResetError: the client has gone.
        """
        if self._gone:
            raise ConnectionResetError("the client has gone")
        if message["type"] == "http.response.start":
            self._head = (
                message["status"],
                [(bytes(name).lower(), bytes(value)) for name, value in message.get("headers", ())],
            )
        elif message["type"] == "http.response.body":
            await self._send_body(bytes(message.get("body", b"")), message.get("more_body", False))

    async def _send_body(self, data: bytes, more: bool) -> None:
        assert self._head is not None
        if self._done:
            return
        self._done = not more
        if not self._answering:
            self._answering = True
            self._exchange.answered(*self._head, None if more else data)
            if not more:
                return
        self._room = asyncio.Event()
        if not self._exchange.body(data):
            await self._room.wait()
        elif more:
            await give_way()

    # See ports.invoker.Call.

    def feed(self, data: bytes, *, last: bool) -> bool:
        self._parts.append(data)
        self._size += len(data)
        self._complete = self._complete or last
        if self._news is not None:
            self._news.set()
        return self._size < WINDOW_BYTES

    def send(self, message: str | bytes) -> bool:
        return True

    def when_writable(self, resumed: Resumed) -> None:
        self._resumed = resumed

    def resume(self) -> None:
        if self._room is not None:
            self._room.set()

    def cancel(self, reason: str) -> None:
        self._gone = True
        for waiting in (self._news, self._room):
            if waiting is not None:
                waiting.set()
        if self._told is not None:
            self._told()
