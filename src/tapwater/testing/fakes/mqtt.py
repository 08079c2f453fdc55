"""A stand-in for an app's MQTT broker: it keeps what was published, and what is retained."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from tapwater.services.transport import Reply, Request
from tapwater.testing.fakes.answering import Answers, invalid, not_found, too_large

MESSAGE_BYTES_MAX = (1 << 20) - 64
TOPIC_BYTES_MAX = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class FakePublished:
    """One message that was published."""

    id: str
    topic: str
    payload: bytes
    qos: int
    retain: bool
    at: float
    expires_at: float = 0.0

    def json(self) -> Any:
        return json.loads(self.payload)


class FakeMqtt:
    """Look at ``published``; there are no clients here."""

    prefixes = ("/mqtt",)

    def __init__(self) -> None:
        self.published: list[FakePublished] = []
        self._retained: dict[str, FakePublished] = {}
        self._numbers = count(1)
        self._answers = Answers(
            ("POST", "/mqtt/publish", self._publish),
            ("GET", "/mqtt/retained", self._list),
            ("GET", "/mqtt/clients", lambda request: {"clients": []}),
            ("DELETE", "/mqtt/clients/{client}", self._forget),
        )

    def send(self, request: Request) -> Reply:
        return self._answers.send(request)

    def _publish(self, request: Request) -> dict[str, str]:
        query, body = request.query, request.body
        topic = _topic(query)
        if len(body) + len(topic) > MESSAGE_BYTES_MAX:
            raise too_large("a message has at most 1048576 bytes")
        qos = _number(query.get("qos", "1"), "qos", 0, 2)
        expiry = query.get("expiry")
        now = time.time()  # noqa: TID251  A test's own clock is the real one.
        message = FakePublished(
            id=f"{next(self._numbers):026d}",
            topic=topic,
            payload=body,
            qos=qos,
            retain=query.get("retain") == "true",
            at=now,
            expires_at=now + _number(expiry, "expiry", 1, 0xFFFF_FFFF) if expiry else 0.0,
        )
        self.published.append(message)
        if message.retain:
            self._retained.pop(topic, None)
            if body:
                self._retained[topic] = message
        return {"id": message.id}

    def _list(self, request: Request) -> dict[str, Any]:
        filter = _filter(request.query.get("filter") or "#")
        limit = _number(request.query.get("limit", "100"), "limit", 1, 1_000)
        found = [one for topic, one in sorted(self._retained.items()) if _hears(filter, topic)]
        return {"messages": [_shown(one) for one in found[:limit]]}

    def _forget(self, request: Request, client: str) -> None:
        raise not_found(f"there is no MQTT client {client[:200]!r}")


def _topic(query: Mapping[str, str]) -> str:
    topic = query.get("topic", "")
    if not topic:
        raise invalid("say where: ?topic=...")
    if set(topic) & set("+#\0"):
        raise invalid("a topic name is not empty and has no + or #")
    if len(topic.encode()) > TOPIC_BYTES_MAX:
        raise invalid(f"a topic has at most {TOPIC_BYTES_MAX} bytes")
    if topic.startswith("$"):
        raise invalid("topics that begin with a $ are the broker's own")
    return topic


def _number(said: str, name: str, low: int, high: int) -> int:
    try:
        value = float(said)
    except ValueError:
        raise invalid(f"{name} must be a number") from None
    if not low <= value <= high:
        raise invalid(f"{name} must be from {low:g} to {high:g}")
    return int(value)


def _filter(filter: str) -> list[str]:
    levels = filter.split("/")
    if "#" in "".join(levels[:-1]) or any(len(one) > 1 and set(one) & set("+#") for one in levels):
        raise invalid("+ and # stand for whole levels, and # only for the last")
    return levels


def _hears(filter: list[str], topic: str) -> bool:
    levels = topic.split("/")
    for at, level in enumerate(filter):
        if level == "#":
            return True
        if at >= len(levels) or level not in {"+", levels[at]}:
            return False
    return len(filter) == len(levels)


def _shown(message: FakePublished) -> dict[str, Any]:
    said: dict[str, Any] = {
        "id": message.id,
        "topic": message.topic,
        "qos": message.qos,
        "retain": True,
        "at": message.at,
    }
    try:
        said["payload"] = json.loads(message.payload)
    except ValueError:
        try:
            said["payload"] = message.payload.decode()
        except UnicodeDecodeError:
            said["payload_base64"] = base64.b64encode(message.payload).decode()
    return said
