"""Queues: ``queues.send("emails", {...})``, and receive for who takes messages at his own pace."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tapwater.services.messages import (
    Message,
    Received,
    Sent,
    as_message,
    read_received,
    read_sent,
)
from tapwater.services.speaking import ask_json, path_to
from tapwater.services.transport import Transport

__all__ = ["Message", "Queues", "Received", "Sent"]


class Queues:
    """The queues of an app. A queue is there when somebody sends to it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(
        self,
        queue: str,
        body: Any,
        *,
        key: str = "",
        delay: float = 0.0,
        priority: int = 0,
        dedupe: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> str:
        """Send a message and give its id; it is on disk when this returns."""
        message = Message(
            body=body,
            key=key,
            delay=delay,
            priority=priority,
            dedupe=dedupe,
            attributes=attributes or {},
        )
        return self.send_many(queue, [message])[0].id

    def send_many(self, queue: str, messages: Iterable[Any]) -> list[Sent]:
        """Send up to 100; each is taken or refused by itself: look at ``Sent.error``.

        One that is sent alone and refused raises.
        """
        asked = {"messages": [as_message(one).as_json() for one in messages]}
        said = ask_json(self._transport, "POST", path_to("queues", queue, "messages"), asked)
        return [read_sent(one) for one in said["messages"]]

    def receive(
        self, queue: str, *, count: int = 1, wait: float = 0.0, visibility: float | None = None
    ) -> list[Received]:
        """Take messages; they are hidden from others for ``visibility`` seconds (usually 30).

        ``wait``: so many seconds (20 at most) for the first one to come.
        """
        asked: dict[str, Any] = {"count": count, "wait_s": wait}
        if visibility is not None:
            asked["visibility_s"] = visibility
        said = ask_json(self._transport, "POST", path_to("queues", queue, "receive"), asked)
        return [read_received(one) for one in said["messages"]]

    def delete(self, queue: str, message: "Received | str") -> bool:
        """Say that a received message is dealt with. False: too late, it may come again."""
        return self.delete_many(queue, [message])[0]

    def delete_many(self, queue: str, messages: Iterable["Received | str"]) -> list[bool]:
        return self._tell(queue, "delete", {"receipts": _receipts(messages)})

    def extend(self, queue: str, message: "Received | str", seconds: float) -> bool:
        """Keep a message hidden until so many seconds from now. False: too late."""
        asked = {"receipts": _receipts([message]), "visibility_s": seconds}
        return self._tell(queue, "visibility", asked)[0]

    def release(self, queue: str, message: "Received | str") -> bool:
        """Give a message back at once, for somebody else."""
        return self.extend(queue, message, 0)

    def peek(
        self, queue: str, *, state: str = "", after: str = "", limit: int = 100
    ) -> list[Received]:
        """Look at messages without taking them, newest first; bodies are left out."""
        query = {"state": state or None, "after": after or None, "limit": limit}
        path = path_to("queues", queue, "messages")
        said = ask_json(self._transport, "GET", path, query=query)
        return [read_received(one) for one in said["messages"]]

    def get(self, queue: str, id: str) -> Received:
        """Look at one message with its body."""
        path = path_to("queues", queue, "messages", id)
        return read_received(ask_json(self._transport, "GET", path))

    def purge(self, queue: str) -> int:
        """Drop all waiting messages; say how many."""
        said = ask_json(self._transport, "DELETE", path_to("queues", queue, "messages"))
        return int(said["dropped"])

    def dead(self, queue: str, *, after: str = "", limit: int = 100) -> list[Received]:
        """List dead letters, newest first; bodies are left out."""
        query = {"after": after or None, "limit": limit}
        said = ask_json(self._transport, "GET", path_to("queues", queue, "dead"), query=query)
        return [read_received(one) for one in said["messages"]]

    def redrive(self, queue: str, ids: Sequence[str] = (), *, to: str = "") -> int:
        """Let dead letters wait again, all or those named, here or in another queue."""
        asked = {"ids": list(ids), "to": to}
        said = ask_json(self._transport, "POST", path_to("queues", queue, "redrive"), asked)
        return int(said["redriven"])

    def drop_dead(self, queue: str, ids: Sequence[str] = ()) -> int:
        """Drop dead letters, all or those named."""
        asked = {"ids": list(ids)}
        said = ask_json(self._transport, "DELETE", path_to("queues", queue, "dead"), asked)
        return int(said["dropped"])

    def all(self) -> Sequence[Mapping[str, Any]]:
        """List the queues, with how many messages wait, are taken, are dead."""
        said = ask_json(self._transport, "GET", "/queues")
        queues: Sequence[Mapping[str, Any]] = said["queues"]
        return queues

    def show(self, queue: str) -> Mapping[str, Any]:
        """Show a queue's settings and how it stands."""
        said: Mapping[str, Any] = ask_json(self._transport, "GET", path_to("queues", queue))
        return said

    def configure(
        self,
        queue: str,
        *,
        visibility: float | None = None,
        attempts_max: int | None = None,
        retention: float | None = None,
        delay: float | None = None,
        dedupe: float | None = None,
        ordered: bool | None = None,
        dead_letters: str | None = None,
    ) -> Mapping[str, Any]:
        """Change settings; what is None stays. Times are in seconds."""
        said = {
            "visibility_s": visibility,
            "attempts_max": attempts_max,
            "retention_s": retention,
            "delay_s": delay,
            "dedupe_s": dedupe,
            "ordered": ordered,
            "dead_letters": dead_letters,
        }
        asked = {name: value for name, value in said.items() if value is not None}
        answer = ask_json(self._transport, "PUT", path_to("queues", queue), asked)
        settings: Mapping[str, Any] = answer["settings"]
        return settings

    def remove(self, queue: str) -> None:
        """Remove a queue, its messages, dead letters and subscriptions."""
        ask_json(self._transport, "DELETE", path_to("queues", queue))

    def _tell(self, queue: str, what: str, asked: Mapping[str, Any]) -> list[bool]:
        said = ask_json(self._transport, "POST", path_to("queues", queue, what), asked)
        return [bool(one["done"]) for one in said["results"]]


def _receipts(messages: Iterable["Received | str"]) -> list[str]:
    return [one if isinstance(one, str) else one.receipt for one in messages]
