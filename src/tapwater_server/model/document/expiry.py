"""When documents end: at a time said with a write, or by a field that holds the time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tapwater_server.model.document.paths import Field
from tapwater_server.model.document.value import pick

EXPIRES_MAX = 1e11  # seconds since the epoch: the year 5138
TTLS_MAX = 200  # Of one app.
_TIME_CHARS_MAX = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Ttl:
    """Which field says when the documents of the collections of one name end."""

    name: str  # the last part of the collections' paths
    field: Field
    declared: bool = False  # in tapwater.toml; otherwise by API or command


def end_of(data: Mapping[str, Any], ttl: Ttl) -> float:
    """Say when a document ends by its own field; 0.0: never, as nothing there is a time."""
    return time_of(pick(data, ttl.field))


def time_of(value: object) -> float:
    """Read seconds since the epoch, or a time as RFC 3339 writes it; 0.0: it is neither.

    >>> time_of(1_800_000_000), time_of("2027-01-15T08:00:00Z"), time_of("tomorrow")
    (1800000000.0, 1800000000.0, 0.0)
    """
    if isinstance(value, str) and len(value) <= _TIME_CHARS_MAX:
        value = _read(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return 0.0
    return float(value) if 0 < value <= EXPIRES_MAX else 0.0


def _read(text: str) -> float:
    try:
        time = datetime.fromisoformat(text)
        return time.timestamp() if time.tzinfo is not None else 0.0
    except (ValueError, OverflowError):
        return 0.0
