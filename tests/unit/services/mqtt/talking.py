"""A broker without sockets, and clients that speak to it packet by packet."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.mqtt import MemoryMqtt
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.rules import Action
from tapwater_server.services.mqtt.access import Door
from tapwater_server.services.mqtt.broker import Broker
from tapwater_server.services.mqtt.codec.packets import (
    V5,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Packet,
    Properties,
    Publish,
    Suback,
    Subscribe,
    Subscription,
)
from tapwater_server.services.mqtt.codec.reading import Splitter, read_packet
from tapwater_server.services.mqtt.codec.reasons import Reason
from tapwater_server.services.mqtt.codec.writing import write_packet
from tapwater_server.services.mqtt.connection import Connection
from tapwater_server.services.mqtt.limits import BrokerLimits
from tapwater_server.services.mqtt.server import MqttServer
from tapwater_server.services.mqtt.sessions import Sessions
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP, BLOG = AppId("shop"), AppId("blog")
P = TypeVar("P", bound=Packet)


class Wire(asyncio.Transport):
    """Takes what is written; the test reads it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1)})
        self.written = bytearray()
        self.closed = self.paused = False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def write(self, data: Any) -> None:
        self.written += data

    def can_write_eof(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False


class FailingLog(MemoryEventLog):
    """A log whose disk fails while ``broken``, or at one topic."""

    broken = False
    refuses = ""

    async def append(self, events: Sequence[Event]) -> int:
        if self.broken or self.refuses in {event.subject for event in events}:
            raise OSError("the disk is full")
        return await super().append(events)


class People:
    """Tokens and identities: the text of a token says who it is of."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()

    def tokens(self, token: str) -> Principal | None:
        if token in self.revoked or not token.startswith("token-of-"):
            return None
        return Principal(name="t", apps=frozenset({AppId(token.removeprefix("token-of-"))}))

    def users(self, app: AppId, token: str) -> Principal | None:
        user = token.removeprefix("user-")
        if token in self.revoked or user == token:
            return None
        return Principal(name=user, user=user, user_app=app)


class _Tokens:
    def __init__(self, check: Callable[[str], Principal | None]) -> None:
        self.check = check


class _Identities:
    def __init__(self, check: Callable[[AppId, str], Principal | None]) -> None:
        self.check = check


class OwnTopics:
    """Rules: a user may do what he likes below his own name."""

    def allows(
        self,
        app: AppId,
        who: Principal,
        *,
        service: str,
        action: Action,
        path: str,
        old: Mapping[str, Any] | None = None,
        new: Mapping[str, Any] | None = None,
    ) -> bool:
        return service == "mqtt" and path.split("/")[0] in {who.user, "#"} and bool(who.user)


class House:
    """One life of the platform; ``again()`` is the next, after a kill."""

    def __init__(
        self,
        *,
        limits: BrokerLimits | None = None,
        hears: Callable[[AppId, str], bool] = lambda app, topic: False,
        store: MemoryMqtt | None = None,
        clock: ManualClock | None = None,
        log: FailingLog | None = None,
        ids: CountingIds | None = None,
        anonymous: AppId | None = None,
    ) -> None:
        self.clock = clock or ManualClock()
        self.store, self.ids = store or MemoryMqtt(), ids or CountingIds()
        self.log = log or FailingLog(clock=self.clock)
        self.people = People()
        self.over_budget: set[AppId] = set()
        self.hears, self.limits = hears, limits or BrokerLimits()
        self.broker = Broker(
            store=self.store,
            log=self.log,
            hears=hears,
            clock=self.clock,
            ids=self.ids,
            limits=self.limits,
        )
        self.sessions = Sessions(broker=self.broker, store=self.store)
        self.door = Door(
            tokens=_Tokens(self.people.tokens),  # type: ignore[arg-type]  # Only check() is asked.
            identities=_Identities(self.people.users),
            rules=OwnTopics(),
            knows=lambda app: app in {SHOP, BLOG},
            anonymous=anonymous,
            trusting=False,
            over_budget=lambda app: app in self.over_budget,
        )
        self.server = MqttServer(
            broker=self.broker, sessions=self.sessions, door=self.door, clock=self.clock
        )

    async def again(self) -> "House":
        """Nothing survives but the disk."""
        house = House(
            limits=self.limits,
            hears=self.hears,
            store=self.store,
            clock=self.clock,
            log=self.log,
            ids=self.ids,
        )
        await house.sessions.recover()
        return house

    async def written(self) -> None:
        """Let everything that waits reach the disk."""
        await self.broker.committer.flush()

    async def events(self) -> list[Event]:
        return [one.event for one in await self.log.read(after=0, count_max=1_000)]

    def arrive(self) -> "Talker":
        """Open a connection that has said nothing yet."""
        return Talker(self.server.accept())

    def client(self, client_id: str = "c", **said: Any) -> "Talker":
        """Open a connection and say CONNECT on it; the CONNACK is in ``connack``."""
        talker = self.arrive()
        talker.connect(client_id, **said)
        return talker


class Talker:
    """One client's end."""

    def __init__(self, connection: asyncio.BaseProtocol) -> None:
        assert isinstance(connection, Connection)
        self.connection, self.wire = connection, Wire()
        self.version = V5
        self.connack = Connack()
        self._splitter = Splitter(packet_bytes_max=1 << 24)
        connection.connection_made(self.wire)

    def connect(
        self,
        client_id: str,
        *,
        version: int = V5,
        app: str = "shop",
        password: str | None = "",
        clean: bool = True,
        expiry_s: int | None = None,
        properties: Properties | None = None,
        **said: Any,
    ) -> None:
        self.version = version
        if password is not None:
            said["user"], said["password"] = app, (password or f"token-of-{app}").encode()
        given = properties or Properties(session_expiry_s=expiry_s)
        self.say(
            Connect(
                version=version,
                client_id=client_id,
                clean_start=clean,
                properties=given,
                **said,
            )
        )
        answers = self.hear()
        if answers:
            assert isinstance(answers[0], Connack), answers
            self.connack = answers[0]
            self._kept = answers[1:]

    _kept: Sequence[Packet] = ()

    def say(self, packet: Packet) -> None:
        self.connection.data_received(write_packet(packet, self.version))

    def hear(self) -> list[Packet]:
        """Give what came since the last time."""
        data = bytes(self.wire.written)
        self.wire.written.clear()
        kept, self._kept = self._kept, ()
        new = [read_packet(*one, self.version) for one in self._splitter.feed(data)]
        return [*kept, *new]

    def heard(self, kind: type[P]) -> list[P]:
        return [packet for packet in self.hear() if isinstance(packet, kind)]

    def subscribe(self, filter: str, qos: int = 2, *, id: int = 0, **options: Any) -> None:
        said = Subscription(filter=filter, qos=qos, **options)
        given = Properties(subscription_ids=(id,)) if id else Properties()
        self.say(Subscribe(packet_id=900, subscriptions=(said,), properties=given))

    def subscribed(self, filter: str, qos: int = 2, **options: Any) -> Reason:
        """Subscribe and give the reason that comes back at once."""
        self.subscribe(filter, qos, **options)
        [suback] = self.heard(Suback)
        return suback.reasons[0]

    def publish(self, topic: str, payload: bytes = b"x", qos: int = 0, **said: Any) -> None:
        said.setdefault("packet_id", 1 if qos else 0)
        self.say(Publish(topic=topic, payload=payload, qos=qos, **said))

    def ack(self, kind: Kind, packet_id: int = 1, reason: Reason = Reason.SUCCESS) -> None:
        self.say(Ack(kind=kind, packet_id=packet_id, reason=reason))

    def messages(self) -> list[tuple[str, bytes]]:
        return [(one.topic, one.payload) for one in self.heard(Publish)]

    def ended(self) -> Reason | None:
        """Say why the server ended it; None: it did not, or did not say."""
        said = self.heard(Disconnect)
        return said[0].reason if said else None

    def break_off(self) -> None:
        """The network is gone."""
        self.connection.connection_lost(None)
