"""The fields of what is logged, as JSON under a ceiling. Loaded when somebody logs fields."""

import contextlib
import json
import logging
from collections.abc import Mapping
from typing import Any

BYTES_MAX = 8 << 10
FIELDS_MAX = 32
NAME_LENGTH_MAX = 64
VALUE_LENGTH_MAX = 1_000
OWN = "tapwater_fields"  # What ``tapwater.log`` hands over: any names, also those of a record.
# What formatting a record adds to it, and what Python 3.12 added to records.
_LATER = {"message", "asctime", "taskName", OWN}
_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | _LATER


def fields_of(record: logging.LogRecord) -> bytes:
    """What was given in ``extra``; nothing if that was nothing."""
    said = {name: value for name, value in record.__dict__.items() if name not in _STANDARD}
    said |= record.__dict__.get(OWN) or {}
    return pack_fields(said) if said else b""


def pack_fields(said: Mapping[str, Any]) -> bytes:
    """Write fields; what is too much is left out, and is said to be."""
    cut = {_text(name)[:NAME_LENGTH_MAX]: _plain(said[name]) for name in list(said)[:FIELDS_MAX]}
    packed = json.dumps(cut).encode()
    while len(packed) > BYTES_MAX:
        cut = dict(list(cut.items())[: len(cut) // 2])
        packed = json.dumps({**cut, "truncated": True}).encode()
    return packed


def _plain(value: Any) -> Any:
    """Numbers and short texts as they are, everything else as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        return float(value) if value - value == 0 else str(value)  # Not NaN, not infinite.
    if isinstance(value, list | tuple | dict):
        # One that refers to itself cannot be written: its repr will do.
        with contextlib.suppress(TypeError, ValueError, RecursionError):
            value = json.dumps(value, default=str)
    try:
        return _text(value)[:VALUE_LENGTH_MAX]
    except Exception as error:
        return f"<{type(value).__name__} that cannot be written: {type(error).__name__}>"


def _text(value: Any) -> str:
    """Half a character, which JSON does not take, is shown as its number."""
    return str(value)[:VALUE_LENGTH_MAX].encode("utf-8", "backslashreplace").decode()
