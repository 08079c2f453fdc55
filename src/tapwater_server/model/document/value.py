"""JSON values: what a document may hold, and the one order in which all values stand.

The order: a missing field, null, false, true, numbers, text, lists, objects. Numbers compare by
value, also integers with fractions (1 == 1.0); text by code points; lists element by element;
objects by their names in order and then the values. ``order_key`` turns it into bytes that
compare the same way. Keys have a ceiling: of two long values the first 1,000 bytes decide.
"""

import math
import struct
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, cast

from tapwater_server.model.document.paths import Field
from tapwater_server.model.errors import Invalid, TooLarge

DOCUMENT_BYTES_MAX = 1 << 20
DEPTH_MAX = 100
KEY_BYTES_MAX = 1000  # Of one value in an index.
INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1

MISSING: Final = object()  # Stands for a field that is not there; no JSON value is it.

TAG_MISSING, TAG_NULL, TAG_FALSE, TAG_TRUE = b"\x01", b"\x05", b"\x10", b"\x11"
TAG_NUMBER, TAG_TEXT, TAG_LIST, TAG_OBJECT = b"\x20", b"\x30", b"\x40", b"\x50"
_END, _TEXT_END, _NUL = b"\x00", b"\x00\x01", b"\x00\xff"
_SIGN = 1 << 63


def check(value: Any, *, where: str = "data", depth: int = 1) -> None:
    """Refuse what a document cannot hold.

    Raises:
        Invalid: it is too deep, has a number of more than 64 bits, or a name that begins with $.
    """
    if depth > DEPTH_MAX:
        raise _wrong(where[:100], f"is nested deeper than {DEPTH_MAX}")
    if isinstance(value, dict):
        for name, inner in value.items():
            check_name(name, where)
            if inner.__class__ is not str:
                check(inner, where=f"{where}.{name}", depth=depth + 1)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            if inner.__class__ is not str:
                check(inner, where=f"{where}[{number}]", depth=depth + 1)
    else:
        check_scalar(value, where)


def check_name(name: str, where: str) -> None:
    """Refuse a name that a field cannot have.

    Raises:
        Invalid: it is empty, or begins as operators do.
    """
    if name[:1] == "$" or not name:
        raise _wrong(f"{where}.{name[:50]}", "names are not empty and begin without $")


def check_scalar(value: Any, where: str) -> None:
    """Refuse numbers that do not fit.

    Raises:
        Invalid: it has more than 64 bits, or is not finite.
    """
    if value.__class__ is int and not INT_MIN <= value <= INT_MAX:
        raise _wrong(where, "whole numbers have 64 bits at most")
    if value.__class__ is float and not math.isfinite(value):
        raise _wrong(where, "is not a finite number")


def _wrong(where: str, what: str) -> Invalid:
    return Invalid(f"{where} {what}", problems=({"where": where, "what": what},))


def check_size(raw: bytes, path: str) -> None:
    """Refuse a document that is too large.

    Raises:
        TooLarge: it is.
    """
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise TooLarge(f"{path} has {len(raw)} bytes; a document has at most {DOCUMENT_BYTES_MAX}")


def pick(data: Any, field: Field) -> Any:
    """Take the value of a field, or MISSING."""
    for name in field:
        if not isinstance(data, dict) or name not in data:
            return MISSING
        data = data[name]
    return data


def order_key(value: Any) -> bytes:
    """Write a value as bytes that sort as the values do; at most ``KEY_BYTES_MAX``.

    >>> sorted([[1], "b", 10, 9.5, None, True, "a"], key=order_key)
    [None, True, 9.5, 10, 'a', 'b', [1]]
    """
    out = bytearray()
    _add(out, value)
    return bytes(out[:KEY_BYTES_MAX])


def text_key(text: str) -> bytes:
    """Write text so that no key is the beginning of another.

    >>> text_key("a") < text_key("aa") < text_key("b")
    True
    """
    return text.encode().replace(b"\x00", _NUL) + _TEXT_END


def _add(out: bytearray, value: Any) -> None:
    if len(out) > KEY_BYTES_MAX:
        return  # What follows would be cut off.
    if isinstance(value, str):
        out += TAG_TEXT
        out += text_key(value[: KEY_BYTES_MAX + 1])
    elif isinstance(value, bool):
        out += TAG_TRUE if value else TAG_FALSE
    elif isinstance(value, (int, float)):
        out += TAG_NUMBER
        out += number_key(value)
    elif isinstance(value, (Sequence, Mapping)):
        _add_many(out, value)
    else:
        out += TAG_MISSING if value is MISSING else TAG_NULL


def _add_many(out: bytearray, value: Sequence[Any] | Mapping[str, Any]) -> None:
    if isinstance(value, Mapping):
        out += TAG_OBJECT
        for name in sorted(value):
            _add(out, name)
            _add(out, value[name])
    else:
        out += TAG_LIST
        for inner in value:
            _add(out, inner)
    out += _END


def number_key(number: float) -> bytes:
    """Write a number: the nearest double so that it sorts, then what a long integer has beyond.

    >>> number_key(2**53) < number_key(2**53 + 1) < number_key(2.0**53 + 2)
    True
    """
    near = float(number) + 0.0  # Turns -0.0 into 0.0.
    (bits,) = struct.unpack(">Q", struct.pack(">d", near))
    bits = bits ^ 0xFFFF_FFFF_FFFF_FFFF if bits & _SIGN else bits | _SIGN
    beyond = number - int(near) if isinstance(number, int) else 0
    return struct.pack(">QH", bits, beyond + 0x8000)


def identity(value: Any) -> Hashable:
    """Give something hashable that is equal exactly where the JSON values are.

    >>> identity(1) == identity(1.0), identity(1) == identity(True)
    (True, False)
    """
    if isinstance(value, bool):
        return (value,)
    if isinstance(value, dict):
        return frozenset((name, identity(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return ("list", *map(identity, value))
    return cast(Hashable, value)


def same(a: Any, b: Any) -> bool:
    """Say whether two values are equal as JSON: 1 is 1.0, but true is not 1."""
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    return identity(a) == identity(b)
