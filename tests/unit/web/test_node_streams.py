"""What the node streams ends with the token that asked for it, if it would go on for ever."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.outbox import MemoryOutbox
from tapwater_server.backends.memory.sessions import MemorySessions
from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.memory.users import MemoryUsers
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.model.user import User
from tapwater_server.ports.tokens import hash_of
from tapwater_server.testing.clock import CountingIds, ManualClock, settle
from tapwater_server.web.asked import Asked
from tapwater_server.web.callers import LOOK_AGAIN_S, Callers
from tapwater_server.web.endpoint import Endpoint, Streamed, Who, always, never
from tapwater_server.web.node_app import NodeApp
from tapwater_server.web.sessions import ROLE, Browsers


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
        self.users = MemoryUsers(log=MemoryEventLog(clock=self.clock), outbox=MemoryOutbox())
        self.browsers = Browsers(
            sessions=MemorySessions(),
            tokens=self.tokens,
            users=self.users,
            clock=self.clock,
            ids=CountingIds(),
            shared=False,
        )
        callers = Callers(tokens=self.tokens, identities=NoUsers(), browsers=self.browsers)
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
        return await self.ask([(b"authorization", f"Bearer {token}".encode())])

    async def ask(self, headers: list[tuple[bytes, bytes]]) -> "asyncio.Future[None]":
        scope: Any = {
            "type": "http",
            "method": "GET",
            "path": "/_/api/v1/ticks",
            "query_string": b"",
            "headers": headers,
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


ADA = User(id="u1", app=AppId("shop"), email="ada@shop.example", roles=(ROLE,))


def cookie(secret: str) -> list[tuple[bytes, bytes]]:
    said = {"x-tapwater": "dashboard", "host": "a:1", "cookie": f"tapwater-1={secret}"}
    return [(name.encode(), value.encode()) for name, value in said.items()]


@pytest.mark.parametrize("end", ["token", "signed out", "role", "password"])
async def test_what_a_browser_follows_ends_with_its_session(end: str) -> None:
    client = Watching(endless=True)
    await client.users.create(ADA)
    token = hash_of(await client.tokens.issue("ci", admin=True, apps=[]))
    by_token = end in {"token", "signed out"}
    opened = client.browsers.open_with_token(token) if by_token else None
    secret = await (opened or client.browsers.open_for_user(ADA))
    watching = await client.ask(cookie(secret))
    assert client.sent[0]["status"] == 200
    await client.clock.advance(LOOK_AGAIN_S + 2)
    assert not watching.done()
    if end == "token":
        await client.tokens.revoke("ci")
    elif end == "signed out":
        said = {name.decode(): value.decode() for name, value in cookie(secret)}
        await client.browsers.end({"type": "http"}, said)
    else:
        changed = {"roles": ()} if end == "role" else {"generation": 2}
        await client.users.put(replace(ADA, **changed))
    await client.clock.advance(LOOK_AGAIN_S + 2)
    assert watching.done()
    assert client.sent[-1]["more_body"] is False
