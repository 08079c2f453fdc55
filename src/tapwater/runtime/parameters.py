"""What each parameter of a handler is bound to, by its mark, its type and its name."""

import dataclasses
import inspect
import typing
from collections.abc import Callable
from enum import StrEnum
from typing import Any, get_args

from tapwater.event import Event
from tapwater.file import File
from tapwater.http import Request, Stream, User
from tapwater.marks import MISSING, Mark
from tapwater.runtime import foreign
from tapwater.runtime.annotations import NONE, bare, is_union, sequence_of
from tapwater.runtime.context import AsyncContext, Context
from tapwater.runtime.converting import from_json
from tapwater.runtime.scalars import Convert
from tapwater.runtime.texts import from_text, is_scalar
from tapwater.runtime.wrong import Wrong
from tapwater.websocket import WebSocket


class Source(StrEnum):
    """Where an argument comes from."""

    PATH = "path"
    QUERY = "query"
    HEADER = "header"
    COOKIE = "cookie"
    FORM = "form"
    BODY = "body"
    RAW = "raw"  # the body as bytes or text
    REQUEST = "request"
    USER = "user"
    CONTEXT = "ctx"
    STREAM = "stream"
    WEBSOCKET = "ws"
    EVENT = "event"
    EVENTS = "events"  # of a batch
    PARAM = "params"  # a part of a reactive function's pattern


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a handler. ``key`` is its name where it comes from."""

    name: str
    source: Source
    key: str = ""
    annotation: Any = Any
    convert: Convert
    default: Any = None
    required: bool = True
    many: bool = False  # it takes all values of a repeated one
    whole_bytes: bool = False  # its library reads the JSON itself
    positional: bool = False


_TYPES: dict[Any, Source] = {
    Request: Source.REQUEST,
    Context: Source.CONTEXT,
    AsyncContext: Source.CONTEXT,
    User: Source.USER,
    Stream: Source.STREAM,
    Event: Source.EVENT,
    WebSocket: Source.WEBSOCKET,
}
_NAMES: dict[str, Source] = {
    "request": Source.REQUEST,
    "ctx": Source.CONTEXT,
    "context": Source.CONTEXT,
    "user": Source.USER,
    "ws": Source.WEBSOCKET,
}
_BODY_NAMES = frozenset({"body", "data", "payload"})


def read_parameters(
    function: Callable[..., Any],
    *,
    path_names: frozenset[str],
    reactive: bool,
    batch: bool = False,
) -> tuple[Parameter, ...]:
    """Decide for every parameter.

    Raises:
        TypeError: one of them can be bound to nothing.
    """
    signature = inspect.signature(function)
    hints = _hints(function)
    raws = [
        _Raw(parameter, hints.get(parameter.name, Any), path_names)
        for parameter in signature.parameters.values()
    ]
    read = (_read_batch if batch else _read_reactive) if reactive else _read
    parameters = [_decided(raw, read) for raw in raws]
    return _several_bodies(parameters)


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    target = function
    while not inspect.isroutine(target):
        target = getattr(target, "func", None) or type(target).__call__
    target = inspect.unwrap(target)
    try:
        return typing.get_type_hints(target, include_extras=True)
    except NameError as error:
        raise TypeError(f"an annotation cannot be read: {error}") from error


class _Raw:
    """A parameter as it is written."""

    def __init__(
        self, parameter: inspect.Parameter, annotation: Any, path_names: frozenset[str]
    ) -> None:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TypeError(f"*{parameter.name} cannot be bound: name the parameters one by one")
        self.name = parameter.name
        self.positional = parameter.kind is parameter.POSITIONAL_ONLY
        self.full = annotation
        self.mark = next((one for one in _extras(annotation) if isinstance(one, Mark)), None)
        self.default = MISSING if parameter.default is parameter.empty else parameter.default
        if isinstance(self.default, Mark):
            self.mark, self.default = self.default, self.default.default
        elif self.mark is not None and self.default is MISSING:
            self.default = self.mark.default
        self.annotation = bare(annotation)
        self.optional = is_union(self.annotation) and NONE in get_args(self.annotation)
        self.inner = _without_none(self.annotation) if self.optional else self.annotation
        self.in_path = parameter.name in path_names
        if self.default is MISSING and self.optional:
            self.default = None

    def parameter(self, source: Source, convert: Convert, **more: Any) -> Parameter:
        return Parameter(
            name=self.name,
            source=source,
            annotation=self.annotation,
            convert=convert,
            default=None if self.default is MISSING else self.default,
            required=self.default is MISSING,
            positional=self.positional,
            **more,
        )


def _extras(annotation: Any) -> tuple[Any, ...]:
    found: tuple[Any, ...] = getattr(annotation, "__metadata__", ())
    return found


def _without_none(annotation: Any) -> Any:
    arms = [arm for arm in get_args(annotation) if arm is not NONE]
    return bare(arms[0]) if len(arms) == 1 else typing.Union[tuple(arms)]  # noqa: UP007


def _decided(raw: _Raw, read: Callable[[_Raw], Parameter]) -> Parameter:
    try:
        return read(raw)
    except TypeError as error:
        raise TypeError(f"parameter {raw.name}: {error}") from error


def _read(raw: _Raw) -> Parameter:
    source = _special(raw)
    if source is not None:
        return raw.parameter(source, Stream if source is Source.STREAM else _same)
    if raw.mark is not None:
        return _marked(raw, Source(raw.mark.where))
    if raw.in_path:
        return raw.parameter(Source.PATH, from_text(raw.annotation), key=raw.name)
    if _of_files(raw.inner):
        return _marked(raw, Source.FORM)
    if raw.inner in (bytes, str) and raw.name in _BODY_NAMES:
        return raw.parameter(Source.RAW, _utf8 if raw.inner is str else bytes)
    if _is_body(raw):
        return _body(raw)
    return _marked(raw, Source.QUERY)


def _special(raw: _Raw) -> Source | None:
    try:
        if raw.inner in _TYPES:
            return _TYPES[raw.inner]
    except TypeError:
        return None
    if raw.annotation is Any and raw.mark is None and not raw.in_path:
        if raw.name == "user" and raw.default is MISSING:
            raw.default = None
        return _NAMES.get(raw.name)
    return None


def _marked(raw: _Raw, source: Source) -> Parameter:
    if source is Source.BODY:
        return _body(raw)
    key = (raw.mark.name if raw.mark else "") or raw.name
    if source is Source.HEADER:
        key = key.replace("_", "-").lower()
    sequence = sequence_of(raw.inner)
    if source in (Source.PATH, Source.COOKIE) or sequence is None:
        return raw.parameter(source, _one(raw, source), key=key)
    make, item = sequence
    item_convert = _file if bare(item) is File else _text_only(from_text(item))
    return raw.parameter(source, _every(make, item_convert), key=key, many=True)


def _one(raw: _Raw, source: Source) -> Convert:
    if raw.inner is File:
        return _file
    convert = from_text(raw.annotation)
    return _text_only(convert) if source is Source.FORM else convert


def _text_only(convert: Convert) -> Convert:
    def check(value: Any) -> Any:
        if isinstance(value, File):
            raise Wrong("must be a field, not a file")
        return convert(value)

    return check


def _file(value: Any) -> File:
    if not isinstance(value, File):
        raise Wrong("must be a file, not a field")
    return value


def _every(make: Callable[[Any], Any], item: Convert) -> Convert:
    def convert(values: list[Any]) -> Any:
        made: list[Any] = []
        problems: list[tuple[str, str]] = []
        for index, value in enumerate(values):
            try:
                made.append(item(value))
            except Wrong as wrong:
                problems += wrong.under(f"[{index}]")
        if problems:
            raise Wrong(problems)
        return make(made)

    return convert


def _of_files(annotation: Any) -> bool:
    sequence = sequence_of(annotation)
    return annotation is File or (sequence is not None and bare(sequence[1]) is File)


def _is_body(raw: _Raw) -> bool:
    if raw.annotation is Any:
        return raw.name in _BODY_NAMES
    sequence = sequence_of(raw.inner)
    if sequence is not None:
        return sequence[1] is Any or not is_scalar(sequence[1])
    return foreign.is_model(raw.inner) or not is_scalar(raw.inner)


def _body(raw: _Raw) -> Parameter:
    convert = foreign.from_bytes(raw.annotation)
    if convert is not None:
        return raw.parameter(Source.BODY, convert, whole_bytes=True)
    return raw.parameter(Source.BODY, from_json(raw.annotation))


def _several_bodies(parameters: list[Parameter]) -> tuple[Parameter, ...]:
    """With several of them, each is a member of one JSON object."""
    bodies = [one for one in parameters if one.source is Source.BODY]
    if len(bodies) < 2:
        return tuple(parameters)
    return tuple(
        dataclasses.replace(one, key=one.name, convert=from_json(one.annotation), whole_bytes=False)
        if one.source is Source.BODY
        else one
        for one in parameters
    )


def _read_reactive(raw: _Raw) -> Parameter:
    source = _special(raw)
    if source is Source.CONTEXT:
        return raw.parameter(source, _same)
    if source is Source.EVENT or raw.name == "event":
        return raw.parameter(Source.EVENT, _same)
    if source is not None:
        raise TypeError("a reactive function has no request; it takes event, data and ctx")
    if raw.in_path:
        return raw.parameter(Source.PARAM, from_text(raw.annotation), key=raw.name)
    convert = from_json(raw.annotation)
    part = _PARTS.get(raw.name)
    if part is not None:
        return raw.parameter(Source.EVENT, lambda event: convert(part(event)))
    return raw.parameter(Source.EVENT, lambda event: convert(event.data))


_PARTS: dict[str, Callable[[Event], Any]] = {
    "before": lambda event: event.before,
    "after": lambda event: event.after,
    "document": lambda event: event.before if event.after is None else event.after,
}


def _read_batch(raw: _Raw) -> Parameter:
    """Of a function that takes several at once: the events, or what each of them carries."""
    source = _special(raw)
    if source is Source.CONTEXT:
        return raw.parameter(source, _same)
    if source is Source.EVENT or raw.name == "event":
        raise TypeError("a function that takes batches takes events, a list[Event], not one event")
    if source is not None:
        raise TypeError("a reactive function has no request; it takes events, messages and ctx")
    sequence = sequence_of(raw.inner)
    if raw.name == "events" or (sequence is not None and bare(sequence[1]) is Event):
        return raw.parameter(Source.EVENTS, _same)
    convert = from_json(raw.annotation)
    return raw.parameter(Source.EVENTS, lambda events: convert([one.data for one in events]))


def _same(value: Any) -> Any:
    return value


def _utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise Wrong("is not UTF-8") from None
