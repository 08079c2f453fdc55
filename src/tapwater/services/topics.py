"""Topics: ``topics.publish("orders", {...})`` for every function and queue that subscribed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tapwater.services.messages import Message, Sent, as_message, read_sent
from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Transport


class Topics:
    """The topics of an app. A topic is there when somebody publishes to it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def publish(
        self,
        topic: str,
        body: Any,
        *,
        key: str = "",
        dedupe: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a message and give its id; it is on disk when this returns.

        The names of attributes are lower-case letters and digits: functions find them in
        ``event.extensions``.
        """
        message = Message(body=body, key=key, dedupe=dedupe, attributes=attributes or {})
        return self.publish_many(topic, [message])[0].id

    def publish_many(self, topic: str, messages: Iterable[Any]) -> list[Sent]:
        """Publish up to 100; each is taken or refused by itself: look at ``Sent.error``."""
        asked = {"messages": [as_message(one).as_json() for one in messages]}
        said = ask_json(self._transport, "POST", path_to("topics", topic), asked)
        return [read_sent(one) for one in said["messages"]]

    def subscribe(self, topic: str, queue: str) -> None:
        """Let a queue have every message of a topic from now on."""
        ask_json(self._transport, "PUT", path_to("topics", topic, "queues", queue))

    def unsubscribe(self, topic: str, queue: str) -> None:
        ask_json(self._transport, "DELETE", path_to("topics", topic, "queues", queue))

    def subscribed(self, topic: str) -> Sequence[str]:
        """List the queues that have every message of a topic."""
        said = ask_json(self._transport, "GET", path_to("topics", topic, "queues"))
        queues: Sequence[str] = said["queues"]
        return queues

    def all(self) -> Mapping[str, Sequence[str]]:
        """List the topics that queues subscribed to, with those queues."""
        said = ask_json(self._transport, "GET", "/topics")
        return {one["name"]: one["queues"] for one in said["topics"]}
