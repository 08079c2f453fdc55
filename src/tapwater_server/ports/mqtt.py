"""What an MQTT broker must still know after it was killed: sessions, their queues, retained
messages, and what it has promised to tell.

The broker keeps all of it in memory too, and reads here only when it starts.

MQT-1  write() is durable before it returns; its changes are there together or not at all.
MQT-2  load() gives what the finished writes left, also after kill -9.
MQT-3  Changes apply in the order they were given; one that names what is not there does nothing.
MQT-4  A message is kept as long as somebody still has to get it, and no longer.
MQT-5  Dropping a session drops its subscriptions, its queue and its packet identifiers.
MQT-6  What was promised (``Received.promise``) is there until ``Told``.
MQT-7  erase() forgets an app, and no other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.ids import AppId


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptMessage:
    """A message as it came in. ``properties``: those that travel on, as MQTT 5 writes them."""

    id: str
    topic: str
    payload: bytes
    qos: int
    publisher: str
    properties: bytes
    published_at: float  # seconds since the epoch
    expires_at: float  # seconds since the epoch; 0.0: never


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionKept:
    """A session that outlives its connection; ``left_at`` 0.0: it is connected."""

    app: AppId
    client: str
    expiry_s: int
    left_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDropped:
    app: AppId
    client: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribed:
    """A subscription of a kept session, new or changed; ``options`` is the byte of MQTT 5."""

    app: AppId
    client: str
    filter: str
    options: int
    id: int  # the subscription identifier; 0: none


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribed:
    app: AppId
    client: str
    filter: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueued:
    """A message a kept session is to get, under a packet identifier that is its own from now on."""

    app: AppId
    client: str
    packet_id: int
    message: KeptMessage
    qos: int
    retain: bool
    ids: tuple[int, ...] = ()  # subscription identifiers
    released: bool = False  # the client has it (QoS 2), and must only be told that we know


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The client has a message of QoS 2: it is not sent again, only the PUBREL is."""

    app: AppId
    client: str
    packet_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """The client has it, and we know."""

    app: AppId
    client: str
    packet_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """An event that must reach the log, though we may die before: see MQT-6."""

    id: str
    app: AppId
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message of QoS 2 came from a client, and is not to be taken twice."""

    app: AppId
    client: str
    packet_id: int
    promise: Promise | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The client knows that we have it; the packet identifier is free."""

    app: AppId
    client: str
    packet_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A promise was kept."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainedSet:
    """The one retained message of a topic."""

    app: AppId
    message: KeptMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class RetainedCleared:
    app: AppId
    topic: str


Change = (
    SessionKept
    | SessionDropped
    | Subscribed
    | Unsubscribed
    | Enqueued
    | Released
    | Settled
    | Received
    | Finished
    | Told
    | RetainedSet
    | RetainedCleared
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Everything, as the last write left it; queues in the order they were enqueued."""

    sessions: Sequence[SessionKept] = ()
    subscriptions: Sequence[Subscribed] = ()
    queued: Sequence[Enqueued] = ()
    received: Sequence[Received] = ()  # their promises are apart
    promises: Sequence[Promise] = ()
    retained: Sequence[RetainedSet] = ()


class MqttStore(Protocol):
    """See the promises above."""

    def load(self) -> Kept: ...

    async def write(self, changes: Sequence[Change]) -> None: ...

    async def erase(self, app: AppId) -> None: ...
