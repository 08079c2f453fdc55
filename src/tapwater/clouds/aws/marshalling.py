"""Events and results as JSON: what Lambda's runtime for Python takes and gives. Pure.

It encodes with simplejson: named tuples are objects, bytes inside are text, a Decimal keeps its
digits. Here the standard library's encoder is given the same habits.
"""

import json
import math
import os
import re
from decimal import Decimal
from typing import Any

from tapwater.clouds.aws.faults import Fault

_ASCII = re.compile(r"python3\.([0-9]|1[01])")  # Runtimes that escape what is not ASCII


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_decode = json.JSONDecoder(parse_constant=_no_number).decode


def read_event(body: bytes) -> Any:
    """Read the event.

    Raises:
        Fault: it is no JSON.
    """
    try:
        return _decode(body.decode().removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise Fault("UnmarshalError", f"Unable to unmarshal input: {error}") from error


class Marshaller:
    """Writes results. One for a process."""

    def __init__(self, runtime: str) -> None:
        self._ascii = _ASCII.fullmatch(runtime) is not None
        self._plain = json.JSONEncoder(ensure_ascii=self._ascii, default=_no_decimal)

    def write(self, value: Any) -> bytes:
        """Write a result; bytes are one already.

        >>> Marshaller("python3.12").write({"a": Decimal("1.10")})
        b'{"a": 1.10}'

        Raises:
            Fault: it has no form in JSON.
        """
        if type(value) is bytes or isinstance(value, bytes):
            return bytes(value)
        try:
            return self._encoded(value).encode()
        except Exception as error:
            raise Fault("MarshalError", f"Unable to marshal response: {error}") from error

    def _encoded(self, value: Any) -> str:
        try:
            return self._plain.encode(_unnamed(value))
        except _DecimalSeen:
            return _with_decimals(_unnamed(value), ascii_only=self._ascii)


class _DecimalSeen(Exception):
    """The fast way does not do."""


def _no_decimal(value: Any) -> Any:
    if isinstance(value, Decimal):
        raise _DecimalSeen
    return _default(value)


def _default(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _with_decimals(value: Any, *, ascii_only: bool) -> str:
    """Encode with a mark for each Decimal, that its digits are put in the place of."""
    mark = os.urandom(16).hex()  # Nothing in the value can be one by chance, or by intent.

    def default(one: Any) -> Any:
        if not isinstance(one, Decimal):
            return _default(one)
        return math.nan if one.is_nan() else f"{mark}{one}"

    text = json.JSONEncoder(ensure_ascii=ascii_only, default=default).encode(value)
    return re.sub(f'"{mark}([^"]*)"', r"\1", text)


def _unnamed(value: Any) -> Any:
    """Give the value with objects for named tuples; itself, where there are none."""
    return _spelled(value, 0) if _has_named(value) else value


def _has_named(value: Any) -> bool:
    row = [value]
    seen: set[int] = set()
    while row:
        one = row.pop()
        if not isinstance(one, dict | list | tuple) or id(one) in seen:
            continue
        if _is_named(one):
            return True
        seen.add(id(one))
        row.extend(one.values() if isinstance(one, dict) else one)
    return False


def _is_named(value: Any) -> bool:
    return isinstance(value, tuple) and callable(getattr(value, "_asdict", None))


def _spelled(value: Any, depth: int) -> Any:
    if depth > 500:
        raise ValueError("Circular reference detected")
    if _is_named(value):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: _spelled(one, depth + 1) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_spelled(one, depth + 1) for one in value]
    return value
