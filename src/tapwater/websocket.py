"""A WebSocket, as ``async def websocket(ws)`` sees it."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from tapwater.headers import encoded
from tapwater.http import Request


class WebSocketClosed(Exception):
    """The other side has closed; a handler may let it pass."""


class Conversation(Protocol):
    """What carries the messages: the platform, or a test."""

    def open(self, headers: list[tuple[bytes, bytes]]) -> None: ...

    async def receive(self) -> str | bytes | None: ...

    async def send(self, message: str | bytes) -> bool: ...

    def close(self, code: int) -> None: ...


class WebSocket:
    """One connection. The first ``receive`` or ``send`` accepts it, or ``accept`` does.

    ``request`` has the path's parameters, query, headers, cookies and user.
    """

    __slots__ = ("_conversation", "_open", "request")

    def __init__(self, conversation: Conversation, request: Request) -> None:
        self._conversation = conversation
        self._open = False
        self.request = request

    @property
    def params(self) -> Mapping[str, str]:
        """The parts of the path: ``rooms/[id].py`` gives ``id``."""
        return self.request.params

    def accept(self, *, subprotocol: str = "", headers: Mapping[str, str] | None = None) -> None:
        """Say yes, choosing one of the subprotocols the client offered."""
        if self._open:
            raise RuntimeError("this WebSocket is open already")
        pairs = list((headers or {}).items())
        if subprotocol:
            pairs.append(("sec-websocket-protocol", subprotocol))
        self._conversation.open(encoded(pairs))
        self._open = True

    async def receive(self) -> str | bytes:
        """The next message: text is ``str``, binary is ``bytes``.

        Raises:
            WebSocketClosed: there will be no more.
        """
        self._ensure_open()
        message = await self._conversation.receive()
        if message is None:
            raise WebSocketClosed
        return message

    async def receive_json(self) -> Any:
        """The next message as JSON."""
        return json.loads(await self.receive())

    async def send(self, message: str | bytes) -> None:
        """Send a message.

        Raises:
            WebSocketClosed: nobody is there any more.
        """
        self._ensure_open()
        if not await self._conversation.send(message):
            raise WebSocketClosed

    async def send_json(self, value: Any) -> None:
        """Send a value as JSON."""
        await self.send(json.dumps(value, ensure_ascii=False))

    def close(self, code: int = 1000) -> None:
        """End it; returning from the handler does so too."""
        self._ensure_open()
        self._conversation.close(code)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        """Every message until the other side closes."""
        self._ensure_open()
        while (message := await self._conversation.receive()) is not None:
            yield message

    def _ensure_open(self) -> None:
        if not self._open:
            self.accept()
