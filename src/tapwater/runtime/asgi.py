"""A whole ASGI app (spec 3.0, HTTP 2.4): its lifespan, its requests, its WebSockets."""

import asyncio
from typing import Any

from tapwater.headers import sendable
from tapwater.runtime import streams, wire
from tapwater.runtime.answers import Whole
from tapwater.runtime.asgi_scope import http_scope, websocket_scope
from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.conversation import Conversation
from tapwater.runtime.program import Program
from tapwater.runtime.serving import fail
from tapwater.runtime.serving_async import send_whole_async

Message = dict[str, Any]

LIFESPAN_S_MAX = 30.0  # a slower start is a broken one


class LifespanFailed(Exception):
    """The app said that it cannot start."""


class App:
    """An app and the state its lifespan made."""

    def __init__(self, program: Program) -> None:
        self._app = program.app
        self._state: dict[str, Any] = {}
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._said: asyncio.Queue[Message] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def startup(self) -> None:
        """Begin the lifespan; an app that knows none goes without.

        Raises:
            LifespanFailed: the app cannot start.
        """
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._state,
        }
        self._task = asyncio.create_task(self._live(scope))
        await self._tell("startup")

    async def shutdown(self) -> None:
        """End the lifespan."""
        if self._task is not None and not self._task.done():
            await self._tell("shutdown")
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1.0)

    async def _tell(self, moment: str) -> None:
        await self._inbox.put({"type": f"lifespan.{moment}"})
        async with asyncio.timeout(LIFESPAN_S_MAX):
            said = await self._said.get()
        if said["type"] == f"lifespan.{moment}.failed":
            raise LifespanFailed(str(said.get("message", "")) or f"the app's {moment} failed")

    async def _live(self, scope: Message) -> None:
        try:
            await self._app(scope, self._inbox.get, self._said.put)
        except Exception as error:
            # Most apps that have no lifespan raise; the spec says to go on without.
            await self._said.put({"type": "lifespan.unknown", "message": repr(error)})
        else:
            await self._said.put({"type": "lifespan.over"})

    async def http(self, call: Call) -> None:
        """Serve one request."""
        exchange = _Exchange(call)
        try:
            await self._app(http_scope(call, self._state.copy()), exchange.receive, exchange.send)
            exchange.check_complete()
        except (Exception, asyncio.CancelledError) as error:
            fail(call, error)

    async def websocket(self, call: Call) -> None:
        """Serve one WebSocket."""
        talk = _Talk(call)
        try:
            await self._app(websocket_scope(call, self._state.copy()), talk.receive, talk.send)
            talk.finish()
        except (Exception, asyncio.CancelledError) as error:
            if call.cancelled is not None and call.started:
                talk.finish()
            else:
                fail(call, error)


class _Exchange:
    """``receive`` and ``send`` of one request."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._pieces = streams.pieces_async(call)
        self._read = False  # the whole body has been given
        self._head: tuple[int, wire.Headers] | None = None

    async def receive(self) -> Message:
        call = self._call
        if not self._read and call.cancelled is None:
            try:
                return await self._receive_body()
            except CallerGone:
                return {"type": "http.disconnect"}
        await call.link.wait_async(call, lambda: call.cancelled is not None or call.ended)
        return {"type": "http.disconnect"}

    async def _receive_body(self) -> Message:
        if not self._call.invoke.more:
            self._read = True
            return {"type": "http.request", "body": self._call.invoke.body, "more_body": False}
        data = await anext(self._pieces, b"")
        self._read = not data
        return {"type": "http.request", "body": data, "more_body": bool(data)}

    async def send(self, message: Message) -> None:
        call, kind = self._call, message["type"]
        if call.cancelled is not None:
            raise CallerGone(call.cancelled)
        if kind == "http.response.start" and self._head is None:
            headers = sendable(message.get("headers", ()))
            self._head = (int(message["status"]), headers)
        elif kind == "http.response.body" and self._head is not None and not call.ended:
            await self._send_body(bytes(message.get("body", b"")), bool(message.get("more_body")))
        else:
            raise RuntimeError(f"an ASGI message out of turn: {kind}")

    async def _send_body(self, body: bytes, more: bool) -> None:
        call = self._call
        assert self._head is not None
        status, headers = self._head
        if not call.started and not more:
            await send_whole_async(call, Whole(status, wire.pack_headers(headers), body))
        else:
            if not call.started:
                streams.begin(call, status, headers)
            await streams.write_async(call, body)
            if not more:
                streams.finish(call)
        if call.ended:
            for waiter in call.waiters:
                if not waiter.done():
                    waiter.set_result(None)

    def check_complete(self) -> None:
        """The app has returned.

        Raises:
            RuntimeError: it did not answer, or not to the end.
        """
        if not self._call.ended:
            raise RuntimeError("the app returned without a complete answer")


class _Talk:
    """``receive`` and ``send`` of one WebSocket."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._conversation = Conversation(call)
        self._connected = False

    async def receive(self) -> Message:
        if not self._connected:
            self._connected = True
            return {"type": "websocket.connect"}
        message = await self._conversation.receive()
        if message is None:
            code = self._conversation.close_code
            return {"type": "websocket.disconnect", "code": code, "reason": ""}
        if isinstance(message, str):
            return {"type": "websocket.receive", "text": message}
        return {"type": "websocket.receive", "bytes": message}

    async def send(self, message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.accept" and not self._call.started:
            headers = sendable(message.get("headers", ()))
            if message.get("subprotocol"):
                headers.append((b"sec-websocket-protocol", message["subprotocol"].encode()))
            self._conversation.open(headers)
        elif kind == "websocket.send" and self._call.started:
            text, data = message.get("text"), message.get("bytes")
            if not await self._conversation.send(bytes(data or b"") if text is None else text):
                raise CallerGone(self._call.cancelled or "the WebSocket is closed")
        elif kind == "websocket.close":
            self._close(int(message.get("code", 1000)))
        else:
            raise RuntimeError(f"an ASGI message out of turn: {kind}")

    def _close(self, code: int) -> None:
        if self._call.started:
            self._conversation.close(code)
        else:
            self._conversation.refuse(403)

    def finish(self) -> None:
        self._close(1000)
