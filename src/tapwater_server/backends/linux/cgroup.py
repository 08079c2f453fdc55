"""Limits by cgroup, as far as this machine allows: v2, or v1 controller by controller, or looking.

``run()`` the one background loop; ``make()`` and everything on a group is synchronous and costs
some hundred microseconds at most, because it is on the way of a cold start.
"""

import asyncio
import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.backends.linux import usage
from tapwater_server.backends.linux.cgroup_places import Places, parse_places
from tapwater_server.backends.linux.cgroup_v1 import V1Hierarchy
from tapwater_server.backends.linux.cgroup_v2 import V2Hierarchy
from tapwater_server.backends.linux.group import Group, Hierarchy, Plot
from tapwater_server.backends.linux.watcher import Watcher
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.sandbox import Layer

__all__ = ["Cgroups", "Group"]

PROC_SELF = Path("/proc/self")
POOL = 32  # Empty groups kept ready: mkdir in five hierarchies costs 0.2 ms.
POOL_STEP = 4  # Made per step of the loop, so that nobody waits for us for long.
DYING_STEP = 4  # Removing one takes 0.3 ms.
# Making and removing folders takes the kernel's one lock for all groups, which an instance that is
# born needs to enter its own: we wait until those who asked for a group should be through.
QUIET_S = 0.02
DYING_AGAIN_S = 0.1  # The kernel frees a dead process's group within some milliseconds.
DYING_MAX = 10_000
_ANCESTORS_MAX = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CgroupStats:
    """How many groups there are, and in what state."""

    kind: str
    alive: int
    pooled: int
    dying: int
    made: int


class Cgroups:
    """Makes groups, and clears them away. One per platform; ``owner`` is its data directory's id.

    ``proc`` is where ``mountinfo`` and ``cgroup`` of this process are read.
    """

    def __init__(
        self, *, owner: str, clock: Clock, proc: Path = PROC_SELF, pool: int = POOL
    ) -> None:
        self.owner = owner
        self._clock = clock
        self._watcher = Watcher(clock=clock)
        self._hierarchy, self.kind, self._refused = _choose(owner, self._watcher, proc)
        self._pool_max = 0 if self.kind == "watcher" else pool
        self._pool: deque[Plot] = deque()
        self._usual = FunctionLimits()  # Those asked for last: the pool's groups have them already.
        self._alive: set[_Taken] = set()
        self._dying: deque[Plot] = deque()
        self._work = asyncio.Event()
        self._work.set()
        self._made = 0

    def make(self, name: str, limits: FunctionLimits) -> Group:
        """Give an empty group under ``limits``. ``name`` is for people who read ``names()``."""
        plot = self._pool.popleft() if self._pool else self._hierarchy.make()
        plot.limit(limits)  # Costs nothing where the pool's guess was right.
        self._usual = limits
        taken = _Taken(plot, name=name, owner=self)
        self._alive.add(taken)
        self._made += 1
        self._work.set()
        return taken

    def names(self) -> list[str]:
        """List what the groups in use were made for."""
        return sorted(taken.name for taken in self._alive)

    def released(self, taken: "_Taken", plot: Plot) -> None:
        """Hear from a group that it was removed: its folders go when its processes are dead."""
        self._alive.discard(taken)
        if len(self._dying) < DYING_MAX:
            self._dying.append(plot)
            self._work.set()
        else:
            plot.gone()  # Nobody runs our loop; what stays is swept at the next start.

    def sweep(self) -> int:
        """Kill and remove what an earlier platform of the same owner left behind; comes first."""
        assert not self._made
        assert not self._pool
        return self._hierarchy.sweep()

    async def run(self) -> None:
        """Keep the pool full and clear the dead away, for ever; and watch, where that is needed."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watcher.run())
            while True:
                await self._work.wait()
                self._work.clear()
                await self._clock.sleep(QUIET_S)
                while self.step():
                    await self._clock.sleep(0)
                if self._dying:
                    await self._clock.sleep(DYING_AGAIN_S)
                    self._work.set()

    def step(self) -> int:
        """Do a little of what is to be done; say how much."""
        done = 0
        while len(self._pool) < self._pool_max and done < POOL_STEP:
            plot = self._hierarchy.make()
            plot.limit(self._usual)
            self._pool.append(plot)
            done += 1
        for _ in range(min(DYING_STEP, len(self._dying))):
            plot = self._dying.popleft()
            if plot.gone():
                done += 1
            else:
                self._dying.append(plot)
        return done

    def look(self) -> int:
        """Look once at all groups that no cgroup covers; say how many had to be killed."""
        return self._watcher.step()

    def layers(self) -> tuple[Layer, ...]:
        """Say what is limited how, for the doctor."""
        layers = self._hierarchy.layers()
        return layers if self.kind != "watcher" else (*self._refused, *layers)

    def stats(self) -> CgroupStats:
        return CgroupStats(
            kind=self.kind,
            alive=len(self._alive),
            pooled=len(self._pool),
            dying=len(self._dying),
            made=self._made,
        )

    def close(self) -> None:
        """Kill everything in every group and remove what can be removed."""
        for taken in list(self._alive):
            taken.remove()
        while self._pool:
            plot = self._pool.popleft()
            plot.remove()
            plot.gone()
        while self._dying:
            self._dying.popleft().gone()
        self._hierarchy.close()


class _Taken:
    """A group somebody uses: all is the plot's, but its end is told to the maker."""

    def __init__(self, plot: Plot, *, name: str, owner: Cgroups) -> None:
        self.name = name
        self._plot = plot
        self._owner = owner
        self._removed = False
        self.entry_fds = plot.entry_fds
        self.attach = plot.attach
        self.allow_memory = plot.allow_memory
        self.oom_killed = plot.oom_killed
        self.cpu_s = plot.cpu_s
        self.memory_peak_bytes = plot.memory_peak_bytes
        self.memory_now_bytes = plot.memory_now_bytes
        self.freeze = plot.freeze
        self.thaw = plot.thaw
        self.kill = plot.kill

    def remove(self) -> None:
        if not self._removed:
            self._removed = True
            self._plot.remove()
            self._owner.released(self, self._plot)


def _choose(owner: str, watcher: Watcher, proc: Path) -> tuple[Hierarchy, str, tuple[Layer, ...]]:
    """Take v2 if it gives a memory controller, else v1 if it gives anything, else look."""
    places = _places(proc)
    refused: tuple[Layer, ...] = ()
    if places.v2 is not None:
        v2 = V2Hierarchy(places.v2, owner=owner, watcher=watcher, ours=_ancestors())
        if "memory" not in v2.missing:
            return v2, "v2", ()
        v2.close()
        refused = v2.layers()
    if places.v1:
        v1 = V1Hierarchy(places.v1, owner=owner, watcher=watcher)
        if not v1.empty:
            return v1, "v1", ()
        refused = v1.layers()
    return watcher, "watcher", refused


def _places(proc: Path) -> Places:
    try:
        return parse_places((proc / "mountinfo").read_text(), (proc / "cgroup").read_text())
    except FileNotFoundError:
        return Places()


def _ancestors() -> list[int]:
    """List ourselves and who started us: they may stand in our own cgroup with us."""
    line = [os.getpid()]
    while len(line) < _ANCESTORS_MAX and (fields := usage.stat(line[-1])) is not None:
        parent = int(fields[1])
        if parent < 1:
            break
        line.append(parent)
    return line
