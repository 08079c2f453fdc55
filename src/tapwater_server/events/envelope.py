"""How an event travels: as a CloudEvent in JSON, in an errand's body and to a function. Pure."""

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from tapwater_server.model.event import ORIGINAL_ID, Event
from tapwater_server.model.message import is_json, unpack
from tapwater_server.ports.bus import Delivery

BATCH = "tapwater.batch"
MESSAGE = "tapwater.queue.message"


def enveloped(event: Event, params: Mapping[str, str]) -> bytes:
    """Write an event as a function is told it; ``params`` are the parts of the pattern.

    >>> from tapwater_server.model.ids import AppId
    >>> enveloped(Event(id="1", app=AppId("a"), type="t", source="/s", data=b"7"), {})
    b'{"specversion":"1.0","id":"1","type":"t","source":"/s","time":"1970-01-01T00:00:00Z","data":7}'
    """
    said: dict[str, Any] = {
        "specversion": "1.0",
        "id": event.extensions.get(ORIGINAL_ID, event.id),
        "type": event.type,
        "source": event.source,
        "time": timestamp(event.at),
    }
    if event.subject:
        said["subject"] = event.subject
    said |= event.extensions
    said.pop(ORIGINAL_ID, None)
    said |= content(event.data, event.content_type)
    if params:
        said["params"] = params
    return msgspec.json.encode(said)


def content(data: bytes, content_type: str) -> dict[str, Any]:
    """Write data as the members of a CloudEvent: JSON as it is, texts, and else base64.

    >>> content(b"hi", "text/plain")
    {'datacontenttype': 'text/plain', 'data': 'hi'}
    """
    if is_json(content_type):
        kind = {} if content_type == "application/json" else {"datacontenttype": content_type}
        return {**kind, "data": msgspec.Raw(data)} if data else kind
    if _is_text(content_type):
        try:
            return {"datacontenttype": content_type, "data": data.decode()}
        except UnicodeDecodeError:
            pass  # It is not UTF-8: it goes as bytes.
    return {"datacontenttype": content_type, "data_base64": base64.b64encode(data).decode()}


def _is_text(content_type: str) -> bool:
    kind, _, more = content_type.lower().partition(";")
    return kind.startswith("text/") or kind.endswith(("/xml", "+xml")) or "charset=" in more


def message(delivery: Delivery, *, queue: str) -> bytes:
    """Write a message of a queue as the event a function is told; its attributes are extensions."""
    errand = delivery.errand
    sent = unpack(errand.body, errand.attributes)
    said: dict[str, Any] = {name: at for name, at in sent.attributes.items() if name not in _TAKEN}
    said |= {
        "specversion": "1.0",
        "id": errand.id,
        "type": MESSAGE,
        "source": f"/queues/{queue}",
        "time": timestamp(delivery.published_at),
        **content(sent.body, sent.content_type),
    }
    return msgspec.json.encode(said)


def batched(deliveries: Sequence[Delivery], bodies: Sequence[bytes]) -> bytes:
    """Write several as one: each event with the delivery and attempt it is part of."""
    events = []
    for delivery, body in zip(deliveries, bodies, strict=True):
        one = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        one["delivery"] = msgspec.Raw(msgspec.json.encode(delivery.errand.id))
        one["attempt"] = msgspec.Raw(b"%d" % delivery.attempt)
        events.append(one)
    return msgspec.json.encode({"specversion": "1.0", "type": BATCH, "events": events})


def timestamp(at: float) -> str:
    """Write a time as RFC 3339 has it.

    >>> timestamp(1.5)
    '1970-01-01T00:00:01.500000Z'
    """
    try:
        return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return "1970-01-01T00:00:00Z"


_TAKEN = frozenset(
    {
        "specversion",
        "id",
        "type",
        "source",
        "subject",
        "time",
        "data",
        "data_base64",
        "datacontenttype",
        "params",
        "delivery",
        "attempt",
        "events",
    }
)
