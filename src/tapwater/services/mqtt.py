"""MQTT for functions: ``mqtt.publish("lamps/3/set", {"on": True})``, and what is retained."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Request, Transport


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttMessage:
    """A message that is retained. ``payload`` is what JSON says, else text, else bytes."""

    topic: str
    payload: Any
    qos: int
    at: float  # seconds since the epoch
    id: str


class Mqtt:
    """The MQTT topics of an app; its clients hear what is published here."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def publish(
        self,
        topic: str,
        payload: Any,
        *,
        qos: int = 1,
        retain: bool = False,
        expiry: float | None = None,
        content_type: str = "",
    ) -> str:
        """Publish a message and give its id. Bytes and text go as they are, all else as JSON.

        With QoS 1 or 2 it is safe when this returns; ``retain`` keeps it for those who subscribe
        later (an empty payload takes it away again); ``expiry`` is in seconds.
        """
        query = {"topic": topic, "qos": str(qos), "retain": "true" if retain else "false"}
        if expiry is not None:
            query["expiry"] = f"{expiry:.0f}"
        if content_type:
            query["content_type"] = content_type
        request = Request(
            method="POST",
            path="/mqtt/publish",
            query=query,
            headers={"content-type": "application/octet-stream"},
            body=_as_bytes(payload),
        )
        said: Mapping[str, str] = self._transport.send(request).json()
        return said["id"]

    def retained(self, filter: str = "#", *, limit: int = 100) -> list[MqttMessage]:
        """Give the retained messages a filter hears, by topic."""
        query = {"filter": filter, "limit": limit}
        said = ask_json(self._transport, "GET", "/mqtt/retained", query=query)
        return [_read(one) for one in said["messages"]]

    def clear(self, topic: str) -> None:
        """Take the retained message of a topic away."""
        self.publish(topic, b"", retain=True)

    def clients(self) -> Sequence[Mapping[str, Any]]:
        """Give the clients that are connected, or whose session is kept."""
        found: Sequence[Mapping[str, Any]] = ask_json(self._transport, "GET", "/mqtt/clients")[
            "clients"
        ]
        return found

    def forget(self, client: str) -> None:
        """End a client's connection and forget its session."""
        ask_json(self._transport, "DELETE", path_to("mqtt", "clients", client))


def _as_bytes(payload: Any) -> bytes:
    if isinstance(payload, bytes | bytearray | memoryview):
        return bytes(payload)
    if isinstance(payload, str):
        return payload.encode()
    return json.dumps(payload, allow_nan=False).encode()


def _read(said: Mapping[str, Any]) -> MqttMessage:
    raw = said.get("payload_base64")
    payload = said.get("payload") if raw is None else base64.b64decode(raw)
    return MqttMessage(
        topic=said["topic"], payload=payload, qos=said["qos"], at=said["at"], id=said["id"]
    )
