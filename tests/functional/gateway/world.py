"""A gateway on a loopback port with scripts instead of functions, and raw sockets to ask it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.gateway.server import Gateway
from tapwater_server.gateway.settings import GatewaySettings
from tapwater_server.model.function import (
    Alias,
    Function,
    FunctionLimits,
    Kind,
    Revision,
    Route,
    Style,
)
from tapwater_server.model.ids import AppId, FunctionId, RevisionId
from tapwater_server.testing.identities import ListedIdentities
from tapwater_server.testing.invoker import Script, ScriptedInvoker, hello
from tapwater_server.web.scope import ASGIApp

SHOP = AppId("shop")


def function(
    path: str,
    *verbs: str,
    app: AppId = SHOP,
    mount: bool = False,
    websocket: bool = False,
    auth: str | None = None,
    limits: FunctionLimits | None = None,
    operations: Mapping[str, Any] | None = None,
) -> Function:
    """A restful function at a path."""
    group = path.split("/")[1].removesuffix("-api") if "-api/" in path else ""
    return Function(
        id=FunctionId(app, path.strip("/") or "index"),
        kind=Kind.RESTFUL,
        style=Style.ASGI if mount else Style.VERBS,
        file=f"restful{path}.py",
        group=group,
        route=Route(path=path, verbs=frozenset(verbs), mount=mount, websocket=websocket),
        limits=limits or FunctionLimits(),
        auth=auth,
        operations=operations or {},
    )


def revision(
    *functions: Function,
    number: int = 1,
    app: AppId = SHOP,
    settings: Mapping[str, Any] | None = None,
    hosts: Sequence[str] = (),
) -> Revision:
    """A revision with these functions."""
    return Revision(
        id=RevisionId(f"{app}-{number}"),
        app=app,
        number=number,
        created_at=0.0,
        bundle="",
        layer="",
        python="3.11",
        functions=functions,
        hosts=tuple(hosts),
        settings=settings or {},
    )


async def deploy(registry: MemoryRegistry, *revisions: Revision) -> None:
    """Add revisions, the last of an app live, the first app the default."""
    for made in revisions:
        live = Alias(app=made.app, name="live", weights={made.id: 100})
        await registry.add_revision(made, aliases=[live])
    await registry.set_default_app(revisions[0].app)


async def nothing_inside(scope: Any, receive: Any, send: Any) -> None:
    """An internal app that has only a greeting."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


class World:
    """A running gateway and what it was made of."""

    def __init__(
        self, gateway: Gateway, invoker: ScriptedInvoker, registry: MemoryRegistry
    ) -> None:
        self.gateway, self.invoker, self.registry = gateway, invoker, registry
        self.tokens: MemoryTokens
        self.unhandled: list[object] = []  # what the loop complained of

    @property
    def port(self) -> int:
        return self.gateway.addresses[0][1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def connect(self) -> "Raw":
        return Raw(*await asyncio.open_connection("127.0.0.1", self.port))

    async def ask(self, data: bytes) -> bytes:
        """Send bytes on a new connection, half-close nothing, read until the server closes."""
        raw = await self.connect()
        async with raw:
            raw.send(data)
            return await raw.rest()


class Raw:
    """A socket to say things with that no client library would."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def __aenter__(self) -> "Raw":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def head(self) -> bytes:
        async with asyncio.timeout(10):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def answer(self) -> tuple[bytes, bytes]:
        """Read one answer with a content-length: head, body."""
        head = await self.head()
        length = 0
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length: "):
                length = int(line.removeprefix(b"content-length: "))
        async with asyncio.timeout(10):
            return head, await self.reader.readexactly(length)

    async def read(self, size: int) -> bytes:
        """Read so many bytes; the server need not close."""
        async with asyncio.timeout(10):
            return await self.reader.readexactly(size)

    async def rest(self) -> bytes:
        """Read until the server closes."""
        async with asyncio.timeout(10):
            return await self.reader.read()


@asynccontextmanager
async def opened(
    *revisions: Revision,
    script: Script = hello,
    settings: GatewaySettings | None = None,
    internal: ASGIApp = nothing_inside,
    public: Path | None = None,
    identities: ListedIdentities | None = None,
) -> AsyncIterator[World]:
    """Start a gateway for these revisions; stop it at the end."""
    registry, ids, invoker = MemoryRegistry(), SystemIds(), ScriptedInvoker(script)
    tokens = MemoryTokens(ids=ids)
    if revisions:
        await deploy(registry, *revisions)
    gateway = Gateway(
        invoker=invoker,
        registry=registry,
        tokens=tokens,
        identities=identities or ListedIdentities(),
        clock=SystemClock(),
        ids=ids,
        internal=internal,
        public=lambda _: public,
        settings=settings or GatewaySettings(port=0),
    )
    await gateway.start()
    world = World(gateway, invoker, registry)
    world.tokens = tokens
    try:
        yield world
    finally:
        await gateway.stop()
