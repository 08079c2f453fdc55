"""A message on its way through the broker, and how it looks where it is kept."""

from msgspec import Struct

from tapwater_server.model.ids import AppId
from tapwater_server.ports.mqtt import Enqueued, KeptMessage
from tapwater_server.services.mqtt.codec.fields import Reader
from tapwater_server.services.mqtt.codec.packets import NONE, Kind, Properties
from tapwater_server.services.mqtt.codec.properties import read_properties, write_properties


class Message(Struct, frozen=True, kw_only=True):
    """What was published. ``properties`` are only those that travel on unchanged."""

    id: str
    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    publisher: str = ""  # the key of the session it came from; "" for our own API
    properties: Properties = NONE
    published_at: float = 0.0  # seconds since the epoch
    expires_at: float = 0.0  # seconds since the epoch; 0.0: never

    def has_expired(self, now: float) -> bool:
        return 0.0 < self.expires_at <= now

    def size(self) -> int:
        """Roughly how many bytes it takes to hold."""
        return len(self.payload) + len(self.topic) + 256


class Outgoing(Struct, kw_only=True):
    """A message for one session. ``packet_id`` is its own from the start: a queue that was read
    back from disk goes on with the identifiers the client may already know."""

    message: Message
    qos: int
    packet_id: int = 0
    retain: bool = False
    ids: tuple[int, ...] = ()
    dup: bool = False
    released: bool = False  # QoS 2: the client has it, only the PUBREL is still to be answered


def travelling(properties: Properties) -> Properties:
    """Keep of a PUBLISH what its receivers are to see."""
    if properties is NONE:
        return NONE
    kept = Properties(
        payload_format=properties.payload_format,
        content_type=properties.content_type,
        response_topic=properties.response_topic,
        correlation_data=properties.correlation_data,
        user=properties.user,
    )
    return NONE if kept == NONE else kept


def keep(message: Message) -> KeptMessage:
    """Make of a message what is written down."""
    return KeptMessage(
        id=message.id,
        topic=message.topic,
        payload=message.payload,
        qos=message.qos,
        publisher=message.publisher,
        properties=write_properties(message.properties),
        published_at=message.published_at,
        expires_at=message.expires_at,
    )


def recall(kept: KeptMessage, *, retain: bool) -> Message:
    """Make a message of what was written down."""
    return Message(
        id=kept.id,
        topic=kept.topic,
        payload=kept.payload,
        qos=kept.qos,
        retain=retain,
        publisher=kept.publisher,
        properties=read_properties(Reader(kept.properties), Kind.PUBLISH),
        published_at=kept.published_at,
        expires_at=kept.expires_at,
    )


def enqueued(app: AppId, client: str, outgoing: Outgoing) -> Enqueued:
    """Make the change that keeps a message for a session."""
    return Enqueued(
        app=app,
        client=client,
        packet_id=outgoing.packet_id,
        message=keep(outgoing.message),
        qos=outgoing.qos,
        retain=outgoing.retain,
        ids=outgoing.ids,
        released=outgoing.released,
    )
