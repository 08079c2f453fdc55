"""Simple values out of decoded JSON, strictly: a text is no number, a number is no text."""

import datetime
import decimal
import enum
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args, get_origin

from tapwater.runtime.annotations import NONE
from tapwater.runtime.wrong import Wrong

Convert = Callable[[Any], Any]


def simple(annotation: Any) -> Convert | None:
    """A converter for a scalar, None for what is none."""
    if annotation is None or annotation is NONE:
        return _null
    if get_origin(annotation) is Literal:
        return _one_of(get_args(annotation))
    if not isinstance(annotation, type):
        return None
    if issubclass(annotation, enum.Enum):
        return _member(annotation)
    return _SIMPLE.get(annotation)


def _null(value: Any) -> None:
    if value is not None:
        raise Wrong("must be null")


def _one_of(choices: tuple[Any, ...]) -> Convert:
    listed = ", ".join(repr(choice) for choice in choices)

    def convert(value: Any) -> Any:
        for choice in choices:
            if type(choice) is type(value) and choice == value:
                return choice
        raise Wrong(f"must be one of {listed}, not {shown(value)}")

    return convert


def _member(kind: type[enum.Enum]) -> Convert:
    def convert(value: Any) -> Any:
        try:
            return kind(value)
        except (ValueError, TypeError):
            listed = ", ".join(repr(member.value) for member in list(kind)[:20])
            raise Wrong(f"must be one of {listed}, not {shown(value)}") from None

    return convert


def shown(value: Any) -> str:
    """A value in a sentence, cut short."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def named(value: Any) -> str:
    """What JSON calls the type of a value.

    >>> named({}), named(None), named(1.5)
    ('an object', 'null', 'a number')
    """
    for kind, name in _NAMES:
        if isinstance(value, kind):
            return name
    return type(value).__name__


_NAMES: Sequence[tuple[Any, str]] = (
    (bool, "true or false"),
    (str, "text"),
    (int | float, "a number"),
    (dict, "an object"),
    (list, "a list"),
    (NONE, "null"),
)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong(f"must be text, not {named(value)}")
    return value


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        if isinstance(value, float) and value.is_integer():
            return int(value)
        raise Wrong(f"must be a whole number, not {named(value)}")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"must be a number, not {named(value)}")
    try:
        return float(value)
    except OverflowError:
        raise Wrong("is too large a number") from None


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong(f"must be true or false, not {named(value)}")
    return value


def _decimal(value: Any) -> decimal.Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Wrong(f"must be a decimal number, not {named(value)}")
    return parse_decimal(str(value))


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong(f"must be an object, not {named(value)}")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Wrong(f"must be a list, not {named(value)}")
    return value


def parse_decimal(text: str) -> decimal.Decimal:
    """Text as an exact number; no infinities."""
    try:
        number = decimal.Decimal(text)
    except decimal.InvalidOperation:
        raise Wrong(f"must be a decimal number, not {shown(text)}") from None
    if not number.is_finite():
        raise Wrong(f"must be a finite number, not {shown(text)}")
    return number


def _iso(kind: Any, what: str) -> Convert:
    def convert(value: Any) -> Any:
        if not isinstance(value, str):
            raise Wrong(f"must be {what}, not {named(value)}")
        try:
            return kind(value)
        except (ValueError, OverflowError):
            raise Wrong(f"must be {what}, not {shown(value)}") from None

    return convert


# These are texts in JSON, too.
TEXTUAL: dict[Any, Convert] = {
    datetime.datetime: _iso(datetime.datetime.fromisoformat, "a date and time (ISO 8601)"),
    datetime.date: _iso(datetime.date.fromisoformat, "a date (YYYY-MM-DD)"),
    datetime.time: _iso(datetime.time.fromisoformat, "a time (HH:MM:SS)"),
    uuid.UUID: _iso(uuid.UUID, "a UUID"),
}
_SIMPLE: dict[Any, Convert] = {
    str: _text,
    int: _whole,
    float: _number,
    bool: _truth,
    decimal.Decimal: _decimal,
    dict: _mapping,
    list: _list,
    **TEXTUAL,
}
