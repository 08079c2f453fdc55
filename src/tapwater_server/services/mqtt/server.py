"""The doors of the broker: plain and TLS listeners, and who is connected through them."""

import asyncio
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from tapwater_server.ports.clock import Clock
from tapwater_server.services.mqtt.access import Door
from tapwater_server.services.mqtt.broker import Broker
from tapwater_server.services.mqtt.codec.reasons import Reason
from tapwater_server.services.mqtt.connection import Connection
from tapwater_server.services.mqtt.peer import Peer
from tapwater_server.services.mqtt.sessions import Sessions

BACKLOG = 512
RECHECK_S = 30.0  # How long a revoked token keeps a connection that is already open.
STEP_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where clients come in."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None


class MqttServer:
    """Accepts clients; ``run()`` ends those that are silent, or not welcome any more."""

    def __init__(self, *, broker: Broker, sessions: Sessions, door: Door, clock: Clock) -> None:
        self._broker, self._sessions, self._door, self._clock = broker, sessions, door, clock
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Connection, Peer] = {}
        self._rechecked_at = clock.monotonic()
        self.refused = 0
        self.addresses: list[str] = []  # "mqtt://127.0.0.1:1883"

    async def start(self, doors: Sequence[Listening]) -> None:
        """Listen.

        Raises:
            OSError: a port cannot be had.
        """
        loop = asyncio.get_running_loop()
        for door in doors:
            server = await loop.create_server(
                self.accept, door.host, door.port, ssl=door.tls, backlog=BACKLOG
            )
            self._servers.append(server)
            scheme = "mqtts" if door.tls is not None else "mqtt"
            for socket in server.sockets:
                host, port = socket.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                self.addresses.append(f"{scheme}://{shown}:{port}")

    async def run(self) -> None:
        while True:
            await self._clock.sleep(STEP_S)
            self.step()

    def step(self) -> None:
        for connection in tuple(self._connections):
            connection.check()
        if self._clock.monotonic() - self._rechecked_at >= RECHECK_S:
            self._rechecked_at = self._clock.monotonic()
            self._recheck()

    def _recheck(self) -> None:
        """A token that was revoked, or ran out, lets nobody stay."""
        for peer in tuple(self._connections.values()):
            visitor = peer.visitor
            if visitor is not None and not visitor.still():
                peer.cut(Reason.NOT_AUTHORIZED)

    async def stop(self) -> None:
        """Close the doors, say goodbye, and write down what is still to be written."""
        for server in self._servers:
            server.close()
        for peer in tuple(self._connections.values()):
            peer.goodbye()
        await self._broker.committer.flush()

    def connections(self) -> Sequence[tuple[Connection, Peer]]:
        return tuple(self._connections.items())

    def accept(self) -> asyncio.BaseProtocol:
        peers: list[Peer] = []

        def hearer(connection: Connection) -> Peer:
            peer = Peer(connection, broker=self._broker, sessions=self._sessions, door=self._door)
            peers.append(peer)
            return peer

        connection = Connection(
            hearer=hearer,
            clock=self._clock,
            limits=self._broker.limits,
            gone=self._lost,
        )
        if len(self._connections) >= self._broker.limits.connections_max:
            self.refused += 1
            connection.unwelcome = True
        else:
            self._connections[connection] = peers[0]
        return connection

    def _lost(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
