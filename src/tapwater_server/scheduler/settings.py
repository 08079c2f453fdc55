"""What an operator may set about scheduling."""

from dataclasses import dataclass

from tapwater_server.model import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerSettings:
    """The ceilings of one node."""

    memory_budget_bytes: int  # for all instances together
    memory_reserve_bytes: int = 256 << 20  # left free on the machine, whatever the budget says
    instances_max: int = 2_000  # processes on this node
    starts_in_flight_max: int = limits.STARTS_IN_FLIGHT_MAX
    cores: int = 2  # that instances share
    waiting_max: int = 10_000  # calls waiting on this node, all functions together
    keep_alive_s: float = 60.0  # until enough is known of a function
    keep_alive_s_max: float = 4 * 3600.0
    overcommit: float = 4.0  # of a function's limit, until its real use is known

    def __post_init__(self) -> None:
        assert self.memory_budget_bytes > 0
        assert self.overcommit >= 1
