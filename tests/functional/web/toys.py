"""Small services behind a real gateway: what the mount does is tested with these."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.testing.clock import ManualClock
from tapwater_server.web.asked import Asked
from tapwater_server.web.callers import Callers
from tapwater_server.web.dispatch import Table
from tapwater_server.web.endpoint import Answer, Conversation, Endpoint, Socket, Streamed, Who
from tapwater_server.web.http import ServicesApp
from tapwater_server.web.using import Using
from tests.functional.gateway.world import SHOP, World, function, nothing_inside, opened, revision

BLOG = AppId("blog")
BIG_BYTES_MAX = 64 << 20


class Users:
    """Ada signed in to the shop, until she is forgotten."""

    def __init__(self) -> None:
        self.forgotten = False

    def check(self, app: AppId, token: str) -> Principal | None:
        known = app == SHOP and token == "ada" and not self.forgotten
        return Principal(name="ada", user="u1", user_app=SHOP) if known else None


class Toys:
    """What a request was, a body's size, endless streams, an echo."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()  # an endless answer noticed that nobody listens
        self.sent = 0
        self.users, self.clock = Users(), ManualClock()

    async def show(self, asked: Asked) -> dict[str, Any]:
        return {
            "app": asked.app,
            "who": asked.who.name,
            "path": asked.params["path"],
            "query": dict(asked.query),
            "base_url": asked.base_url,
            "client": asked.client,
        }

    async def measure(self, asked: Asked) -> Answer:
        size = 0
        async for chunk in asked.chunks():
            size += len(chunk)
        return Answer({"size": size}, headers={"etag": '"1"'})

    async def forever(self, asked: Asked) -> Streamed:
        return Streamed(self._forever())

    async def _forever(self) -> AsyncIterator[bytes]:
        try:
            yield b"data: first\n\n"
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def tick(self, asked: Asked) -> Streamed:
        return Streamed(self._tick())

    async def _tick(self) -> AsyncIterator[bytes]:
        while True:
            yield b"data: tick\n\n"
            await self.clock.sleep(1.0)

    async def flood(self, asked: Asked) -> Streamed:
        return Streamed(self._flood())

    async def _flood(self) -> AsyncIterator[bytes]:
        while True:
            self.sent += 1 << 20
            yield bytes(1 << 20)

    async def sleep(self, asked: Asked) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.ended.set()

    async def echo(self, asked: Asked, talk: Conversation) -> None:
        await talk.send(f"{asked.app} {asked.who.name}")
        try:
            while (text := await talk.receive()) is not None:
                await talk.send(text)
        finally:
            self.ended.set()

    async def shout(self, asked: Asked, talk: Conversation) -> None:
        while True:
            self.sent += 1 << 20
            await talk.send("x" * (1 << 20))

    def table(self) -> Table:
        def line(method: str, path: str, handler: Any, **more: Any) -> Endpoint:
            return Endpoint(
                method=method, path=path, says="x", handler=handler, who=Who.ANYONE, **more
            )

        return Table(
            [
                line("GET", "/toys/show/{path:path}", self.show),
                line("PUT", "/toys/big", self.measure, body_bytes_max=BIG_BYTES_MAX),
                line("PUT", "/toys/small", self.measure),
                line("GET", "/toys/forever", self.forever, media="text/event-stream"),
                line("GET", "/toys/tick", self.tick, media="text/event-stream"),
                line("GET", "/toys/flood", self.flood, media="application/octet-stream"),
                line("POST", "/toys/sleep", self.sleep, waits=True),
                Endpoint(method="GET", path="/toys/mine", says="x", handler=self.sleep),
            ],
            [
                Socket(path="/toys/echo", says="x", handler=self.echo),
                Socket(path="/toys/mine", says="x", handler=self.echo, who=Who.USER),
                Socket(path="/toys/shout", says="x", handler=self.shout),
            ],
        )


@asynccontextmanager
async def toy_world(toys: Toys, *, cors: Any = None) -> AsyncIterator[World]:
    """A gateway with a shop (the default app) and a blog, and the toys inside."""
    settings = {} if cors is None else {"cors": cors}
    shop = revision(function("/{...rest}"), hosts=("shop.example",), settings=settings)
    blog = revision(function("/{...rest}", app=BLOG), app=BLOG)
    tokens = MemoryTokens(ids=SystemIds())
    app = ServicesApp(
        table=toys.table(),
        callers=Callers(tokens=tokens, identities=toys.users),
        exists=lambda app: app in (SHOP, BLOG),
        using=Using(meter=MemoryMeter(), clock=toys.clock),
        hosts=lambda app: ["shop.example"] if app == SHOP else [],
        otherwise=nothing_inside,
        clock=toys.clock,
    )
    async with opened(shop, blog, internal=app) as world:
        world.tokens = tokens
        yield world
