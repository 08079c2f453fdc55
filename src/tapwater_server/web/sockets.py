"""A WebSocket of a service: the handshake's token, and a conversation that waits for slow ears."""

import logging

from tapwater_server.model.errors import TapwaterError
from tapwater_server.web.asked import Asked
from tapwater_server.web.callers import Standing
from tapwater_server.web.endpoint import Socket
from tapwater_server.web.scope import Receive, Scope, Send
from tapwater_server.web.using import Using

SUBPROTOCOL = "tapwater"
_BEARER = "tapwater.bearer."  # Browsers can send no headers with a WebSocket, but subprotocols.
_POLICY, _BROKEN, _NOT_TEXT, _EXPIRED = 1008, 1011, 1003, 4401
_REASON_BYTES_MAX = 123  # RFC 6455, 5.5
_log = logging.getLogger(__name__)


def token_of(scope: Scope) -> str | None:
    """Find the token among the subprotocols a browser offers.

    >>> token_of({"subprotocols": ["tapwater", "tapwater.bearer.abc"]})
    'abc'
    """
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(_BEARER):
            return str(offered.removeprefix(_BEARER))
    return None


class Talk:
    """See ``web.endpoint.Conversation``."""

    def __init__(
        self, receive: Receive, send: Send, standing: Standing, asked: Asked, using: Using
    ) -> None:
        self._receive, self._send, self._standing = receive, send, standing
        self._asked, self._using = asked, using
        self.closed = False

    async def receive(self) -> str | None:
        if self.closed:
            return None
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self.closed = True
            return None
        text = message.get("text")
        if text is None:
            await self.close(_NOT_TEXT, "only text is understood here")
            return None
        return str(text)

    async def send(self, text: str) -> None:
        if self.closed:
            raise ConnectionResetError("the client has gone")
        if not await self._standing.holds():
            await self.close(_EXPIRED, "the token has expired: come back with a new one")
            raise ConnectionResetError("the token has expired")
        self._asked.count(self._asked.bytes_out, len(text))
        self._using.take(self._asked)
        await self._send({"type": "websocket.send", "text": text})

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if not self.closed:
            self.closed = True
            cut = reason.encode()[:_REASON_BYTES_MAX].decode("utf-8", "ignore")
            await self._send({"type": "websocket.close", "code": code, "reason": cut})


async def talk(
    socket: Socket,
    asked: Asked,
    scope: Scope,
    receive: Receive,
    send: Send,
    *,
    standing: Standing,
    using: Using,
) -> None:
    """Accept, and let the handler speak to its end."""
    chosen = SUBPROTOCOL if SUBPROTOCOL in scope.get("subprotocols", ()) else None
    await send({"type": "websocket.accept", "subprotocol": chosen})
    conversation = Talk(receive, send, standing, asked, using)
    try:
        await socket.handler(asked, conversation)
    except ConnectionResetError:
        return  # The client has gone: so ends what it listened to.
    except TapwaterError as error:
        await conversation.close(_POLICY, f"{error.code}: {error.message}")
    except Exception:
        _log.exception("a service's WebSocket failed", extra={"path": asked.path})
        await conversation.close(_BROKEN, "something went wrong here")
    else:
        await conversation.close()
