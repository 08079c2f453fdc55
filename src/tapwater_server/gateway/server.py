"""The door itself: listening sockets, TLS, and stopping without dropping anyone."""

import asyncio
import socket
from collections.abc import Sequence

from tapwater_server.gateway.admission import Admission
from tapwater_server.gateway.app import Door
from tapwater_server.gateway.asgi import Bridge
from tapwater_server.gateway.connection import Connection
from tapwater_server.gateway.directory import Directory
from tapwater_server.gateway.pages import Pages
from tapwater_server.gateway.settings import GatewaySettings, GatewayStats
from tapwater_server.gateway.site import Public
from tapwater_server.gateway.tasks import Tasks
from tapwater_server.gateway.tls import Certificate
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.identity import Identities
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.invoker import Invoker
from tapwater_server.ports.registry import Registry
from tapwater_server.ports.tokens import Tokens
from tapwater_server.web.cloud import Cloud
from tapwater_server.web.scope import ASGIApp

BACKLOG = 1024
HANDSHAKE_S_MAX = 10.0
QUIET_S = 0.25  # Idle clients may be just about to ask: we listen so long before hanging up.
FOLLOWERS_S = 1.0  # Who follows our own logs or numbers would follow until the drain is over.
STEP_S = 0.02  # Between two looks at what is still in flight.


class Gateway:
    """See docs/guides/http.md for what it does, docs/walks/request.md for how."""

    def __init__(
        self,
        *,
        invoker: Invoker,
        registry: Registry,
        tokens: Tokens,
        identities: Identities,
        clock: Clock,
        ids: IdSource,
        internal: ASGIApp,
        public: Public,
        settings: GatewaySettings,
        cloud: Cloud | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._tasks = Tasks()
        self._certificate = (
            Certificate(settings.tls_certificate, settings.tls_key)
            if settings.tls_certificate
            else None
        )
        self._bridge = Bridge(internal, tasks=self._tasks)
        self._abroad = None if cloud is None else Bridge(cloud, tasks=self._tasks)
        self._door = Door(
            invoker=invoker,
            directory=Directory(
                registry=registry,
                ids=ids,
                public=public,
                domains=settings.domains,
                dashboard=settings.dashboard_hosts,
                owns=None if cloud is None else cloud.owns,
            ),
            admission=Admission(tokens=tokens, identities=identities),
            bridge=self._bridge,
            pages=Pages(tasks=self._tasks),
            clock=clock,
            ids=ids,
            settings=settings,
            cloud=cloud,
            abroad=self._abroad,
        )
        self._servers: list[asyncio.Server] = []
        self._addresses: list[tuple[str, int]] = []

    @property
    def addresses(self) -> Sequence[tuple[str, int]]:
        """Where it listens."""
        return tuple(self._addresses)

    def enter(self) -> asyncio.Protocol:
        """Give what serves one connection that may reach the other cloud's interface only."""
        assert self._abroad is not None
        return Connection(self._door, decide=self._door.decide_abroad)

    async def start(self) -> None:
        """Begin to listen."""
        loop = asyncio.get_running_loop()
        context = None if self._certificate is None else self._certificate.context
        for listening in await self._open():
            server = await loop.create_server(
                lambda: Connection(self._door),
                sock=listening,
                backlog=BACKLOG,
                ssl=context,
                ssl_handshake_timeout=None if context is None else HANDSHAKE_S_MAX,
            )
            self._servers.append(server)
            self._addresses.append(listening.getsockname()[:2])
        self._tasks.start(self._sweep())

    async def stop(self) -> None:
        """Stop without dropping anyone: listen no more, let calls in flight end, hang up."""
        door = self._door
        door.stopping = True
        for server in self._servers:
            server.close()
        began = self._clock.monotonic()
        if door.connections:
            await self._clock.sleep(QUIET_S)
        while door.connections:
            waited_s = self._clock.monotonic() - began
            if waited_s > self._settings.limits.drain_s_max:
                break
            if waited_s > FOLLOWERS_S:
                self._bridge.hang_up()
            for connection in list(door.connections):
                connection.drain()
            await self._clock.sleep(STEP_S)
        for connection in list(door.connections):
            connection.abort()
        await self._tasks.close()
        self._servers.clear()

    def stats(self) -> GatewayStats:
        """What happened so far."""
        door, counts = self._door, self._door.counts
        return GatewayStats(
            connections=len(door.connections),
            connections_total=counts.connections,
            connections_refused=counts.connections_refused,
            requests=counts.requests,
            in_flight=sum(connection.active is not None for connection in door.connections),
            websockets=counts.websockets,
            refused=counts.refused,
            aborted=counts.aborted,
            certificate_failures=0 if self._certificate is None else self._certificate.failures,
            task_failures=self._tasks.failures,
        )

    async def reload_certificate(self) -> bool:
        """Read the certificate again (SIGHUP); False: it does not work, the old one stays."""
        return self._certificate is None or await asyncio.to_thread(self._certificate.reload)

    async def step(self) -> None:
        """Look once at everything that has a time limit."""
        now = self._door.tick()
        for connection in list(self._door.connections):
            connection.sweep(now)
        if self._certificate is not None:
            await asyncio.to_thread(self._certificate.reload_if_changed)

    async def _sweep(self) -> None:
        while True:
            await self._clock.sleep(self._settings.limits.sweep_s)
            await self.step()

    async def _open(self) -> list[socket.socket]:
        settings = self._settings
        if settings.listen_fd is not None:
            return [_ready(socket.socket(fileno=settings.listen_fd))]
        found = await asyncio.get_running_loop().getaddrinfo(
            settings.host or None,
            settings.port,
            type=socket.SOCK_STREAM,
            flags=socket.AI_PASSIVE,
        )
        opened: list[socket.socket] = []
        port = settings.port
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                listening = socket.socket(family, socket.SOCK_STREAM)
            except OSError:
                continue  # A name's IPv6 address on a machine without IPv6.
            opened.append(listening)
            _bind(listening, (address[0], port, *address[2:]), reuse_port=settings.reuse_port)
            port = port or listening.getsockname()[1]
        return opened


def _bind(listening: socket.socket, address: tuple[object, ...], *, reuse_port: bool) -> None:
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if reuse_port:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if listening.family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listening.bind(address)
    _ready(listening)


def _ready(listening: socket.socket) -> socket.socket:
    listening.setblocking(False)
    return listening
