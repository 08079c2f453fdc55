"""What a user wrote about deliveries, read into values. Pure.

The keys are options of every trigger (``@on.message("a", retries=3)``) and of ``options(...)``;
what a decorator says is stronger.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.control.wrong import Wrong, duration, text, whole
from tapwater_server.model.delivering import ATTEMPTS_MAX, DeliveryOptions, Pace
from tapwater_server.model.errors import Invalid
from tapwater_server.model.templates import parse_template

WAITS_MAX = 32
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*(s|m|h)(\s+per key)?")
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_QUEUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_FUNCTION = re.compile(r"[A-Za-z0-9_.\[\]-]+(/[A-Za-z0-9_.\[\]-]+)*")
_PLACES: Mapping[str, re.Pattern[str]] = {
    "queue": _QUEUE,
    "topic": _QUEUE,
    "function": _FUNCTION,
}


def retries(value: object) -> dict[str, Any]:
    """Read how often again, or the waits before each.

    >>> retries(3)
    {'attempts_max': 4}
    >>> retries(["1s", "1m"])
    {'attempts_max': 3, 'delays_s': (1.0, 60.0)}
    """
    if isinstance(value, Mapping):
        return _retries_table(value)
    if isinstance(value, list | tuple) and 1 <= len(value) <= WAITS_MAX:
        waits = tuple(duration(one) for one in value)
        return {"attempts_max": len(waits) + 1, "delays_s": waits}
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < ATTEMPTS_MAX:
        return {"attempts_max": value + 1}
    raise Wrong(
        f"{value!r} is neither how often (0 to {ATTEMPTS_MAX - 1}) nor the waits, ['1s', '1m']"
    )


def _retries_table(value: Mapping[Any, Any]) -> dict[str, Any]:
    strange = set(value) - {"attempts", "delays"}
    if strange or not value:
        raise Wrong("write {'attempts': 5, 'delays': ['1s', '1m']}")
    found: dict[str, Any] = {}
    if "delays" in value:
        found = retries(value["delays"] if isinstance(value["delays"], list) else [value["delays"]])
    if "attempts" in value:
        found["attempts_max"] = whole(1, ATTEMPTS_MAX)(value["attempts"])
    return found


def paced(value: object) -> Pace:
    """Read how many at most.

    >>> paced("120/m per key")
    Pace(per_s=2.0, of_key=True)
    """
    if isinstance(value, str) and (match := _RATE.fullmatch(value.strip())):
        per_s = float(match[1]) / _SECONDS[match[2]]
        if per_s > 0:
            return Pace(per_s=per_s, of_key=match[3] is not None)
    raise Wrong(f"{value!r} is not a rate: write such as '100/s', '60/m' or '10/s per key'")


def key(value: object) -> str:
    """Read a template over an event."""
    said = text(value)
    try:
        parse_template(said)
    except Invalid as error:
        raise Wrong(error.message) from None
    return said


def place(value: object) -> str:
    """Read where an end is told: ``queue:…``, ``function:…`` or ``topic:…``."""
    kind, _, name = text(value).partition(":")
    pattern = _PLACES.get(kind)
    if pattern is None or not pattern.fullmatch(name):
        raise Wrong(f"{value!r}: write such as 'queue:problems', 'function:ops/tell', 'topic:news'")
    return f"{kind}:{name}"


def queue_name(value: object) -> str:
    """Read the name of a queue or topic."""
    if isinstance(value, str) and _QUEUE.fullmatch(value):
        return value
    raise Wrong(f"{value!r} is no name for it: use at most 80 letters, digits, '.', '_' and '-'")


def _one(name: str, read: Callable[[object], Any]) -> Callable[[object], dict[str, Any]]:
    return lambda value: {name: read(value)}


READERS: Mapping[str, Callable[[object], dict[str, Any]]] = {
    "retries": retries,
    "max_age": _one("age_s_max", duration),
    "key": _one("key", key),
    "at_once": _one("at_once", whole(1, 1000)),
    "rate": _one("pace", paced),
    "debounce": _one("debounce_s", duration),
    "delay": _one("delay_s", duration),
    "priority": _one("priority", whole(-100, 100)),
    "on_success": _one("on_success", place),
    "on_failure": _one("on_failure", place),
}


def complain(given: Mapping[str, object]) -> list[str]:
    """Say what is wrong with those of ``given`` that are options of deliveries."""
    wrong = []
    for name in given.keys() & READERS.keys():
        try:
            READERS[name](given[name])
        except Wrong as error:
            wrong.append(f"{name}: {error}")
    return sorted(wrong)


def choose(*sources: Mapping[str, object]) -> DeliveryOptions:
    """Put checked sources together, the weakest first.

    >>> choose({"retries": 3, "priority": 1}, {"retries": 0}).attempts_max
    1
    """
    values: dict[str, Any] = {}
    for source in sources:
        for name, read in READERS.items():
            if source.get(name) is not None:
                values |= read(source[name])
    return DeliveryOptions(**values)
