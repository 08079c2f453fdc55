"""Compile an annotation into a function that makes its value of a text: a URL's, a header's."""

import datetime
import decimal
import enum
from collections.abc import Sequence
from typing import Any, Literal, get_args, get_origin

from tapwater.runtime import foreign
from tapwater.runtime.annotations import NONE, bare, is_union
from tapwater.runtime.scalars import TEXTUAL, Convert, parse_decimal, shown
from tapwater.runtime.wrong import Wrong

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_DIGITS_MAX = 400  # int() of very long texts is slow


def from_text(annotation: Any) -> Convert:
    """A function that makes the annotated scalar of a text, or raises ``Wrong``.

    >>> from_text(int)("12")
    12
    >>> from_text(bool | None)("yes")
    True

    Raises:
        TypeError: that is not made of one text.
    """
    annotation = bare(annotation)
    if annotation is Any or annotation is str or annotation is object:
        return _same
    converter = foreign.from_text(annotation)
    if converter is not None:
        return converter
    if is_union(annotation):
        arms = [arm for arm in get_args(annotation) if arm is not NONE]
        # Text fits every str: it must be the last to be asked.
        arms.sort(key=lambda arm: bare(arm) is str)
        return either([from_text(arm) for arm in arms])
    if get_origin(annotation) is Literal:
        return _choice({str(choice): choice for choice in get_args(annotation)})
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        by_name = dict(annotation.__members__)
        by_value = {str(member.value): member for member in annotation}
        return _choice(by_value, by_name)
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    raise TypeError(f"cannot make {annotation!r} of a text")


def either(arms: Sequence[Convert]) -> Convert:
    """The first of several converters that takes the value; exact types are tried first."""

    def convert(value: Any) -> Any:
        reasons: list[Wrong] = []
        for arm in arms:
            try:
                return arm(value)
            except Wrong as wrong:
                reasons.append(wrong)
        # Of several complaints, the one that got furthest into the value helps most.
        raise max(reasons, key=lambda wrong: max(len(where) for where, _ in wrong.problems))

    return convert


def is_scalar(annotation: Any) -> bool:
    """Whether a text can become it."""
    try:
        from_text(annotation)
    except TypeError:
        return False
    return True


def _same(value: Any) -> Any:
    return value


def _choice(by_value: dict[str, Any], by_name: dict[str, Any] | None = None) -> Convert:
    listed = ", ".join(by_value)

    def convert(value: Any) -> Any:
        if value in by_value:
            return by_value[value]
        if by_name and value in by_name:
            return by_name[value]
        raise Wrong(f"must be one of {listed}, not {shown(value)}")

    return convert


def _whole(value: str) -> int:
    try:
        # Not int(value) alone: it takes underscores and the digits of every script.
        if len(value) <= _DIGITS_MAX and value.isascii() and "_" not in value:
            return int(value)
    except ValueError:
        pass
    raise Wrong(f"must be a whole number, not {shown(value)}")


def _number(value: str) -> float:
    try:
        if value.isascii() and "_" not in value:
            number = float(value)
            if number - number == 0:
                return number
    except ValueError:
        pass
    raise Wrong(f"must be a number, not {shown(value)}")


def _truth(value: str) -> bool:
    lower = value.lower()
    if lower in _TRUE:
        return True
    if lower in _FALSE:
        return False
    raise Wrong(f"must be true or false, not {shown(value)}")


def _seconds(value: str) -> datetime.timedelta:
    try:
        return datetime.timedelta(seconds=_number(value))
    except OverflowError:
        raise Wrong(f"must be a number of seconds, not {shown(value)}") from None


def _exact(value: str) -> decimal.Decimal:
    return parse_decimal(value)


_SCALARS: dict[Any, Convert] = {
    int: _whole,
    float: _number,
    bool: _truth,
    decimal.Decimal: _exact,
    datetime.timedelta: _seconds,
    bytes: lambda value: value.encode("utf-8", "surrogateescape"),
    **TEXTUAL,
}
