"""Where ends are told: ``queue:…``, ``function:…`` or ``topic:…``, each durable before the
delivery is settled. Pure, but for the last function.

A crash between telling and settling tells it twice, with the same id; it never loses it.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from tapwater_server.events.contexts import delivery_context
from tapwater_server.events.envelope import timestamp
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.model.message import Message
from tapwater_server.ports.bus import ERRAND_BYTES_MAX, Delivery, Errand, function_line

SUCCEEDED = "tapwater.delivery.succeeded"
FAILED = "tapwater.delivery.failed"
ANSWER_CHARS_MAX = 64 << 10  # Of what the function answered.


class Places(Protocol):
    """Where an end can be told besides functions; the services of queues and topics give it."""

    async def send(self, app: AppId, queue: str, message: Message, chain: "Chain") -> None:
        """Put a message into a queue; one with a ``chain.id`` seen before changes nothing."""
        ...

    async def announce(self, app: AppId, topic: str, message: Message, chain: "Chain") -> None:
        """Publish to a topic, likewise."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Which end this is, and where in a chain of functions it comes."""

    id: str
    root: str
    depth: int
    trace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a delivery ended for good."""

    delivery: Delivery
    body: bytes  # what the function was told, JSON
    good: bool
    reason: str = ""
    status: int = 0
    answer: str = ""


def chain_of(end: End) -> Chain | None:
    """Say where the end is told in the chain; None: the chain is too long already."""
    errand = end.delivery.errand
    if errand.depth >= CHAIN_DEPTH_MAX:
        return None
    return Chain(
        id=f"{errand.id}.{'done' if end.good else 'dead'}",
        root=errand.root or errand.id,
        depth=errand.depth + 1,
        trace=delivery_context(errand)[0].decode("ascii"),
    )


def told(end: End) -> bytes:
    """Write ``{"event": …, "outcome": …}``; an event too large for it is only named."""
    errand = end.delivery.errand
    outcome: dict[str, Any] = {
        "good": end.good,
        "function": errand.function.partition(":")[2],
        "delivery": errand.id,
        "attempt": end.delivery.attempt,
        "status": end.status,
        "answer": end.answer[:ANSWER_CHARS_MAX],
        "reason": end.reason,
    }
    raw = msgspec.json.encode({"event": _event(end.body), "outcome": outcome})
    if len(raw) <= ERRAND_BYTES_MAX - 4096:
        return raw
    return msgspec.json.encode({"event": {"id": errand.event or errand.id}, "outcome": outcome})


def errand_for(end: End, chain: Chain, function: str, *, now: float) -> Errand:
    """Make the errand that tells a function of an end."""
    errand = end.delivery.errand
    name = f"{errand.app}:{function}"
    body = {
        "specversion": "1.0",
        "id": chain.id,
        "type": SUCCEEDED if end.good else FAILED,
        "source": f"/functions/{errand.function.partition(':')[2]}",
        "subject": errand.id,
        "time": timestamp(now),
        "data": msgspec.Raw(told(end)),
    }
    return Errand(
        id=chain.id,
        app=errand.app,
        line=function_line(name),
        function=name,
        body=msgspec.json.encode(body),
        root=chain.root,
        depth=chain.depth,
        trace=chain.trace,
    )


def announcement(app: AppId, topic: str, message: Message, chain: Chain, *, now: float) -> Event:
    """Make the event of a message published to a topic."""
    return Event(
        id=chain.id,
        app=app,
        type="tapwater.topic.message",
        source=f"/topics/{topic}",
        at=now,
        data=message.body,
        content_type=message.content_type,
        root=chain.root,
        depth=chain.depth,
        trace=chain.trace,
    )


def _event(body: bytes) -> Any:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")
    return msgspec.Raw(body)
