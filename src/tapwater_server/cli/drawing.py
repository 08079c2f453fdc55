"""Pictures made of characters: lines of little bars, and what ran when. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

_LEVELS = "▁▂▃▄▅▆▇█"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def spark(values: Sequence[float]) -> str:
    """Draw numbers as bars, the largest as high as a line.

    >>> spark([0, 1, 4, 8])
    ' ▁▄█'
    """
    top = max(values, default=0)
    if top <= 0:
        return " " * len(values)
    return "".join(
        " " if value <= 0 else _LEVELS[max(0, round(value / top * len(_LEVELS)) - 1)]
        for value in values
    )


def bar(start: float, length: float, *, width: int) -> str:
    """Draw a span of time: ``start`` and ``length`` are shares of the whole, 0 to 1.

    >>> bar(0.5, 0.5, width=8), bar(0.0, 0.0, width=4)
    ('    ████', '▏   ')
    """
    start = min(max(start, 0.0), 1.0)
    left = min(int(start * width), width - 1)
    cells = max(min(length, 1.0 - start) * width, 0.125)
    whole, rest = int(cells), int((cells - int(cells)) * 8)
    drawn = "█" * whole + (_EIGHTHS[rest].strip() if rest else "")
    return (" " * left + (drawn or "▏")).ljust(width)[:width]


def outline(steps: Sequence[Mapping[str, Any]]) -> list[tuple[int, Mapping[str, Any]]]:
    """Put steps under those that caused them: (how deep, step), in the order they began.

    A step whose cause is not here stands at the top; so does one of a circle.

    >>> a, b = {"id": "a", "parent": "", "at": 1}, {"id": "b", "parent": "a", "at": 2}
    >>> [(deep, step["id"]) for deep, step in outline([b, a])]
    [(0, 'a'), (1, 'b')]
    """
    known = {str(step["id"]) for step in steps}
    below: dict[str, list[Mapping[str, Any]]] = {}
    for step in sorted(steps, key=lambda step: float(step["at"])):
        parent = str(step["parent"])
        own = parent not in known or parent == step["id"]
        below.setdefault("" if own else parent, []).append(step)
    found: list[tuple[int, Mapping[str, Any]]] = []
    waiting = [(0, step) for step in reversed(below.pop("", []))]
    while waiting or below:
        if not waiting:  # What is left runs in a circle: open it anywhere.
            waiting = [(0, step) for step in reversed(below.pop(next(iter(below))))]
        deep, step = waiting.pop()
        found.append((deep, step))
        under = below.pop(str(step["id"]), [])
        waiting += [(deep + 1, child) for child in reversed(under)]
    return found
