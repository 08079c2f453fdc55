"""Marks that make a function run when something happens. It stays a plain function.

A reactive file decorates one function, with one or more of these. All of them take the options of
``Told``: ``@on.message("emails", retries=3, on_failure="queue:problems")``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar, Unpack, overload

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Mark = Callable[[_Function], _Function]

ATTRIBUTE = "__tapwater_triggers__"
_VALUES = (str, int, float, list, tuple, dict)


class Told(TypedDict, total=False):
    """How the function is told of an event; ``options(...)`` sets the same for all its triggers."""

    retries: int | Sequence[str | float] | Mapping[str, Any]  # how often again; or the waits before
    max_age: str | float  # what is older is not begun any more: "6h"
    key: str  # what orders and limits deliveries: "{subject}", "data.user_id"
    at_once: int  # deliveries of one key at a time; without key=, of the whole function
    rate: str  # "100/s", "10/s per key"
    debounce: str | float  # wait until it has been quiet so long; the last event is told
    delay: str | float  # tell it so much later
    priority: int  # -100 to 100, higher first
    on_success: str  # where the end is told: "queue:done", "function:group/name", "topic:news"
    on_failure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Triggered:
    """What one decorator said: the source's name and its arguments."""

    source: str
    arguments: dict[str, Any]


def triggers(function: object) -> tuple[Triggered, ...]:
    """What a function was decorated with."""
    found: tuple[Triggered, ...] = getattr(function, ATTRIBUTE, ())
    return found


def document_created(collection: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A document like ``users/{id}`` was added."""
    return _mark("document_created", told, collection=collection)


def document_updated(collection: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A document like ``users/{id}`` was changed."""
    return _mark("document_updated", told, collection=collection)


def document_deleted(collection: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A document like ``users/{id}`` was removed."""
    return _mark("document_deleted", told, collection=collection)


def document_written(collection: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A document like ``users/{id}`` was added, changed or removed."""
    return _mark("document_written", told, collection=collection)


def upload(path: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A blob was stored: ``avatars/**``, ``avatars/{user}/*.png``. The first part is the bucket."""
    return _mark("upload", told, path=path)


def blob_deleted(path: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A blob whose bucket and key match ``avatars/**`` was removed."""
    return _mark("blob_deleted", told, path=path)


def message(queue: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A message came into a queue."""
    return _mark("message", told, queue=queue)


def batch(
    queue: str = "",
    *,
    topic: str = "",
    size: int = 100,
    window: str | float = "5s",
    **told: Unpack[Told],
) -> _Mark[_Function]:
    """Up to ``size`` messages of a queue or topic, or those of the last ``window``, together.

    Return ``{"failed": [ids]}`` or raise ``BatchFailed(ids)`` to get only those once more.
    """
    if size < 1:
        raise ValueError(f"a batch has a size of at least 1, not {size}")
    if bool(queue) == bool(topic):
        raise TypeError("@on.batch wants a queue, or topic=, and not both")
    where = {"queue": queue} if queue else {"topic": topic}
    return _mark("batch", told, **where, size=size, window=window)


def topic(name: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A message was published to a topic; each function that listens is told."""
    return _mark("topic", told, topic=name)


def schedule(
    cron: str,
    *,
    tz: str = "UTC",
    missed: Literal["skip", "once", "all", ""] = "",
    overlap: Literal["skip", "allow", ""] = "",
    **told: Unpack[Told],
) -> _Mark[_Function]:
    """A time came: ``*/5 * * * *`` in the zone ``tz``, or ``every 5m``.

    ``missed`` says what becomes of the times at which the platform did not run, ``overlap``
    whether it may begin while the last one still runs.
    """
    more = {name: said for name, said in (("missed", missed), ("overlap", overlap)) if said}
    return _mark("schedule", told, cron=cron, tz=tz, **more)


def mqtt(topic: str, **told: Unpack[Told]) -> _Mark[_Function]:
    """A message came in on an MQTT topic like ``sensors/+/temperature``, ``sensors/{id}/#``."""
    return _mark("mqtt", told, topic=topic)


@overload
def user_created(function: _Function, /) -> _Function: ...
@overload
def user_created(**told: Unpack[Told]) -> _Mark[_Function]: ...
def user_created(function: Any = None, /, **told: Any) -> Any:
    """Somebody signed up. With or without parentheses."""
    return _bare("user_created", function, told)


@overload
def user_confirmed(function: _Function, /) -> _Function: ...
@overload
def user_confirmed(**told: Unpack[Told]) -> _Mark[_Function]: ...
def user_confirmed(function: Any = None, /, **told: Any) -> Any:
    """Somebody confirmed their e-mail address."""
    return _bare("user_confirmed", function, told)


@overload
def user_deleted(function: _Function, /) -> _Function: ...
@overload
def user_deleted(**told: Unpack[Told]) -> _Mark[_Function]: ...
def user_deleted(function: Any = None, /, **told: Any) -> Any:
    """A user is gone."""
    return _bare("user_deleted", function, told)


def event(*, type: str, source: str = "", **told: Unpack[Told]) -> _Mark[_Function]:
    """Any CloudEvent of that type, from that source if one is given; ``*`` is any text."""
    return _mark("event", told, type=type, source=source)


def webhook(
    name: str,
    *,
    secret: str,
    style: Literal["github", "stripe", "slack", "hmac"] = "hmac",
    **told: Unpack[Told],
) -> _Mark[_Function]:
    """Another site called ``/webhooks/<name>``, signed with the app's secret of that name."""
    return _mark("webhook", told, name=name, secret=secret, style=style)


def _bare(name: str, function: Any, told: Mapping[str, Any]) -> Any:
    mark: _Mark[Any] = _mark(name, told)
    return mark if function is None else mark(function)


def _mark(
    name: str, told: Mapping[str, Any] | Told, /, **arguments: Any
) -> Callable[[_Function], _Function]:
    for option in told:
        if option not in Told.__annotations__:
            raise TypeError(f"@on.{name} has no option {option}=")
    given = {**arguments, **told}
    for key, value in given.items():
        if not isinstance(value, _VALUES):
            raise TypeError(f"@on.{name} wants text for {key}, not {value!r}")

    def mark(function: _Function) -> _Function:
        if not callable(function):
            raise TypeError(f"@on.{name}(...) decorates a function, not {function!r}")
        here = (Triggered(source=name, arguments=given), *triggers(function))
        setattr(function, ATTRIBUTE, here)
        return function

    return mark
