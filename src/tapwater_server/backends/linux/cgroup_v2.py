"""Groups in cgroup v2: one folder each, with the controllers that were delegated to us."""

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path

from tapwater_server.backends.linux import cgroup_files as files
from tapwater_server.backends.linux.cgroup_places import Place
from tapwater_server.backends.linux.group import Plot
from tapwater_server.backends.linux.watcher import Watcher
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.sandbox import Layer

CONTROLLERS = ("memory", "pids", "cpu")
CPU_PERIOD_US = 100_000
CPU_QUOTA_US_MIN = 1_000

_WITHOUT = {
    "memory": "memory is looked at 20 times a second; a guest can overshoot between two looks",
    "pids": "a guest with too many processes is found by looking and killed, not merely refused",
    "cpu": "cpu_share has no effect: a function can use every core",
}
_ADVICE = (
    "start Tapwater in a scope of its own: systemd-run --user --scope -p Delegate=yes tapwater up"
)


class V2Hierarchy:
    """Makes groups below our own cgroup; ``missing`` says why for each controller not to be had.

    A cgroup that hands controllers on may have no processes of its own. So where we stand in the
    way ourselves, we step aside into a leaf (with the shells and init that started us, if they
    stand there too), as every manager of delegated cgroups has to.
    """

    def __init__(
        self, place: Place, *, owner: str, watcher: Watcher, ours: Iterable[int] = ()
    ) -> None:
        self._own = place.folder
        self._mount = place.mount
        self._name = place.name.rstrip("/")
        self._folder_name = f"tapwater-{owner}"
        self._parent = f"{place.folder}/{self._folder_name}"
        self._leaf = f"{place.folder}/{self._folder_name}-platform"
        self._watcher = watcher
        self._ours = frozenset(ours)
        self._made = 0
        self._controllers: list[str] = []
        self.missing: dict[str, str] = {}
        self.usable = self._settle()

    def _settle(self) -> bool:
        try:
            os.makedirs(self._parent, mode=0o755, exist_ok=True)
            # Whoever may make folders may still not move processes into them.
            os.close(os.open(f"{self._own}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC))
        except OSError as error:
            why = f"{self._own} cannot be written ({error.strerror}); {_ADVICE}"
            self.missing = dict.fromkeys(CONTROLLERS, why)
            return False
        there = files.read(f"{self._own}/cgroup.controllers").split()
        for controller in CONTROLLERS:
            if controller not in there:
                self.missing[controller] = f"not delegated to {self._own}; {_ADVICE}"
            elif why := self._hand_on(controller):
                self.missing[controller] = why
            else:
                self._controllers.append(controller)
        return True

    def _hand_on(self, controller: str) -> str:
        try:
            try:
                self._enable(controller)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                self._step_aside()
                self._enable(controller)
        except OSError as error:
            return f"cannot be handed on by {self._own} ({error.strerror}); {_ADVICE}"
        return ""

    def _enable(self, controller: str) -> None:
        for folder in (str(self._own), self._parent):
            control = f"{folder}/cgroup.subtree_control"
            if controller not in files.read(control).split():
                files.write(control, f"+{controller}")

    def _step_aside(self) -> None:
        os.makedirs(self._leaf, mode=0o755, exist_ok=True)
        for pid in files.pids(f"{self._own}/cgroup.procs"):
            if pid in self._ours:
                with contextlib.suppress(ProcessLookupError):
                    files.write(f"{self._leaf}/cgroup.procs", str(pid))

    def make(self) -> Plot:
        while True:
            self._made += 1
            folder = f"{self._parent}/g{self._made}"
            try:
                os.mkdir(folder)
            except FileExistsError:
                continue  # Left by an earlier platform and still dying: take the next number.
            covers_all = "memory" in self._controllers and "pids" in self._controllers
            return V2Group(
                folder,
                name=f"{self._name}/{self._folder_name}/g{self._made}",
                controllers=frozenset(self._controllers),
                watched=None if covers_all else self._watcher.make(),
            )

    def sweep(self) -> int:
        removed = 0
        for parent in files.find_folders(Path(self._mount), self._folder_name):
            for name in os.listdir(parent):
                folder = f"{parent}/{name}"
                if os.path.isdir(folder):
                    _kill(folder)
                    files.rmdir(folder)  # Where it is still dying, the next sweep has it.
                    removed += 1
            if parent != self._parent:
                files.rmdir(parent)
        return removed

    def layers(self) -> tuple[Layer, ...]:
        return tuple(
            Layer(
                name=f"cgroup {controller}",
                present=controller in self._controllers,
                detail=self.missing.get(controller, "cgroup v2"),
                without=_WITHOUT[controller],
            )
            for controller in CONTROLLERS
        )

    def close(self) -> None:
        files.rmdir(self._parent)


class V2Group:
    """One group: one folder. What no controller here covers, the watcher does."""

    def __init__(
        self, folder: str, *, name: str, controllers: frozenset[str], watched: Plot | None
    ) -> None:
        self._folder = folder
        self._name = name
        self._controllers = controllers
        self._watched = watched
        entry = os.open(f"{folder}/cgroup.procs", os.O_WRONLY | os.O_CLOEXEC)
        self._entry: tuple[int, ...] = (entry,)
        self._cpu = files.Gauge(f"{folder}/cpu.stat", pick=_usage_us)
        self._now = files.Gauge(f"{folder}/memory.current", pick=files.whole)
        self._peak = files.Gauge(f"{folder}/memory.peak", pick=files.whole)
        self._oom = files.Gauge(f"{folder}/memory.events", pick=_oom_kills)
        self._removed = False
        self._limits: FunctionLimits | None = None

    def limit(self, limits: FunctionLimits) -> None:
        for controller in CONTROLLERS:
            if controller in self._controllers:
                wanted = _settings(controller, limits)
                before = _settings(controller, self._limits) if self._limits else []
                for name, text in wanted if wanted != before else ():
                    _set(f"{self._folder}/{name}", text)
        self._limits = limits
        if self._watched:
            self._watched.limit(limits)

    def allow_memory(self, size_bytes: int) -> None:
        if self._watched:
            self._watched.allow_memory(size_bytes)
        # A ceiling below what is held would kill: it is no request to give back.
        if "memory" in self._controllers and size_bytes > (self._now.value() or 0):
            files.write(f"{self._folder}/memory.max", str(size_bytes))

    def entry_fds(self) -> tuple[int, ...]:
        return self._entry

    def attach(self, pid: int) -> None:
        if not self._inside(pid):
            files.write(f"{self._folder}/cgroup.procs", str(pid))
        self._close_entry()
        if self._watched:
            self._watched.attach(pid)

    def _inside(self, pid: int) -> bool:
        try:
            text = files.read(f"/proc/{pid}/cgroup")
        except FileNotFoundError as error:
            raise ProcessLookupError(f"no process {pid}") from error
        return f"0::{self._name}" in text.splitlines()

    def _close_entry(self) -> None:
        for fd in self._entry:
            os.close(fd)
        self._entry = ()

    def oom_killed(self) -> bool:
        by_watcher = self._watched is not None and self._watched.oom_killed()
        return by_watcher or bool(self._oom.value())

    def cpu_s(self) -> float | None:
        used_us = self._cpu.value()
        return None if used_us is None else used_us / 1e6

    def memory_peak_bytes(self) -> int | None:
        seen = self._peak.value()
        if seen is None and self._watched:
            return self._watched.memory_peak_bytes()
        # memory.peak came with Linux 5.19; before it, what is held now is better than nothing.
        return self.memory_now_bytes() if seen is None else seen

    def memory_now_bytes(self) -> int | None:
        seen = self._now.value()
        if seen is None and self._watched:
            return self._watched.memory_now_bytes()
        return seen

    def freeze(self) -> None:
        files.write(f"{self._folder}/cgroup.freeze", "1")

    def thaw(self) -> None:
        files.write(f"{self._folder}/cgroup.freeze", "0")

    def kill(self) -> None:
        if not self._removed:
            _kill(self._folder)

    def remove(self) -> None:
        if self._removed:
            return
        self.kill()
        self._close_entry()
        for gauge in (self._cpu, self._now, self._peak, self._oom):
            gauge.close()
        self._removed = True
        if self._watched:
            self._watched.remove()

    def gone(self) -> bool:
        return files.rmdir(self._folder)


def _kill(folder: str) -> None:
    try:
        files.write(f"{folder}/cgroup.kill", "1")  # Since Linux 5.14, in one step.
    except FileNotFoundError:
        files.kill_all(f"{folder}/cgroup.procs")


def _usage_us(text: str) -> int | None:
    return files.field(text, "usage_usec")


def _oom_kills(text: str) -> int | None:
    return files.field(text, "oom_kill")


def _settings(controller: str, limits: FunctionLimits) -> list[tuple[str, str]]:
    """Say what to write where.

    >>> _settings("cpu", FunctionLimits(cpu_share=0.5))
    [('cpu.max', '50000 100000')]
    """
    if controller == "memory":
        return [
            ("memory.max", str(limits.memory_bytes)),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "1"),  # An instance without its child is no instance.
        ]
    if controller == "pids":
        return [("pids.max", str(limits.pids_max))]
    quota = max(CPU_QUOTA_US_MIN, int(limits.cpu_share * CPU_PERIOD_US))
    return [("cpu.max", f"{quota} {CPU_PERIOD_US}")]


def _set(path: str, text: str) -> None:
    try:
        files.write(path, text)
    except FileNotFoundError:
        if not path.endswith("memory.swap.max"):  # Only there with swap accounting.
            raise
