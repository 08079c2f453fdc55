"""What the node streams ends with the token that asked for it, if it would go on for ever."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.testing.clock import CountingIds, ManualClock, settle
from tapwater_server.web.asked import Asked
from tapwater_server.web.callers import LOOK_AGAIN_S, Callers
from tapwater_server.web.endpoint import Endpoint, Streamed, Who, always, never
from tapwater_server.web.node_app import NodeApp


class NoUsers:
    """Nobody is known."""

    def check(self, app: AppId, token: str) -> Principal | None:
        return None


class Watching:
    """A client that reads a line a second, while the clock is wound by hand."""

    def __init__(self, *, endless: bool) -> None:
        self.clock, self.tokens = ManualClock(), MemoryTokens(ids=CountingIds())
        line = Endpoint(
            method="GET",
            path="/ticks",
            says="Ticks.",
            handler=self._ticks,
            who=Who.HOLDER,
            media="application/x-ndjson",
            endless=always if endless else never,
        )
        callers = Callers(tokens=self.tokens, identities=NoUsers())
        self._app = NodeApp((line,), callers=callers, clock=self.clock)
        self.sent: list[dict[str, Any]] = []

    async def _ticks(self, asked: Asked) -> Streamed:
        async def ticks() -> AsyncIterator[bytes]:
            while True:
                yield b"{}\n"
                await self.clock.sleep(1.0)

        return Streamed(ticks())

    async def start(self) -> "asyncio.Future[None]":
        token = await self.tokens.issue("ci", admin=True, apps=[])
        scope: Any = {
            "type": "http",
            "method": "GET",
            "path": "/_/api/v1/ticks",
            "query_string": b"",
            "headers": [(b"authorization", f"Bearer {token}".encode())],
        }
        watching = asyncio.ensure_future(self._app(scope, self._receive, self._send))
        await settle()
        return watching

    async def _receive(self) -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)


@pytest.mark.parametrize("endless", [True, False])
async def test_what_never_ends_ends_with_the_token(endless: bool) -> None:
    client = Watching(endless=endless)
    watching = await client.start()
    assert client.sent[0]["status"] == 200
    await client.clock.advance(LOOK_AGAIN_S + 2)
    assert not watching.done()
    await client.tokens.revoke("ci")
    await client.clock.advance(LOOK_AGAIN_S + 2)
    assert watching.done() is endless  # What only takes long is sent whole.
    watching.cancel()
    await asyncio.wait([watching])
