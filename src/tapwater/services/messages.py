"""A message of a queue or topic, as it is sent and as it is received. Knows the JSON of both."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is sent: ``body`` is anything JSON can say, a ``str`` as text, or ``bytes``.

    ``Message(body="hello", content_type="application/json")`` sends a text as JSON.
    """

    body: Any
    key: str = ""  # messages with one key are received one after the other
    delay: float = 0.0  # seconds until it can be received; 0: as the queue says
    priority: int = 0  # -100 to 100, higher first
    dedupe: str = ""  # a second one with this id is not taken, for five minutes
    attributes: Mapping[str, str] = field(default_factory=dict)
    content_type: str = ""

    def as_json(self) -> dict[str, Any]:
        said: dict[str, Any] = _body_as_json(self.body, self.content_type)
        said |= {"key": self.key, "dedupe": self.dedupe, "attributes": dict(self.attributes)}
        if self.content_type:
            said["content_type"] = self.content_type
        if self.delay:
            said["delay_s"] = self.delay
        if self.priority:
            said["priority"] = self.priority
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of a message: its ``id``; or ``error``, the code of why it was refused."""

    id: str = ""
    duplicate: bool = False
    error: str = ""
    message: str = ""  # why, in words


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message somebody has until ``visible_at``; then it is received again by someone."""

    id: str
    body: Any
    receipt: str = ""
    key: str = ""
    attempt: int = 0
    priority: int = 0
    sent_at: float = 0.0
    visible_at: float = 0.0
    content_type: str = "application/json"
    attributes: Mapping[str, str] = field(default_factory=dict)
    state: str = ""  # where somebody only looks: waiting, leased, done or dead
    reason: str = ""  # why it is dead, or was given back


def as_message(given: Any) -> Message:
    """Take what is no ``Message`` for the body of one."""
    return given if isinstance(given, Message) else Message(body=given)


def read_sent(said: Mapping[str, Any]) -> Sent:
    error = said.get("error")
    if error:
        return Sent(error=error["code"], message=error["message"])
    return Sent(id=said["id"], duplicate=said["duplicate"])


def read_received(said: Mapping[str, Any]) -> Received:
    body: Any = said.get("body")
    if "text" in said:
        body = said["text"]
    elif "base64" in said:
        from base64 import b64decode

        body = b64decode(said["base64"])
    names = {name: said[name] for name in _FIELDS if name in said}
    return Received(body=body, **names)


_FIELDS = tuple(name for name in Received.__slots__ if name != "body")


def _body_as_json(body: Any, content_type: str) -> dict[str, Any]:
    if isinstance(body, bytes | bytearray | memoryview):
        from base64 import b64encode

        return {"base64": b64encode(bytes(body)).decode()}
    if isinstance(body, str) and "json" not in content_type:
        return {"text": body}
    return {"body": body}
