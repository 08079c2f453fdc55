"""What this node has for instances, and how much of it is taken."""

from collections.abc import Callable

from tapwater_server.scheduler.lane import Lane
from tapwater_server.scheduler.settings import SchedulerSettings


class Capacity:
    """Bytes, processes and starts in flight. Taken before a start, given back when it is gone."""

    __slots__ = ("_available", "_settings", "held_bytes", "instances", "spare_bytes", "starting")

    def __init__(self, *, settings: SchedulerSettings, available: Callable[[], int]) -> None:
        self._settings = settings
        self._available = available
        self.held_bytes = 0
        self.instances = 0
        self.starting = 0
        self.spare_bytes = 0  # what the machine has left above the reserve, when last looked at
        self.look()

    def look(self) -> int:
        """Ask the machine how much memory it has left; give what is missing of the reserve."""
        self.spare_bytes = self._available() - self._settings.memory_reserve_bytes
        return max(0, -self.spare_bytes)

    def short_bytes(self, size_bytes: int) -> int:
        """Say how much is missing for ``size_bytes`` more; 0: it fits.

        One instance is always allowed: a function larger than the budget runs alone.
        """
        if not self.instances:
            return 0
        budget = self.held_bytes + size_bytes - self._settings.memory_budget_bytes
        return max(0, budget, size_bytes - self.spare_bytes)

    def crowded(self) -> bool:
        """Whether there may be no more processes or starts, whatever their size."""
        return (
            self.starting >= self._settings.starts_in_flight_max
            or self.instances >= self._settings.instances_max
        )

    def take(self, lane: Lane, size_bytes: int) -> None:
        """A start begins."""
        self.held_bytes += size_bytes
        self.spare_bytes -= size_bytes
        self.instances += 1
        self.starting += 1
        lane.held_bytes += size_bytes
        lane.starting += 1

    def started(self, lane: Lane) -> None:
        """The start is over, well or not."""
        self.starting -= 1
        lane.starting -= 1

    def give_back(self, lane: Lane, size_bytes: int) -> None:
        """An instance is gone."""
        self.held_bytes -= size_bytes
        self.spare_bytes += size_bytes
        self.instances -= 1
        lane.held_bytes -= size_bytes
        assert self.held_bytes >= 0

    def revalue(self, lane: Lane, before_bytes: int, after_bytes: int) -> None:
        """An instance holds more or less than it was taken to."""
        self.held_bytes += after_bytes - before_bytes
        lane.held_bytes += after_bytes - before_bytes
