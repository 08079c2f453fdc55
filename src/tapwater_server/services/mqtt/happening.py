"""A message as the event that functions hear of."""

import msgspec
from msgspec import Struct

from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.services.mqtt.messages import Message

TYPE = "tapwater.mqtt.message"
SOURCE = "/mqtt"
KEY_CHARACTERS_MAX = 512


class Cause(Struct, frozen=True, kw_only=True):
    """The chain of functions that led to a message; empty for a client's."""

    root: str = ""
    depth: int = 0
    trace: str = ""


NO_CAUSE = Cause()


def event_of(app: AppId, message: Message, *, qos: int, cause: Cause, client: str = "") -> Event:
    """Make the event. JSON stays JSON; other text is text; the rest is bytes."""
    return Event(
        id=message.id,
        app=app,
        type=TYPE,
        source=SOURCE,
        subject=message.topic,
        at=message.published_at,
        data=message.payload,
        content_type=content_type(message.payload),
        key=message.topic[:KEY_CHARACTERS_MAX],
        root=cause.root,
        depth=cause.depth,
        trace=cause.trace,
        extensions={"qos": qos, "retain": message.retain, **({"client": client} if client else {})},
    )


def content_type(payload: bytes) -> str:
    """Say what a payload is, by looking at it: clients of MQTT 3.1.1 cannot say.

    >>> content_type(b'{"t": 21}'), content_type(b"warm"), content_type(b"\\xff")
    ('application/json', 'text/plain; charset=utf-8', 'application/octet-stream')
    """
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    else:
        return "application/json"
    try:
        payload.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"
