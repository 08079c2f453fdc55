"""How the node stands at this moment, as far as those who look want to know."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionNow:
    """One function, all its revisions together."""

    in_flight: int = 0
    instances: int = 0
    starting: int = 0
    idle: int = 0
    waiting: int = 0
    memory_bytes: int = 0

    def __add__(self, other: "FunctionNow") -> "FunctionNow":
        return FunctionNow(
            in_flight=self.in_flight + other.in_flight,
            instances=self.instances + other.instances,
            starting=self.starting + other.starting,
            idle=self.idle + other.idle,
            waiting=self.waiting + other.waiting,
            memory_bytes=self.memory_bytes + other.memory_bytes,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeNow:
    """The node. ``functions`` is by app and function."""

    functions: Mapping[tuple[str, str], FunctionNow] = field(default_factory=dict)
    memory_held_bytes: int = 0
    memory_budget_bytes: int = 0
    instances_max: int = 0
    evicted: int = 0
    hungry: int = 0
