"""Limits where no cgroup can be written: look at every guest 20 times a second, and act.

Weaker than a cgroup, and ``layers()`` says how: between two looks a guest can overshoot; files in
its /tmp and the kernel's own memory are not counted; nothing limits its share of the CPU.
"""

import asyncio
import signal
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace

from tapwater_server.backends.linux import cgroup_files as files
from tapwater_server.backends.linux import usage
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.sandbox import Layer

LOOK_S = 0.05
GROUPS_MAX = 10_000
# The precise measure costs a walk through the page tables. While the cheap upper bound is below
# the limit there is nothing to find out; above it, a look is precise every so many times.
PRECISE_EVERY = 4
_STARTED = 19  # Where /proc/PID/stat, from the state on, has the start time.


@dataclass(frozen=True, slots=True, kw_only=True)
class WatcherStats:
    """What the watcher has done so far."""

    groups: int
    looks: int
    killed_memory: int
    killed_pids: int


class Watcher:
    """One task for all groups. ``run()`` it as long as groups are made."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._groups: dict[int, WatchedGroup] = {}  # by the pid of its first process
        self._some = asyncio.Event()
        self._looks = 0
        self._killed_memory = 0
        self._killed_pids = 0

    def make(self) -> "WatchedGroup":
        """Give a group with nobody in it."""
        return WatchedGroup(self)

    @property
    def watched(self) -> Container[int]:
        """The first processes of all groups."""
        return self._groups.keys()

    def add(self, pid: int, group: "WatchedGroup") -> None:
        assert len(self._groups) < GROUPS_MAX
        self._groups[pid] = group
        self._some.set()

    def drop(self, pid: int) -> None:
        self._groups.pop(pid, None)
        if not self._groups:
            self._some.clear()

    async def run(self) -> None:
        """Look, for ever; rest while there is nobody to look at."""
        while True:
            await self._some.wait()
            self.step()
            await self._clock.sleep(LOOK_S)

    def step(self) -> int:
        """Look once at everybody; say how many groups had to be killed."""
        self._looks += 1
        killed = 0
        for group in list(self._groups.values()):
            broken = group.look()
            self._killed_memory += broken == "memory"
            self._killed_pids += broken == "pids"
            killed += broken != ""
        return killed

    def sweep(self) -> int:
        """Nothing is left by an earlier platform that could be found again: guests die with it."""
        return 0

    def layers(self) -> tuple[Layer, ...]:
        how = (
            "looked at from outside, 20 times a second"
            if usage.can_list_children()
            else ("only the first process of a guest is seen: this kernel does not list children")
        )
        return (Layer(name="watcher", present=True, detail=how, without=""),)

    def close(self) -> None:
        self._groups.clear()
        self._some.clear()

    def stats(self) -> WatcherStats:
        return WatcherStats(
            groups=len(self._groups),
            looks=self._looks,
            killed_memory=self._killed_memory,
            killed_pids=self._killed_pids,
        )


class WatchedGroup:
    """A process and its descendants, as far as looking can find them."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._limits = FunctionLimits()
        self._pid = 0
        self._started = ""
        self._oom = False
        self._peak = 0
        self._bound = 0
        self._cpu_s = 0.0
        self._looks = 0
        self._removed = False

    def limit(self, limits: FunctionLimits) -> None:
        self._limits = limits

    def allow_memory(self, size_bytes: int) -> None:
        self._limits = replace(self._limits, memory_bytes=size_bytes)

    def entry_fds(self) -> tuple[int, ...]:
        return ()

    def attach(self, pid: int) -> None:
        assert not self._pid
        fields = usage.stat(pid)
        if fields is None:
            raise ProcessLookupError(f"no process {pid}")
        self._pid, self._started = pid, fields[_STARTED]
        self._watcher.add(pid, self)

    def look(self) -> str:
        """Look once. Says "memory" or "pids" when a limit was broken and the group was killed."""
        if not self._alive():
            return ""
        members = self._members()
        self._looks += 1
        broken = ""
        if self._memory_broken(members):
            self._oom, broken = True, "memory"
        elif sum(members.values()) > self._limits.pids_max:
            broken = "pids"
        if broken:
            self.kill()
        return broken

    def _members(self) -> dict[int, int]:
        # An instance is a child of its zygote, and has a group of its own.
        return usage.tree(self._pid, apart=self._watcher.watched)

    def _alive(self) -> bool:
        """Say whether our first process is there and is still the same: pids are used again."""
        fields = usage.stat(self._pid) if self._pid else None
        return fields is not None and fields[_STARTED] == self._started

    def _memory_broken(self, members: Mapping[int, int]) -> bool:
        bound = _sum(usage.memory_resident_bytes, members)
        if bound <= self._limits.memory_bytes:
            return False
        # It may be all the zygote's: look closely, but at one that does not grow less often.
        if bound <= self._bound and self._looks % PRECISE_EVERY:
            return False
        self._bound = bound
        return self._held(members) > self._limits.memory_bytes

    def _held(self, members: Mapping[int, int]) -> int:
        held = _sum(usage.memory_held_bytes, members)
        self._peak = max(self._peak, held)
        return held

    def oom_killed(self) -> bool:
        return self._oom

    def cpu_s(self) -> float | None:
        """CPU of those alive and of their children waited for; never less than was said before."""
        if not self._alive():
            return self._cpu_s if self._pid else None
        members = self._members()
        used = sum(
            (usage.cpu_s(pid) or 0.0) + (usage.children_cpu_s(pid) or 0.0) for pid in members
        )
        self._cpu_s = max(self._cpu_s, used)
        return self._cpu_s

    def memory_peak_bytes(self) -> int | None:
        self.memory_now_bytes()
        return self._peak or None

    def memory_now_bytes(self) -> int | None:
        return self._held(self._members()) if self._alive() else None

    def freeze(self) -> None:
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        self._send(signal.SIGCONT)

    def kill(self) -> None:
        """Stop all first, so that nobody forks while we go round; then kill."""
        self._send(signal.SIGSTOP)
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        sent: set[int] = set()
        for _ in range(files.KILL_ROUNDS_MAX):
            fresh = self._members().keys() - sent if self._alive() else set()
            if not fresh:
                return
            for pid in sorted(fresh):
                files.send(pid, number)
            sent |= fresh

    def remove(self) -> None:
        if self._removed:
            return
        self.cpu_s()
        self.kill()
        self._removed = True
        self._watcher.drop(self._pid)

    def gone(self) -> bool:
        return True


def _sum(measure: Callable[[int], int | None], members: Mapping[int, int]) -> int:
    return sum(measure(pid) or 0 for pid in members)
