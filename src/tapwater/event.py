"""Something that happened, as a reactive function is told of it: a CloudEvent (v1.0)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_KNOWN = frozenset({"specversion", "id", "type", "source", "subject", "time", "data", "params"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What happened. ``params`` are the parts of a pattern: ``users/{id}`` gives ``id``."""

    data: Any = None
    id: str = ""
    type: str = "tapwater.call"
    source: str = ""
    subject: str = ""
    time: str = ""
    params: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)


def read_event(value: Any) -> Event:
    """Make an event of decoded JSON; what is no CloudEvent becomes the data of one.

    >>> read_event({"specversion": "1.0", "type": "a.b", "id": "1", "data": 7}).data
    7
    >>> read_event([1, 2]).data
    [1, 2]
    """
    if not isinstance(value, dict) or "specversion" not in value:
        return Event(data=value)
    params = value.get("params")
    return Event(
        data=value.get("data"),
        params={str(key): str(part) for key, part in params.items()}
        if isinstance(params, dict)
        else {},
        extensions={key: extra for key, extra in value.items() if key not in _KNOWN},
        **{
            name: str(value[name])
            for name in ("id", "type", "source", "subject", "time")
            if value.get(name) is not None
        },
    )
