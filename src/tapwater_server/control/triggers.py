"""What functions listen to, checked at the deploy: patterns, queues, times, signatures. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tapwater_server.control import delivering
from tapwater_server.control.layout import Problem
from tapwater_server.control.wrong import Wrong, duration, text, whole
from tapwater_server.model import cron, patterns
from tapwater_server.model.delivering import Pace
from tapwater_server.model.errors import Invalid
from tapwater_server.model.function import Function, Trigger

TRIGGERS_MAX = 16  # Of one function.
BATCH_MAX = 1000
STYLES = ("github", "stripe", "slack", "hmac")
# What orders a queue's messages is said by who sends them.
_SENDERS = frozenset({"key", "at_once", "debounce", "delay", "priority"})

Read = Callable[[object], Any]


def _pattern(compile_pattern: Callable[[str], object]) -> Read:
    def read(value: object) -> str:
        said = text(value)
        try:
            compile_pattern(said)
        except Invalid as error:
            raise Wrong(error.message) from None
        return said

    return read


def _cron(value: object) -> str:
    said = text(value)
    try:
        cron.parse(said)
    except ValueError as error:
        raise Wrong(str(error)) from None
    return said


def _zone(value: object) -> str:
    said = text(value)
    try:
        cron.zone_named(said)
    except ValueError as error:
        raise Wrong(str(error)) from None
    return said


def _one_of(*choices: str) -> Read:
    def read(value: object) -> str:
        if value in choices:
            return str(value)
        raise Wrong(f"{value!r} is none of {', '.join(choices)}")

    return read


def _secret(value: object) -> str:
    said = text(value)
    if not said.isidentifier():
        raise Wrong(f"{said!r} is not the name of a secret")
    return said


def _source(value: object) -> str:
    return "" if value == "" else str(_pattern(patterns.words_pattern)(value))


_DOCUMENT = {"collection": _pattern(patterns.document_pattern)}
_BLOB = {"path": _pattern(patterns.path_pattern)}
READERS: Mapping[str, Mapping[str, Read]] = {
    "document_created": _DOCUMENT,
    "document_updated": _DOCUMENT,
    "document_deleted": _DOCUMENT,
    "document_written": _DOCUMENT,
    "upload": _BLOB,
    "blob_deleted": _BLOB,
    "message": {"queue": delivering.queue_name},
    "batch": {
        "queue": delivering.queue_name,
        "topic": delivering.queue_name,
        "size": whole(1, BATCH_MAX),
        "window": duration,
    },
    "topic": {"topic": delivering.queue_name},
    "schedule": {
        "cron": _cron,
        "tz": _zone,
        "missed": _one_of("skip", "once", "all"),
        "overlap": _one_of("skip", "allow"),
    },
    "mqtt": {"topic": _pattern(patterns.topic_pattern)},
    "user_created": {},
    "user_confirmed": {},
    "user_deleted": {},
    "event": {"type": _pattern(patterns.words_pattern), "source": _source},
    "webhook": {"name": delivering.queue_name, "secret": _secret, "style": _one_of(*STYLES)},
}
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "message": ("queue",),
    "topic": ("topic",),
    "schedule": ("cron",),
    "mqtt": ("topic",),
    "event": ("type",),
    "webhook": ("name", "secret"),
    "upload": ("path",),
    "blob_deleted": ("path",),
    **{name: ("collection",) for name in READERS if name.startswith("document_")},
}


def complain(source: str, arguments: Mapping[str, object]) -> list[str]:
    """Say what is wrong with one trigger; each sentence begins with the decorator's name."""
    readers = READERS.get(source)
    if readers is None:
        return [f"@on.{source[:40]}: there is no such trigger (there are: {', '.join(READERS)})"]
    wrong = [f"{name[:40]}= is not one of its options" for name in _strangers(arguments, readers)]
    wrong += [f"needs {name}" for name in _NEEDED.get(source, ()) if name not in arguments]
    for name, read in readers.items():
        try:
            if name in arguments:
                read(arguments[name])
        except Wrong as error:
            wrong.append(f"{name}: {error}")
    wrong += delivering.complain(arguments)
    if source == "batch" and bool(arguments.get("queue")) == bool(arguments.get("topic")):
        wrong.append("needs a queue, or topic=, and not both")
    if "queue" in arguments:
        wrong += [
            f"{name}= is said by who sends the message"
            for name in sorted(_SENDERS & set(arguments))
        ]
    return [f"@on.{source}: {what}" for what in wrong]


def make(
    source: str,
    arguments: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    pace: Pace | None = None,
) -> Trigger:
    """Make a trigger of checked arguments; ``options`` and ``pace`` are the function's, weaker."""
    known = READERS[source]
    said = {name: value for name, value in arguments.items() if name in known}
    if source == "batch":
        said["window_s"] = duration(said.get("window", 5.0))
    delivery = delivering.choose(options, arguments)
    if pace is not None and delivery.pace is None:
        delivery = replace(delivery, pace=pace)
    return Trigger(source=source, arguments=said, delivery=delivery)


def complain_together(functions: Sequence[Function]) -> list[Problem]:
    """Say what is wrong only seen together: two that consume one queue, ends told to nobody."""
    return [*_two_consumers(functions), *_two_webhooks(functions), *_told_to_nobody(functions)]


def _two_consumers(functions: Sequence[Function]) -> list[Problem]:
    problems, consumers = [], dict[str, Function]()
    for function in functions:
        for trigger in function.triggers:
            queue = trigger.arguments.get("queue", "")
            first = consumers.setdefault(queue, function) if queue else function
            if first is not function:
                problems.append(
                    _problem(
                        function, f"the queue {queue!r} is consumed by {first.id.name} already"
                    )
                )
    return problems


def _two_webhooks(functions: Sequence[Function]) -> list[Problem]:
    problems, seen = [], dict[str, tuple[Any, Any]]()
    for function in functions:
        for trigger in function.triggers:
            if trigger.source != "webhook":
                continue
            said = (trigger.arguments.get("secret"), trigger.arguments.get("style", "hmac"))
            name = str(trigger.arguments["name"])
            if seen.setdefault(name, said) != said:
                what = f"the webhook {name!r} is checked in another way by another function"
                problems.append(_problem(function, what))
    return problems


def _told_to_nobody(functions: Sequence[Function]) -> list[Problem]:
    problems, names = [], {function.id.name for function in functions}
    for function in functions:
        for options in (function.delivery, *(one.delivery for one in function.triggers)):
            for where in (options.on_success, options.on_failure):
                kind, _, name = where.partition(":")
                if kind == "function" and name not in names:
                    problems.append(_problem(function, f"there is no function {name!r} to tell"))
    return problems


def _problem(function: Function, what: str) -> Problem:
    return {"where": function.file, "what": what}


def _strangers(arguments: Mapping[str, object], readers: Mapping[str, Read]) -> list[str]:
    return sorted(set(arguments) - set(readers) - set(delivering.READERS))
