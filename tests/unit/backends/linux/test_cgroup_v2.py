"""cgroup v2 as files: what is written where. A folder stands for the kernel's."""

from pathlib import Path

import pytest

from tapwater_server.backends.linux.cgroup_places import Place
from tapwater_server.backends.linux.cgroup_v2 import V2Group, V2Hierarchy
from tapwater_server.backends.linux.watcher import Watcher
from tapwater_server.model.function import FunctionLimits
from tapwater_server.testing.clock import ManualClock

ALL = frozenset({"memory", "pids", "cpu"})
LIMITS = FunctionLimits(memory_bytes=1 << 20, pids_max=9, cpu_share=0.25)
FILES = {
    "cgroup.procs": "",
    "memory.max": "max",
    "memory.swap.max": "max",
    "memory.oom.group": "0",
    "pids.max": "max",
    "cpu.max": "max 100000",
    "cpu.stat": "usage_usec 1500000\nuser_usec 1\n",
    "memory.current": "4096\n",
    "memory.peak": "8192\n",
    "memory.events": "low 0\noom 1\noom_kill 0\n",
    "cgroup.freeze": "0",
    "cgroup.kill": "",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def group(folder: Path) -> V2Group:
    return V2Group(str(folder), name="/t/g1", controllers=ALL, watched=None)


def test_limits_are_written(folder: Path) -> None:
    made = group(folder)
    made.limit(LIMITS)
    assert (folder / "memory.max").read_text() == "1048576"
    assert (folder / "memory.swap.max").read_text()[0] == "0"
    assert (folder / "memory.oom.group").read_text() == "1"
    assert (folder / "pids.max").read_text()[0] == "9"
    assert (folder / "cpu.max").read_text() == "25000 100000"
    made.remove()


def test_another_ceiling_is_never_below_what_is_held(folder: Path) -> None:
    made = group(folder)
    made.limit(LIMITS)
    made.allow_memory(2 << 20)
    assert (folder / "memory.max").read_text() == "2097152"
    (folder / "memory.current").write_text(str(3 << 20))
    made.allow_memory(1 << 20)
    assert (folder / "memory.max").read_text() == "2097152"
    made.remove()


def test_no_swap_accounting_is_no_error(folder: Path) -> None:
    (folder / "memory.swap.max").unlink()
    made = group(folder)
    made.limit(LIMITS)
    made.remove()


def test_what_was_used_is_read_and_kept_after_remove(folder: Path) -> None:
    made = group(folder)
    assert (made.cpu_s(), made.memory_now_bytes(), made.memory_peak_bytes()) == (1.5, 4096, 8192)
    assert not made.oom_killed()
    (folder / "memory.events").write_text("oom_kill 2\n")
    made.remove()
    assert made.oom_killed()
    assert made.memory_peak_bytes() == 8192


def test_before_memory_peak_was_invented_the_present_has_to_do(folder: Path) -> None:
    (folder / "memory.peak").unlink()
    made = group(folder)
    assert made.memory_peak_bytes() == 4096
    made.remove()


def test_freeze_thaw_kill(folder: Path) -> None:
    made = group(folder)
    made.freeze()
    assert (folder / "cgroup.freeze").read_text() == "1"
    made.thaw()
    assert (folder / "cgroup.freeze").read_text() == "0"
    made.kill()
    assert (folder / "cgroup.kill").read_text() == "1"
    made.remove()


def place(folder: Path) -> Place:
    return Place(folder=folder, name="/t", mount=folder, writable=True)


def test_what_is_not_delegated_is_named(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("")
    (tmp_path / "cgroup.controllers").write_text("pids\n")
    (tmp_path / "cgroup.subtree_control").write_text("pids")
    parent = tmp_path / "tapwater-me"
    parent.mkdir()
    (parent / "cgroup.subtree_control").write_text("pids")
    made = V2Hierarchy(place(tmp_path), owner="me", watcher=Watcher(clock=ManualClock()))
    assert set(made.missing) == {"memory", "cpu"}
    assert "Delegate=yes" in made.missing["memory"]
    present = {layer.name: layer.present for layer in made.layers()}
    assert present == {"cgroup memory": False, "cgroup pids": True, "cgroup cpu": False}


def test_what_cannot_be_written_is_missing(tmp_path: Path) -> None:
    made = V2Hierarchy(
        place(tmp_path / "gone"),
        owner="me",
        watcher=Watcher(clock=ManualClock()),
    )
    assert not made.usable
    assert set(made.missing) == ALL
