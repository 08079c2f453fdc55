"""Events: ``events.publish("shop.order.paid", {...})``, and what became of them."""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Request, Transport

if TYPE_CHECKING:
    from tapwater.services.once import Once

__all__ = ["Delivery", "Events", "Logged", "Publish"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """An event to publish. Without an ``id`` it gets a fresh one; the same id is taken once."""

    type: str
    data: Any = None
    subject: str = ""
    key: str = ""  # orders: one after the other, to each function
    id: str = ""
    source: str = ""
    time: str = ""
    extensions: Mapping[str, str | int | bool] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The event in the JSON format of CloudEvents."""
        said: dict[str, Any] = {**self.extensions, "specversion": "1.0", "type": self.type}
        said["id"] = self.id or _fresh()
        said |= {
            name: value
            for name, value in (
                ("subject", self.subject),
                ("source", self.source),
                ("time", self.time),
                ("partitionkey", self.key),
            )
            if value
        }
        if isinstance(self.data, bytes):
            said["datacontenttype"] = "application/octet-stream"
            said["data_base64"] = base64.b64encode(self.data).decode()
        else:
            said["data"] = self.data
        return said


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An event that happened, as it is kept."""

    id: str
    type: str
    source: str
    subject: str
    time: str
    data: Any
    seq: int
    root: str
    depth: int
    extensions: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The errand of telling one function, or of one queue's message: where it stands."""

    id: str
    function: str
    queue: str
    state: str  # "waiting", "leased", "done" or "dead"
    attempt: int
    reason: str
    event: str
    result: Any = None  # {"status": 200, "body": "…"}
    body: Any = None


class Events:
    """The events of an app."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def publish(
        self,
        type: str,
        data: Any = None,
        *,
        subject: str = "",
        key: str = "",
        id: str = "",
        source: str = "",
        **extensions: str | int | bool,
    ) -> str:
        """Publish an event and give its id; it is on disk when this returns."""
        event = Publish(
            type=type,
            data=data,
            subject=subject,
            key=key,
            id=id,
            source=source,
            extensions=extensions,
        )
        return self.publish_many([event])[0]

    def publish_many(self, events: Iterable[Publish]) -> list[str]:
        """Publish up to 1000 at once, all or none; give their ids."""
        import json

        request = Request(
            method="POST",
            path="/events",
            headers={"content-type": "application/cloudevents-batch+json"},
            body=json.dumps([one.as_json() for one in events], allow_nan=False).encode(),
        )
        ids: list[str] = self._transport.send(request).json()["ids"]
        return ids

    def call(
        self,
        function: str,
        data: Any = None,
        *,
        id: str = "",
        delay: float = 0.0,
        key: str = "",
        priority: int = 0,
    ) -> str:
        """Call a function in the background; ask ``delivery()`` with what this gives."""
        said = {"function": function, "data": data, "id": id, "delay": delay, "key": key}
        answer = self._ask("POST", "/events/calls", {**said, "priority": priority})
        return str(answer["id"])

    def delivery(self, id: str) -> Delivery:
        """Look at a delivery."""
        return _delivery(self._ask("GET", path_to("events", "deliveries", id)))

    def get(self, id: str) -> Logged:
        """Look at an event."""
        return _logged(self._ask("GET", path_to("events", id))["event"])

    def list(
        self,
        *,
        type: str = "",
        source: str = "",
        subject: str = "",
        since: str | float | None = None,
        until: str | float | None = None,
        limit: int = 100,
    ) -> "list[Logged]":
        """List events: the newest first, or from ``since`` on the oldest first."""
        query = {
            "type": type or None,
            "source": source or None,
            "subject": subject or None,
            "since": since,
            "until": until,
            "limit": limit,
            "data": "true",
        }
        return [_logged(one) for one in self._ask("GET", "/events", query=query)["events"]]

    def dead(self, *, function: str = "", queue: str = "", reason: str = "") -> Iterator[Delivery]:
        """Go through dead letters, the newest first."""
        query: dict[str, Any] = {
            "function": function or None,
            "queue": queue or None,
            "reason": reason or None,
        }
        while True:
            page = self._ask("GET", "/events/dead", query=query)
            yield from map(_delivery, page["deliveries"])
            if not page["next"]:
                return
            query["after"] = page["next"]

    def replay_dead(
        self, *ids: str, function: str = "", queue: str = "", reason: str = "", all: bool = False
    ) -> int:
        """Try dead letters again, those named or all that fit; say how many."""
        said = _dead(ids, function=function, queue=queue, reason=reason, all=all)
        return int(self._ask("POST", "/events/dead/replay", said)["count"])

    def drop_dead(
        self, *ids: str, function: str = "", queue: str = "", reason: str = "", all: bool = False
    ) -> int:
        """Throw dead letters away, those named or all that fit; say how many."""
        said = _dead(ids, function=function, queue=queue, reason=reason, all=all)
        return int(self._ask("POST", "/events/dead/drop", said)["count"])

    def replay(
        self,
        since: str | float,
        *,
        until: str | float = 0.0,
        type: str = "",
        subject: str = "",
        function: str = "",
    ) -> int:
        """Tell events once more, to all that match now or one function; say how many deliveries."""
        said = {"since": since, "until": until, "type": type, "subject": subject}
        answer = self._ask("POST", "/events/replay", {**said, "function": function})
        return int(answer["deliveries"])

    def once(self, key: str, *, lease: float = 900.0, keep: float = 86_400.0) -> "Once":
        """``with events.once(key) as first``: see ``ctx.once``, which does the same."""
        from tapwater.services.once import Once

        return Once(self._transport, key, lease=lease, keep=keep)

    def _ask(
        self, method: str, path: str, body: Any = None, *, query: Mapping[str, Any] | None = None
    ) -> Any:
        return ask_json(self._transport, method, path, body, query=query)


def _dead(ids: Iterable[str], **limits: str | bool) -> dict[str, Any]:
    """Which dead letters are meant."""
    return {"ids": [*ids], **limits}


def _fresh() -> str:
    return os.urandom(16).hex()


def _logged(said: Mapping[str, Any]) -> Logged:
    data = said["data"]
    if said.get("data_base64") is not None:
        data = base64.b64decode(said["data_base64"])
    return Logged(
        data=data,
        **{name: said[name] for name in ("id", "type", "source", "subject", "time", "seq")},
        **{name: said[name] for name in ("root", "depth", "extensions")},
    )


def _delivery(said: Mapping[str, Any]) -> Delivery:
    names = ("id", "function", "queue", "state", "attempt", "reason", "event", "result", "body")
    return Delivery(**{name: said[name] for name in names})
