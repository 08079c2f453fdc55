"""Readers of what users write that several tables of options share. Pure."""

import re
from collections.abc import Callable

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Wrong(Exception):
    """A value that cannot be meant; the text says what can."""


def duration(value: object) -> float:
    """Read a time in seconds.

    >>> duration("1.5m")
    90.0
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e9:
        return float(value)
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        seconds = float(match[1]) * _SECONDS[match[2]]
        if 0 < seconds < 1e9:
            return seconds
    raise Wrong(f"{value!r} is not a time: write seconds, or such as '500ms', '30s', '5m', '1h'")


def whole(low: int, high: int) -> Callable[[object], int]:
    """Make a reader of whole numbers between two ends."""

    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise Wrong(f"{value!r} is not a whole number from {low} to {high}")

    return read


def text(value: object) -> str:
    """Read a text."""
    if isinstance(value, str) and len(value) <= 4096:
        return value
    raise Wrong(f"{value!r} is not a text of at most 4096 characters")
