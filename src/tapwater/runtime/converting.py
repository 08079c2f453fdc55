"""Compile an annotation into a function that makes its value of decoded JSON.

Done once per parameter when the module is loaded; a call only runs what came out.
"""

import dataclasses
import typing
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any, get_args, get_origin

from tapwater.runtime import foreign
from tapwater.runtime.annotations import bare, is_union, sequence_of
from tapwater.runtime.scalars import Convert, named, simple
from tapwater.runtime.texts import either, from_text
from tapwater.runtime.wrong import Wrong


def from_json(annotation: Any) -> Convert:
    """A function that makes the annotated type of decoded JSON, or raises ``Wrong``.

    >>> from_json(dict[str, list[float]])({"a": [1, 2.5]})
    {'a': [1.0, 2.5]}
    >>> from_json(int)("7")
    Traceback (most recent call last):
    ...
    tapwater.runtime.wrong.Wrong: must be a whole number, not text

    Raises:
        TypeError: nobody can make that of JSON.
    """
    annotation = bare(annotation)
    if annotation is Any or annotation is object or isinstance(annotation, typing.TypeVar):
        return _same
    converter = foreign.from_json(annotation)
    if converter is not None:
        return converter
    for attempt in (simple, _composed, _record):
        converter = attempt(annotation)
        if converter is not None:
            return converter
    raise TypeError(f"cannot make {annotation!r} of JSON")


def _same(value: Any) -> Any:
    return value


def _composed(annotation: Any) -> Convert | None:
    if is_union(annotation):
        return either([from_json(arm) for arm in get_args(annotation)])
    sequence = sequence_of(annotation)
    if sequence is not None:
        return _each(sequence[0], from_json(sequence[1]))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is tuple:
        return _fixed([from_json(arm) for arm in arguments])
    if origin in (dict, Mapping, MutableMapping):
        return _table(from_json(arguments[1]), arguments[0])
    return None


def _each(make: Callable[[Any], Any], item: Convert) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, list):
            raise Wrong(f"must be a list, not {named(value)}")
        made: list[Any] = []
        problems: list[tuple[str, str]] = []
        for index, entry in enumerate(value):
            try:
                made.append(item(entry))
            except Wrong as wrong:
                problems += wrong.under(f"[{index}]")
        if problems:
            raise Wrong(problems)
        try:
            return make(made)
        except TypeError:
            raise Wrong("has entries that cannot be in a set") from None

    return convert


def _fixed(items: Sequence[Convert]) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, list) or len(value) != len(items):
            raise Wrong(f"must be a list of {len(items)}")
        return tuple(item(entry) for item, entry in zip(items, value, strict=True))

    return convert


def _table(item: Convert, key_annotation: Any) -> Convert:
    key = from_text(key_annotation)

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Wrong(f"must be an object, not {named(value)}")
        made: dict[Any, Any] = {}
        problems: list[tuple[str, str]] = []
        for name, entry in value.items():
            try:
                made[key(name)] = item(entry)
            except Wrong as wrong:
                problems += wrong.under(f".{name}")
        if problems:
            raise Wrong(problems)
        return made

    return convert


def _record(annotation: Any) -> Convert | None:
    if dataclasses.is_dataclass(annotation) and isinstance(annotation, type):
        fields = {
            field.name: field.default is dataclasses.MISSING
            and field.default_factory is dataclasses.MISSING
            for field in dataclasses.fields(annotation)
            if field.init
        }
        return _fields(annotation, annotation, fields)
    if typing.is_typeddict(annotation):
        required: frozenset[str] = annotation.__required_keys__
        names = annotation.__annotations__
        return _fields(annotation, dict, {name: name in required for name in names})
    if isinstance(annotation, type) and issubclass(annotation, tuple):
        defaults = getattr(annotation, "_field_defaults", {})
        names = getattr(annotation, "_fields", ())
        return _fields(annotation, annotation, {name: name not in defaults for name in names})
    return None


def _fields(annotation: Any, make: Callable[..., Any], required: dict[str, bool]) -> Convert:
    converters: dict[str, Convert] = {}

    def convert(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Wrong(f"must be an object, not {named(value)}")
        if not converters:  # Late, because a record may contain itself.
            hints = typing.get_type_hints(annotation, include_extras=True)
            converters.update({name: from_json(hints.get(name, Any)) for name in required})
        return _made(make, _members(value, converters, required))

    return convert


def _members(
    value: dict[str, Any], converters: dict[str, Convert], required: dict[str, bool]
) -> dict[str, Any]:
    made: dict[str, Any] = {}
    problems: list[tuple[str, str]] = []
    for name, converter in converters.items():
        if name in value:
            try:
                made[name] = converter(value[name])
            except Wrong as wrong:
                problems += wrong.under(f".{name}")
        elif required[name]:
            problems.append((f".{name}", "is missing"))
    if problems:
        raise Wrong(problems)
    return made


def _made(make: Callable[..., Any], fields: dict[str, Any]) -> Any:
    try:
        return make(**fields)
    except ValueError as error:
        # A dataclass that checks itself in __post_init__ speaks to the caller.
        raise Wrong(str(error) or "is not valid") from error
