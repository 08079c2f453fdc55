"""What guests say in a structure: fields of log lines, lines of JSON, steps of a trace. Pure.

Everything here is input from an enemy: it is read under ceilings, and what does not fit is cut.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from tapwater.runtime.wire import WireError

FIELDS_MAX = 32
FIELDS_BYTES_MAX = 16 << 10
NAME_LENGTH_MAX = 64
VALUE_LENGTH_MAX = 1_000
LINE_BYTES_MAX = 16 << 10  # A line of JSON that is longer stays text.
STEP_BYTES_MAX = 8 << 10
STEP_NAME_LENGTH_MAX = 200
_TEXT_AT = 5  # Behind a byte for level and stream, and four for the text's length.
_INT_MAX = 2**63 - 1
_SPAN = re.compile(r"[0-9a-f]{16}")
_TEXTS = ("message", "msg", "event")  # What loggers of JSON call the sentence.
_LEVELS = {
    "debug": "debug",
    "info": "info",
    "notice": "info",
    "warn": "warning",
    "warning": "warning",
    "error": "error",
    "critical": "error",
    "fatal": "error",
}

Fields = dict[str, object]


class _Step(msgspec.Struct, forbid_unknown_fields=True):
    id: str = ""
    parent: str = ""
    name: str = ""
    ms: float = 0.0
    ok: bool = True
    facts: dict[str, str] = {}
    more: int = 0  # instead of all others: so many steps more, which are not told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line, taken apart."""

    text: str
    level: str | None = None  # None: it does not say
    fields: Fields = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that the user's code named."""

    id: str
    parent: str  # another of its steps; "": the call itself
    name: str
    took_ms: float
    ok: bool
    facts: Mapping[str, str]


def read_said(payload: bytes) -> tuple[bytes, bytes]:
    """Read a SAID's payload: the text, and the JSON of its fields.

    Raises:
        WireError: it is cut short.
    """
    end = _TEXT_AT + int.from_bytes(payload[1:_TEXT_AT], "little")
    if end > len(payload):
        raise WireError("a log line that is cut short")
    return payload[_TEXT_AT:end], payload[end:]


def read_fields(raw: bytes) -> Fields:
    """Read the fields of a log line.

    Raises:
        WireError: they are none.
    """
    if len(raw) > FIELDS_BYTES_MAX:
        raise WireError(f"the fields of a log line have more than {FIELDS_BYTES_MAX} bytes")
    try:
        return cut_fields(msgspec.json.decode(raw, type=dict[str, Any]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("fields of a log line that cannot be read") from error


def read_line(text: str) -> Said | None:
    """Take a line apart that is an object in JSON; None: it is none.

    >>> read_line('{"level": "WARN", "msg": "slow", "ms": 12}')
    Said(text='slow', level='warning', fields={'ms': 12})
    """
    if len(text) > LINE_BYTES_MAX:
        return None
    try:
        said = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return None
    level = None
    for name in ("level", "severity", "levelname"):
        if isinstance(said.get(name), str) and said[name].lower() in _LEVELS:
            level = _LEVELS[said.pop(name).lower()]
            break
    for name in _TEXTS:
        if isinstance(said.get(name), str):
            text = said.pop(name)
            break
    return Said(text=text, level=level, fields=cut_fields(said))


def cut_fields(fields: Mapping[str, Any]) -> Fields:
    """Keep so many fields, and of each so much; what is no plain value is kept as its JSON.

    >>> cut_fields({"n": 1, "tags": ["a"], "big": 2**70})
    {'n': 1, 'tags': '["a"]', 'big': '1180591620717411303424'}
    """
    cut: Fields = {}
    for name, value in fields.items():
        if len(cut) >= FIELDS_MAX:
            break
        cut[name[:NAME_LENGTH_MAX]] = _cut(value)
    return cut


def _cut(value: Any) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if -_INT_MAX <= value <= _INT_MAX else str(value)[:VALUE_LENGTH_MAX]
    if isinstance(value, str):
        return value[:VALUE_LENGTH_MAX]
    return msgspec.json.encode(value).decode()[:VALUE_LENGTH_MAX]


def read_step(payload: bytes) -> Step | int:
    """Read a step, or how many there were more.

    Raises:
        WireError: it is none.
    """
    if len(payload) > STEP_BYTES_MAX:
        raise WireError(f"a step with more than {STEP_BYTES_MAX} bytes")
    try:
        said = msgspec.json.decode(payload, type=_Step)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise WireError("a step that cannot be read") from error
    if said.more:
        return max(0, min(said.more, 1_000_000))
    if _SPAN.fullmatch(said.id) is None or (said.parent and not _SPAN.fullmatch(said.parent)):
        raise WireError("a step whose id is none")
    return Step(
        id=said.id,
        parent=said.parent,
        name=said.name[:STEP_NAME_LENGTH_MAX] or "step",
        took_ms=max(0.0, said.ms),
        ok=said.ok,
        facts={
            name[:NAME_LENGTH_MAX]: fact[:VALUE_LENGTH_MAX]
            for name, fact in list(said.facts.items())[:FIELDS_MAX]
        },
    )
