"""Something that happened, as a reactive function is told of it: a CloudEvent (v1.0)."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater.problem import Problem

_KNOWN = frozenset(
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
        "dataschema",
        "params",
        "delivery",
        "attempt",
    }
)
_TEXTS = ("id", "type", "source", "subject", "time", "datacontenttype", "dataschema")
BATCH = "tapwater.batch"  # The type of what carries several events to a function at once.


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened. ``params`` are the parts of a pattern: ``users/{id}`` gives ``id``.

    ``delivery`` is the same each time this event is told to this function, ``attempt`` counts
    from 1: an event may come again, and ``ctx.once(event.delivery)`` does what must not.
    """

    data: Any = None
    id: str = ""
    type: str = "tapwater.call"
    source: str = ""
    subject: str = ""
    time: str = ""
    datacontenttype: str = "application/json"
    dataschema: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    delivery: str = ""
    attempt: int = 1

    @property
    def before(self) -> Any:
        """Of a document's event: what it was; None when it was created."""
        return self.data.get("before") if isinstance(self.data, dict) else None

    @property
    def after(self) -> Any:
        """Of a document's event: what it is now; None when it was deleted."""
        return self.data.get("after") if isinstance(self.data, dict) else None


class BatchFailed(Problem):
    """Raised by a function that takes batches: these messages failed, the others are done.

    >>> BatchFailed(["a", "b"]).failed
    ('a', 'b')
    """

    def __init__(self, failed: Iterable["str | Event"], reason: str = "") -> None:
        self.failed = tuple(
            (one.delivery or one.id) if isinstance(one, Event) else str(one) for one in failed
        )
        super().__init__(500, reason or f"{len(self.failed)} failed", code="batch_failed")

    def members(self) -> Mapping[str, object]:
        """What the problem says besides: whom to try again."""
        return {"failed": list(self.failed)}


def read_event(value: Any, *, delivery: str = "", attempt: int = 1) -> Event:
    """Make an event of decoded JSON; what is no CloudEvent becomes the data of one.

    >>> read_event({"specversion": "1.0", "type": "a.b", "id": "1", "data": 7}).data
    7
    >>> read_event([1, 2]).data
    [1, 2]
    """
    if not isinstance(value, dict) or "specversion" not in value:
        return Event(data=value, id=delivery, delivery=delivery, attempt=attempt)
    params = value.get("params")
    return Event(
        data=_data(value),
        params={str(key): str(part) for key, part in params.items()}
        if isinstance(params, dict)
        else {},
        extensions={key: extra for key, extra in value.items() if key not in _KNOWN},
        delivery=str(value.get("delivery") or delivery),
        attempt=int(value.get("attempt") or attempt),
        **{name: str(value[name]) for name in _TEXTS if value.get(name) is not None},
    )


def read_events(value: Any, *, delivery: str = "", attempt: int = 1) -> list[Event]:
    """Make the events of a batch; what is no batch becomes one of a single event.

    >>> [one.data for one in read_events({"type": "tapwater.batch", "events": [{"data": 1}]})]
    [{'data': 1}]
    """
    if isinstance(value, dict) and value.get("type") == BATCH:
        return [read_event(one) for one in value.get("events") or ()]
    return [read_event(value, delivery=delivery, attempt=attempt)]


def _data(value: Mapping[str, Any]) -> Any:
    coded = value.get("data_base64")
    if not isinstance(coded, str):
        return value.get("data")
    try:
        return base64.b64decode(coded, validate=True)
    except ValueError:  # binascii.Error, or letters beyond ASCII.
        return coded
