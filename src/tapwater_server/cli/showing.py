"""How values look to a person: sizes, times, ages, weights. Pure."""

import re
from collections.abc import Mapping
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_UNITS = ("B", "KB", "MB", "GB", "TB")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def plain(text: object, *, indent: str = "") -> str:
    """Show, and not obey, what others wrote: escape sequences could rewrite the terminal, marks of
    direction the order of the words. Lines after the first are indented: they begin nothing.
    A lone carriage return ends a line, as in the entries that Lambda's runtimes write.

    >>> plain("a\x1b[2Jb\\nc", indent="  ")
    'a�[2Jb\\n  c'
    """
    lines = str(text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("�", lines).replace("\n", "\n" + indent)


def size(count: float | None) -> str:
    """Show a number of bytes.

    >>> size(512), size(1536), size(268435456), size(None)
    ('512 B', '1.5 KB', '256 MB', '-')
    """
    if count is None:
        return "-"
    value, unit = float(count), 0
    while value >= 1024 and unit < len(_UNITS) - 1:
        value, unit = value / 1024, unit + 1
    return f"{_short(value)} {_UNITS[unit]}"


def duration(seconds: float | None) -> str:
    """Show how long something took.

    >>> duration(0.00004), duration(0.0844), duration(1.5), duration(75), duration(120)
    ('0.04 ms', '84 ms', '1.5 s', '1 m 15 s', '2 m')
    """
    if seconds is None:
        return "-"
    if seconds < 0.01:
        return f"{seconds * 1000:.2g} ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < _MINUTE:
        return f"{_short(seconds)} s"
    minutes, rest = divmod(int(seconds), _MINUTE)
    return f"{minutes} m {rest} s" if rest else f"{minutes} m"


def age(seconds: float) -> str:
    """Show how long ago something was.

    >>> age(3), age(200), age(7300), age(200000)
    ('just now', '3 min ago', '2 h ago', '2 d ago')
    """
    if seconds < 10:
        return "just now"
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name} ago"
    return f"{int(seconds)} s ago"


def weights(raw: Mapping[str, Any]) -> str:
    """Show where an alias points, heaviest first.

    >>> weights({"3": 90, "4": 10}), weights({"3": 100})
    ('90 % → r3, 10 % → r4', 'r3')
    """
    pairs = sorted(raw.items(), key=lambda pair: -int(pair[1]))
    if len(pairs) == 1:
        return f"r{pairs[0][0]}"
    return ", ".join(f"{weight} % → r{number}" for number, weight in pairs)


def read_span(text: str) -> float:
    """Read how far back: ``10m``, ``2h``, ``90s``, ``1d``, or plain seconds.

    >>> read_span("10m"), read_span("1.5h"), read_span("30")
    (600.0, 5400.0, 30.0)

    Raises:
        ValueError: it is no such time.
    """
    units = {"s": 1, "m": _MINUTE, "h": _HOUR, "d": _DAY}
    unit = units.get(text[-1:], 0)
    value = float(text[:-1] if unit else text) * (unit or 1)
    if not 0 <= value < float("inf"):
        raise ValueError(text)
    return value


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"
