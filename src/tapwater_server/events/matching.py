"""Event and triggers → errands. Pure: one revision's triggers are compiled once and asked often."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from tapwater_server.events.envelope import enveloped
from tapwater_server.model import patterns
from tapwater_server.model.delivering import DeliveryOptions
from tapwater_server.model.event import Event
from tapwater_server.model.function import Function, Trigger
from tapwater_server.model.message import is_json
from tapwater_server.model.templates import fill
from tapwater_server.model.trace import derived
from tapwater_server.ports.bus import ERRAND_BYTES_MAX, Errand, function_line

DEBOUNCES_MAX = 10  # A stream of events that never pauses is told after so many waits at most.
WHOLE = "*"  # The key of a function whose deliveries are limited as a whole.

Params = Mapping[str, str]
Test = Callable[[Event], Params | None]

_TYPES: Mapping[str, Sequence[str]] = {
    "document_created": ("tapwater.document.created",),
    "document_updated": ("tapwater.document.updated",),
    "document_deleted": ("tapwater.document.deleted",),
    "document_written": (
        "tapwater.document.created",
        "tapwater.document.updated",
        "tapwater.document.deleted",
    ),
    "upload": ("tapwater.blob.stored",),
    "blob_deleted": ("tapwater.blob.deleted",),
    "user_created": ("tapwater.user.created",),
    "user_confirmed": ("tapwater.user.confirmed",),
    "user_deleted": ("tapwater.user.deleted",),
}
_NONE: Params = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One trigger of one function, ready to be asked."""

    function: Function
    index: int  # of the trigger, among the function's
    test: Test

    @property
    def options(self) -> DeliveryOptions:
        return self.function.triggers[self.index].delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An event that a function is to be told of."""

    listener: Listener
    params: Params


class Listeners:
    """All triggers of a revision, by the type of event they can match."""

    def __init__(self, functions: Iterable[Function]) -> None:
        self._by_type: dict[str, list[Listener]] = defaultdict(list)
        self._any: list[Listener] = []
        for function in functions:
            for index, trigger in enumerate(function.triggers):
                self._add(function, index, trigger)

    def _add(self, function: Function, index: int, trigger: Trigger) -> None:
        types, test = listens(function, trigger)
        listener = Listener(function=function, index=index, test=test)
        for type in types:
            if "*" in type:
                self._any.append(listener)
            else:
                self._by_type[type].append(listener)

    def match(self, event: Event) -> list[Match]:
        """Say who is to be told: each function once, by the first of its triggers that fits."""
        found: dict[str, Match] = {}
        for listener in (*self._by_type.get(event.type, ()), *self._any):
            name = listener.function.id.name
            if name not in found and (params := listener.test(event)) is not None:
                found[name] = Match(listener=listener, params=params)
        return list(found.values())


def listens(function: Function, trigger: Trigger) -> tuple[Sequence[str], Test]:
    """Say which types of event a trigger hears, and what else must fit."""
    said = trigger.arguments
    match trigger.source:
        case "topic" | "batch" if said.get("topic"):
            return ("tapwater.topic.message",), _source(f"/topics/{said['topic']}")
        case "mqtt":
            return ("tapwater.mqtt.message",), _subject(patterns.topic_pattern(said["topic"]))
        case "schedule":
            return ("tapwater.schedule.tick",), _schedule(function, trigger)
        case "webhook":
            return (f"tapwater.webhook.{said['name']}",), _always
        case "event":
            return (said["type"],), _custom(said)
        case source if source in _TYPES:
            return _TYPES[source], _of_service(said)
        case _:
            return (), lambda _: None  # Messages of queues come on lines of their own.


def _of_service(said: Mapping[str, Any]) -> Test:
    if "collection" in said:
        return _subject(patterns.document_pattern(said["collection"]))
    return _blob(patterns.path_pattern(said["path"])) if "path" in said else _always


def _always(_: Event) -> Params:
    return {}


def _subject(pattern: patterns.Match) -> Test:
    return lambda event: pattern(event.subject)


def _blob(pattern: patterns.Match) -> Test:
    return lambda event: pattern(f"{event.source.removeprefix('/blobs/')}/{event.subject}")


def _source(source: str) -> Test:
    return lambda event: _NONE if event.source == source else None


def _schedule(function: Function, trigger: Trigger) -> Test:
    """A tick of the function's own schedule; several of them are told apart after a ``#``."""
    name = f"/schedules/{function.id.name}"
    own = [one for one in function.triggers if one.source == "schedule"]
    places = {""} | ({str(own.index(trigger))} if len(own) > 1 else set())

    def test(event: Event) -> Params | None:
        said, _, place = event.source.partition("#")
        fits = said == name and (len(own) == 1 or place in places)
        return _NONE if fits else None

    return test


def _custom(said: Mapping[str, Any]) -> Test:
    type = patterns.words_pattern(said["type"])
    source = patterns.words_pattern(said["source"]) if said.get("source") else None

    def test(event: Event) -> Params | None:
        if type(event.type) is None:
            return None
        return _NONE if source is None else source(event.source)

    return test


def errand_of(match: Match, event: Event, *, now: float, salt: str = "") -> Errand:
    """Make the errand. Its id is made of event and function: made again, it is the same one.

    ``salt`` makes another, for a replay. ``trace`` is the event's own step.
    """
    function, options = match.listener.function, match.listener.options
    name = str(function.id)
    body = enveloped(event, match.params)
    key = _key(options, event, match.params)
    return Errand(
        id=errand_id(event, name, salt=salt),
        app=event.app,
        line=function_line(name),
        body=body if len(body) <= ERRAND_BYTES_MAX else b"",  # Empty: it is read from the log.
        function=name,
        attributes=_attributes(match),
        event=event.id,
        key=key,
        at_once=options.at_once or 1,
        priority=options.priority,
        replaces=(key or WHOLE) if options.debounce_s else "",
        replaced_s_max=options.debounce_s * DEBOUNCES_MAX,
        root=event.root or event.id,
        depth=event.depth,
        trace=derived(event.trace, event.app, event.id)[0].decode("ascii"),
        not_before=_not_before(options, now),
    )


def errand_id(event: Event, function: str, *, salt: str = "") -> str:
    """Name an errand after what it tells and whom."""
    text = f"{event.app}\0{event.id}\0{function}\0{salt}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def draw(text: str) -> float:
    """Draw a number, 0 <= x < 1, that is the same for the same text.

    >>> 0 <= draw("x") == draw("x") < 1
    True
    """
    drawn = hashlib.blake2b(text.encode(), digest_size=6).digest()
    return int.from_bytes(drawn) / (1 << 48)


def _attributes(match: Match) -> bytes:
    """What is to be known at the delivery and is not in the event."""
    said: dict[str, Any] = {}
    if match.listener.index:
        said["trigger"] = match.listener.index
    if match.params:
        said["params"] = match.params
    return msgspec.json.encode(said) if said else b""


def _key(options: DeliveryOptions, event: Event, params: Params) -> str:
    if options.key:
        return fill(options.key, _Looking(event, params).look)
    return WHOLE if options.at_once else event.key


def _not_before(options: DeliveryOptions, now: float) -> float:
    wait_s = options.debounce_s + options.delay_s
    return now + wait_s if wait_s else 0.0


class _Looking:
    """Looks into an event for a template; its data is read only if somebody asks."""

    def __init__(self, event: Event, params: Params) -> None:
        self._event, self._params = event, params

    def look(self, name: str) -> Any:
        if name == "data":
            return self._data()
        if name == "params":
            return self._params
        if name in {"id", "type", "source", "subject", "key", "root"}:
            return getattr(self._event, name)
        return self._event.extensions.get(name)

    def _data(self) -> Any:
        if not is_json(self._event.content_type):
            return None
        try:
            return msgspec.json.decode(self._event.data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
