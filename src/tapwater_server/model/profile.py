"""Where the time of live calls went: stacks and their weights, and the forms tools read. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tapwater_server.model.ids import FunctionId

Stack = tuple[str, ...]  # outermost first
SECONDS_MAX = 300.0
RATE_MAX = 1000
STACKS_MAX = 20_000
_SCHEMA = "https://www.speedscope.app/file-format-schema.json"


class Mode(StrEnum):
    """What a stack's weight is."""

    WALL = "wall"  # looks at which a call was there, running or waiting
    CPU = "cpu"  # milliseconds of processor time


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileAsked:
    """Which calls to look at, for how long."""

    function: FunctionId
    seconds: float = 10.0
    rate: float = 99.0  # looks per second: an odd number keeps out of step with what is regular
    mode: Mode = Mode.WALL


@dataclass(slots=True, kw_only=True)
class Profile:
    """What was seen."""

    asked: ProfileAsked
    stacks: dict[Stack, float] = field(default_factory=dict)
    instances: int = 0  # that were asked to look
    reports: int = 0
    looks: int = 0  # of all instances
    left_out: float = 0.0  # weight of stacks beyond ``STACKS_MAX``

    def add(self, stack: Stack, weight: float) -> None:
        """Count a stack."""
        if stack in self.stacks or len(self.stacks) < STACKS_MAX:
            self.stacks[stack] = self.stacks.get(stack, 0.0) + weight
        else:
            self.left_out += weight

    @property
    def weight(self) -> float:
        return sum(self.stacks.values()) + self.left_out


def folded(stacks: Mapping[Stack, float]) -> str:
    """Write a line for each stack, as flamegraph.pl and others read it.

    >>> folded({("a", "b"): 2.0})
    'a;b 2\\n'
    """
    return "".join(
        f"{';'.join(stack)} {max(1, round(weight))}\n" for stack, weight in sorted(stacks.items())
    )


def speedscope(stacks: Mapping[Stack, float], *, name: str, mode: Mode) -> dict[str, Any]:
    """Write what speedscope.app reads: the frames once, and each stack as numbers of frames."""
    numbers: dict[str, int] = {}
    samples: list[list[int]] = []
    weights: list[float] = []
    for stack, weight in sorted(stacks.items()):
        samples.append([numbers.setdefault(frame, len(numbers)) for frame in stack])
        weights.append(weight)
    return {
        "$schema": _SCHEMA,
        "name": name,
        "exporter": "tapwater",
        "activeProfileIndex": 0,
        "shared": {"frames": [_frame(text) for text in numbers]},
        "profiles": [
            {
                "type": "sampled",
                "name": name,
                "unit": "milliseconds" if mode is Mode.CPU else "none",
                "startValue": 0,
                "endValue": sum(weights),
                "samples": samples,
                "weights": weights,
            }
        ],
    }


def _frame(text: str) -> dict[str, Any]:
    """Cut "name (file:line)" into its parts.

    >>> _frame("get (app/x.py:3)")
    {'name': 'get', 'file': 'app/x.py', 'line': 3}
    """
    name, _, place = text.removesuffix(")").rpartition(" (")
    file, _, line = place.rpartition(":")
    if not name or not line.isdigit():
        return {"name": text}
    return {"name": name, "file": file, "line": int(line)}


@dataclass(slots=True)
class Node:
    """A frame of the flame graph: how much is in it, itself and what it called."""

    name: str
    weight: float = 0.0
    below: dict[str, "Node"] = field(default_factory=dict)


def tree(stacks: Mapping[Stack, float] | Sequence[tuple[Stack, float]]) -> Node:
    """Put stacks together that begin alike.

    >>> root = tree({("a", "b"): 2.0, ("a",): 1.0})
    >>> root.weight, root.below["a"].weight, list(root.below["a"].below)
    (3.0, 3.0, ['b'])
    """
    root = Node("all")
    for stack, weight in stacks.items() if isinstance(stacks, Mapping) else stacks:
        node = root
        node.weight += weight
        for name in stack:
            node = node.below.setdefault(name, Node(name))
            node.weight += weight
    return root
