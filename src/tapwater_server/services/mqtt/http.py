"""The API of the broker, below /mqtt: publish, listen, look."""

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from tapwater_server.model.errors import Invalid
from tapwater_server.services.mqtt.happening import NO_CAUSE, Cause, content_type
from tapwater_server.services.mqtt.messages import Message
from tapwater_server.services.mqtt.service import MqttService
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint, Streamed, Who, always

PAGE_MAX = 1_000
EXPIRY_S_MAX = 0xFFFF_FFFF
_FILTER = {"filter": "which topics: + is one level, # the rest; usually #"}
_EVENT_STREAM = {"content-type": "text/event-stream", "cache-control": "no-store"}


class MqttApi:
    """Translates; the service decides."""

    def __init__(self, service: MqttService) -> None:
        self._service = service

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/mqtt/publish",
                says="Publish a message: the body is the payload, as it is.",
                handler=self._publish,
                who=Who.ANYONE,
                query={
                    "topic": "where",
                    "qos": "0, 1 or 2; usually 1: the answer comes when the message is safe",
                    "retain": "true: keep it for those who subscribe later",
                    "expiry": "seconds after which it is not delivered any more",
                    "content_type": "what the payload is, for clients of MQTT 5",
                },
                takes_media="application/octet-stream",
            ),
            Endpoint(
                method="GET",
                path="/mqtt/messages",
                says="Listen: retained messages first, then each that comes, as server-sent "
                "events.",
                handler=self._messages,
                who=Who.ANYONE,
                query=_FILTER,
                media="text/event-stream",
                endless=always,
            ),
            Endpoint(
                method="GET",
                path="/mqtt/clients",
                says="List the clients that are connected, or whose session is kept.",
                handler=self._clients,
            ),
            Endpoint(
                method="DELETE",
                path="/mqtt/clients/{client:path}",
                says="End a client's connection and forget its session.",
                handler=self._forget,
                query={"user": "whose client it is, if a user's of the app"},
                status=204,
            ),
            Endpoint(
                method="GET",
                path="/mqtt/retained",
                says="List retained messages by topic.",
                handler=self._retained,
                query={**_FILTER, "limit": f"1 to {PAGE_MAX}, usually 100"},
            ),
            Endpoint(
                method="GET",
                path="/mqtt/status",
                says="Say where the broker listens, and count.",
                handler=self._status,
            ),
        )

    async def _publish(self, asked: Asked) -> dict[str, str]:
        topic = asked.text("topic")
        if topic is None:
            raise Invalid("say where: ?topic=...")
        qos, expiry_s = (
            asked.number("qos", low=0, high=2),
            asked.number("expiry", low=1, high=EXPIRY_S_MAX),
        )
        id = await self._service.publish(
            asked.app,
            asked.who,
            topic=topic,
            payload=await asked.raw(),
            qos=1 if qos is None else int(qos),
            retain=asked.flag("retain", default=False),
            expiry_s=None if expiry_s is None else int(expiry_s),
            content_type=asked.text("content_type"),
            cause=_cause(asked),
        )
        asked.count("mqtt_messages")
        return {"id": id}

    async def _messages(self, asked: Asked) -> Streamed:
        filter = asked.text("filter") or "#"
        heard = await self._service.listen(asked.app, asked.who, filter)
        counted = partial(asked.count, "mqtt_messages")
        return Streamed(chunks=_stream(heard, counted), headers=_EVENT_STREAM)

    async def _clients(self, asked: Asked) -> dict[str, Any]:
        return {"clients": self._service.clients(asked.app)}

    async def _forget(self, asked: Asked) -> None:
        self._service.forget(asked.app, asked.params["client"], asked.text("user") or "")

    async def _retained(self, asked: Asked) -> dict[str, Any]:
        limit = int(asked.number("limit", low=1, high=PAGE_MAX) or 100)
        found = self._service.retained(asked.app, asked.text("filter") or "#", limit)
        return {"messages": [shown(message, retain=True) for message in found]}

    async def _status(self, asked: Asked) -> dict[str, Any]:
        return self._service.status(asked.app)


async def _stream(
    heard: AsyncIterator[tuple[Message, bool]], count: Callable[[], None]
) -> AsyncIterator[bytes]:
    yield b": listening\n\n"  # So that the headers go out, and a proxy sees that it lives.
    async for message, retain in heard:
        body = msgspec.json.encode(shown(message, retain=retain))
        count()
        yield b"id: " + message.id.encode() + b"\ndata: " + body + b"\n\n"


def shown(message: Message, *, retain: bool) -> dict[str, Any]:
    """A message in JSON: JSON as it is, text as text, the rest as base64."""
    said: dict[str, Any] = {
        "id": message.id,
        "topic": message.topic,
        "qos": message.qos,
        "retain": retain,
        "at": message.published_at,
    }
    kind = content_type(message.payload)
    if kind == "application/json":
        said["payload"] = msgspec.Raw(message.payload)
    elif kind.startswith("text/"):
        said["payload"] = message.payload.decode()
    else:
        said["payload_base64"] = base64.b64encode(message.payload).decode()
    return said


def _cause(asked: Asked) -> Cause:
    caller = asked.caller
    if caller is None:
        return Cause(trace=asked.trace) if asked.trace else NO_CAUSE
    return Cause(
        root=caller.root or str(caller.id),
        depth=caller.depth + 1,
        trace=asked.trace or caller.traceparent.decode("latin-1"),
    )
