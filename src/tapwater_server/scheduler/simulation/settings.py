"""What a simulation assumes about nodes and functions."""

from dataclasses import dataclass, field

from tapwater_server.model.function import FunctionLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationSettings:
    """The machines, the costs of starting, and the ceilings of every function."""

    nodes: int = 1
    memory_budget_bytes: int = 16 << 30  # of each node
    fork_s: float = 0.005  # an instance from a warm zygote
    import_s: float = 0.5  # a zygote
    zygote_bytes: int = 4 << 20  # of its own; the rest is shared with the base
    starts_in_flight_max: int = 16
    overcommit: float = 4.0
    keep_alive_s: float = 60.0
    keep_alive_s_max: float = 4 * 3600.0
    histogram: bool = True  # False: keep_alive_s for all, to compare
    limits: FunctionLimits = field(default_factory=FunctionLimits)

    def __post_init__(self) -> None:
        assert self.nodes >= 1
        assert self.memory_budget_bytes > 0
