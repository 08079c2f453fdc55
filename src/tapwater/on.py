"""Marks that make a function run when something happens. It stays a plain function.

A reactive file decorates one function with one of these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

_Function = TypeVar("_Function", bound=Callable[..., Any])

ATTRIBUTE = "__tapwater_triggers__"


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered:
    """What one decorator said: the source's name and its arguments."""

    source: str
    arguments: dict[str, Any]


def triggers(function: object) -> tuple[Triggered, ...]:
    """What a function was decorated with."""
    found: tuple[Triggered, ...] = getattr(function, ATTRIBUTE, ())
    return found


def document_created(collection: str) -> Callable[[_Function], _Function]:
    """A document like ``users/{id}`` was added."""
    return _mark("document_created", collection=collection)


def document_updated(collection: str) -> Callable[[_Function], _Function]:
    """A document like ``users/{id}`` was changed."""
    return _mark("document_updated", collection=collection)


def document_deleted(collection: str) -> Callable[[_Function], _Function]:
    """A document like ``users/{id}`` was removed."""
    return _mark("document_deleted", collection=collection)


def document_written(collection: str) -> Callable[[_Function], _Function]:
    """A document like ``users/{id}`` was added, changed or removed."""
    return _mark("document_written", collection=collection)


def upload(path: str) -> Callable[[_Function], _Function]:
    """A blob whose key matches ``avatars/**`` was stored."""
    return _mark("upload", path=path)


def blob_deleted(path: str) -> Callable[[_Function], _Function]:
    """A blob whose key matches ``avatars/**`` was removed."""
    return _mark("blob_deleted", path=path)


def message(queue: str) -> Callable[[_Function], _Function]:
    """A message came into a queue."""
    return _mark("message", queue=queue)


def batch(queue: str, *, size: int = 100, window: str = "5s") -> Callable[[_Function], _Function]:
    """Up to ``size`` messages of a queue, or those of the last ``window``, together."""
    if size < 1:
        raise ValueError(f"a batch has a size of at least 1, not {size}")
    return _mark("batch", queue=queue, size=size, window=window)


def schedule(cron: str, *, tz: str = "UTC") -> Callable[[_Function], _Function]:
    """A time came: ``*/5 * * * *`` in the zone ``tz``."""
    return _mark("schedule", cron=cron, tz=tz)


def mqtt(topic: str) -> Callable[[_Function], _Function]:
    """A message came in on an MQTT topic like ``sensors/+/temperature``."""
    return _mark("mqtt", topic=topic)


def user_created(function: _Function) -> _Function:
    """Somebody signed up. Without parentheses."""
    return _mark("user_created")(function)


def event(*, type: str, source: str = "") -> Callable[[_Function], _Function]:
    """Any CloudEvent of that type, from that source if one is given."""
    return _mark("event", type=type, source=source)


def _mark(name: str, /, **arguments: Any) -> Callable[[_Function], _Function]:
    for key, value in arguments.items():
        if not isinstance(value, str | int):
            raise TypeError(f"@on.{name} wants text for {key}, not {value!r}")

    def mark(function: _Function) -> _Function:
        if not callable(function):
            raise TypeError(f"@on.{name}(...) decorates a function, not {function!r}")
        here = (Triggered(source=name, arguments=arguments), *triggers(function))
        setattr(function, ATTRIBUTE, here)
        return function

    return mark
