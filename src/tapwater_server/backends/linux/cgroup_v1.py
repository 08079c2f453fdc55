"""Groups in cgroup v1: one folder per controller, each controller on its own."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from tapwater_server.backends.linux import cgroup_files as files
from tapwater_server.backends.linux.cgroup_places import CONTROLLERS_V1, Place
from tapwater_server.backends.linux.group import Plot
from tapwater_server.backends.linux.watcher import Watcher
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.sandbox import Layer

CPU_PERIOD_US = 100_000
CPU_QUOTA_US_MIN = 1_000  # The kernel takes no less.

_WITHOUT: Mapping[str, str] = {
    "memory": "memory is looked at 20 times a second; a guest can overshoot between two looks",
    "pids": "a guest with too many processes is found by looking and killed, not merely refused",
    "cpu": "cpu_share has no effect: a function can use every core",
    "cpuacct": "CPU of a guest's children that have ended is read from /proc, coarser",
    "freezer": "freezing between calls sends SIGSTOP, which a function's children can notice",
}


class V1Hierarchy:
    """Makes groups under our own cgroup of each controller that lets us; see ``missing``."""

    def __init__(self, places: Mapping[str, Place], *, owner: str, watcher: Watcher) -> None:
        self._folder_name = f"tapwater-{owner}"
        self._watcher = watcher
        self._made = 0
        self._places: dict[str, Place] = {}
        self.missing: dict[str, str] = {}
        for controller in CONTROLLERS_V1:
            self._take(controller, places.get(controller))
        self._swept = {str(place.mount) for place in self._places.values()}

    def _take(self, controller: str, place: Place | None) -> None:
        if place is None:
            self.missing[controller] = "no cgroup v1 hierarchy has this controller"
            return
        try:
            os.makedirs(place.folder / self._folder_name, mode=0o755, exist_ok=True)
        except OSError as error:
            self.missing[controller] = f"{place.folder} cannot be written ({error.strerror})"
            return
        self._places[controller] = place

    @property
    def empty(self) -> bool:
        """Say whether no controller at all can be used."""
        return not self._places

    def make(self) -> Plot:
        while True:
            self._made += 1
            part = f"{self._folder_name}/g{self._made}"
            folders = {name: f"{place.folder}/{part}" for name, place in self._places.items()}
            try:
                for folder in dict.fromkeys(folders.values()):
                    os.mkdir(folder)
            except FileExistsError:
                continue  # Left by an earlier platform and still dying: take the next number.
            names = {name: f"{place.name.rstrip('/')}/{part}" for name, place in self._own()}
            covers_all = "memory" in folders and "pids" in folders
            return V1Group(
                folders, names=names, watched=None if covers_all else self._watcher.make()
            )

    def _own(self) -> list[tuple[str, Place]]:
        return list(self._places.items())

    def sweep(self) -> int:
        found: set[str] = set()
        for mount in self._swept:
            for parent in files.find_folders(Path(mount), self._folder_name):
                found |= _sweep_parent(parent, keep={str(p.folder) for _, p in self._own()})
        return len(found)

    def layers(self) -> tuple[Layer, ...]:
        return tuple(
            Layer(
                name=f"cgroup {controller}",
                present=controller in self._places,
                detail=self.missing.get(controller, "cgroup v1"),
                without=_WITHOUT[controller],
            )
            for controller in CONTROLLERS_V1
        )

    def close(self) -> None:
        for place in self._places.values():
            files.rmdir(f"{place.folder}/{self._folder_name}")


def _sweep_parent(parent: str, *, keep: set[str]) -> set[str]:
    found = set()
    for name in os.listdir(parent):
        folder = f"{parent}/{name}"
        if not os.path.isdir(folder):
            continue
        if os.path.exists(f"{folder}/freezer.state"):
            files.write(f"{folder}/freezer.state", "THAWED")
        files.kill_all(f"{folder}/cgroup.procs")
        files.rmdir(folder)  # Where it is still dying, the folder stays for the next sweep.
        found.add(name)
    if os.path.dirname(parent) not in keep:
        files.rmdir(parent)
    return found


class V1Group:
    """One group: the same folder name under each controller."""

    def __init__(
        self, folders: Mapping[str, str], *, names: Mapping[str, str], watched: Plot | None
    ) -> None:
        self._folders = folders
        self._names = names
        self._watched = watched
        self._unique = tuple(dict.fromkeys(folders.values()))
        # Opened now, in the pool, and not when somebody waits for a cold start.
        self._entry = tuple(
            os.open(f"{folder}/tasks", os.O_WRONLY | os.O_CLOEXEC) for folder in self._unique
        )
        memory, cpuacct = folders.get("memory"), folders.get("cpuacct")
        self._now = memory and files.Gauge(f"{memory}/memory.usage_in_bytes", pick=files.whole)
        self._peak = memory and files.Gauge(f"{memory}/memory.max_usage_in_bytes", pick=files.whole)
        self._cpu = cpuacct and files.Gauge(f"{cpuacct}/cpuacct.usage", pick=files.whole)
        self._oom = memory and files.Gauge(f"{memory}/memory.oom_control", pick=_oom_kills)
        self._removed = False
        self._limits: FunctionLimits | None = None

    def limit(self, limits: FunctionLimits) -> None:
        for controller, folder in self._folders.items():
            wanted = _settings(controller, limits)
            before = _settings(controller, self._limits) if self._limits else []
            if wanted == before:
                continue
            if controller == "memory" and before:
                self.allow_memory(limits.memory_bytes)
                continue
            for name, text in wanted:
                _set(f"{folder}/{name}", text)
        self._limits = limits
        if self._watched:
            self._watched.limit(limits)

    def allow_memory(self, size_bytes: int) -> None:
        folder = self._folders.get("memory")
        if folder is None:
            return
        # The kernel keeps the second no lower than the first, at every moment.
        names = ["memory.limit_in_bytes", "memory.memsw.limit_in_bytes"]
        held = files.whole(files.read(f"{folder}/{names[0]}")) or 0
        try:
            for name in names if size_bytes < held else reversed(names):
                _set(f"{folder}/{name}", str(size_bytes))
        except OSError as error:
            if error.errno != errno.EBUSY:  # More is held than that: it stays as it is.
                raise

    def entry_fds(self) -> tuple[int, ...]:
        return self._entry

    def attach(self, pid: int) -> None:
        if not self._inside(pid):
            for folder in self._unique:
                files.write(f"{folder}/cgroup.procs", str(pid))
        self._close_entry()
        if self._watched:
            self._watched.attach(pid)

    def _inside(self, pid: int) -> bool:
        try:
            text = files.read(f"/proc/{pid}/cgroup")
        except FileNotFoundError as error:
            raise ProcessLookupError(f"no process {pid}") from error
        stands = {}
        for line in text.splitlines():
            _, controllers, name = line.split(":", 2)
            stands.update(dict.fromkeys(controllers.split(","), name))
        return all(stands.get(controller) == name for controller, name in self._names.items())

    def _close_entry(self) -> None:
        for fd in self._entry:
            os.close(fd)
        self._entry = ()

    def oom_killed(self) -> bool:
        if self._oom:
            return bool(self._oom.value())
        return self._watched is not None and self._watched.oom_killed()

    def cpu_s(self) -> float | None:
        if self._cpu:
            used_ns = self._cpu.value()
            return None if used_ns is None else used_ns / 1e9
        return self._watched.cpu_s() if self._watched else None

    def memory_peak_bytes(self) -> int | None:
        if self._peak:
            return self._peak.value()
        return self._watched.memory_peak_bytes() if self._watched else None

    def memory_now_bytes(self) -> int | None:
        if self._now:
            return self._now.value()
        return self._watched.memory_now_bytes() if self._watched else None

    def freeze(self) -> None:
        self._freezer("FROZEN")

    def thaw(self) -> None:
        self._freezer("THAWED")

    def _freezer(self, state: str) -> None:
        folder = self._folders.get("freezer")
        if folder:
            files.write(f"{folder}/freezer.state", state)
            return
        for pid in files.pids(f"{self._unique[0]}/cgroup.procs"):
            files.send(pid, files.STOP if state == "FROZEN" else files.CONT)

    def kill(self) -> None:
        if self._removed:
            return
        # Everybody who is in, is in all of them; what is in some only, gone() finds.
        files.kill_all(f"{self._unique[0]}/cgroup.procs")
        if "freezer" in self._folders:
            self.thaw()  # A frozen process does not die before it is thawed.

    def remove(self) -> None:
        if self._removed:
            return
        self.kill()
        self._close_entry()
        for gauge in (self._now, self._peak, self._cpu, self._oom):
            if gauge:
                gauge.close()
        self._removed = True
        if self._watched:
            self._watched.remove()

    def gone(self) -> bool:
        for folder in self._unique:
            if not files.rmdir(folder):
                files.kill_all(f"{folder}/cgroup.procs")
                return False
        return True


def _oom_kills(text: str) -> int | None:
    return files.field(text, "oom_kill")


def _settings(controller: str, limits: FunctionLimits) -> list[tuple[str, str]]:
    """Say what to write where.

    >>> _settings("pids", FunctionLimits(pids_max=7))
    [('pids.max', '7')]
    """
    if controller == "memory":
        size = str(limits.memory_bytes)
        # With swap: the sum of both may not exceed it either, so nothing is swapped out.
        return [("memory.limit_in_bytes", size), ("memory.memsw.limit_in_bytes", size)]
    if controller == "pids":
        return [("pids.max", str(limits.pids_max))]
    if controller == "cpu":
        quota = max(CPU_QUOTA_US_MIN, int(limits.cpu_share * CPU_PERIOD_US))
        return [("cpu.cfs_quota_us", str(quota))]
    return []


def _set(path: str, text: str) -> None:
    try:
        files.write(path, text)
    except FileNotFoundError:
        if not path.endswith("memsw.limit_in_bytes"):  # Only there with swap accounting.
            raise
