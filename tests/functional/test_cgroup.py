"""Limits on real processes, by whatever this machine gives: cgroups or the watcher."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.linux.cgroup import Cgroups, Group
from tapwater_server.backends.linux.cgroup_places import Place, parse_places
from tapwater_server.backends.linux.cgroup_v2 import V2Hierarchy
from tapwater_server.backends.linux.watcher import Watcher
from tapwater_server.model.function import FunctionLimits
from tapwater_server.testing.clock import ManualClock
from tests.functional.waiting import until
from tests.not_testable import CannotTest

SMALL = FunctionLimits(memory_bytes=64 << 20, pids_max=16)
_BEGIN = "import os, sys; sys.stdin.readline()\n"
HOG = _BEGIN + "held = bytearray(256 << 20)\nwhile True: pass"
BOMB = _BEGIN + "while True:\n    try: os.fork()\n    except OSError: pass"
SPIN = _BEGIN + "while True: pass"
REST = _BEGIN + "import signal; signal.pause()"


@contextmanager
def process(code: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits for a line before it misbehaves."""
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdin=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


def let_go(child: subprocess.Popen[bytes]) -> None:
    assert child.stdin is not None
    child.stdin.write(b"\n")
    child.stdin.flush()


def wait_dead(pid: int) -> int:
    """Wait for the end of a child, without reaping it for others; give the signal."""
    fd = os.pidfd_open(pid)
    try:
        assert select.select([fd], [], [], 20.0)[0], "it still lives"
    finally:
        os.close(fd)
    found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert found is not None
    return found.si_status


@pytest.fixture
def cgroups(cannot_test: CannotTest) -> Iterator[Cgroups]:
    """Groups by cgroup."""
    made = Cgroups(owner=f"limits-{os.getpid()}", clock=ManualClock())
    if made.kind == "watcher":
        cannot_test("no cgroup can be written here")
    yield made
    made.close()


@pytest.fixture
def watched() -> Iterator[Cgroups]:
    """Groups by looking, as where no cgroup can be written."""
    made = Cgroups(owner="test", clock=ManualClock(), proc=Path("/nowhere"))
    assert made.kind == "watcher"
    yield made
    made.close()


def watch(groups: Cgroups, done: Callable[[], bool]) -> None:
    """Let the watcher look until something has happened."""

    def looked() -> bool:
        groups.look()
        return done()

    until(looked, "the watcher did not act")


def test_too_much_memory_kills_and_says_so(cgroups: Cgroups) -> None:
    group = cgroups.make("hog", SMALL)
    neighbour = cgroups.make("rest", SMALL)
    with process(HOG) as child, process(REST) as other:
        group.attach(child.pid)
        neighbour.attach(other.pid)
        let_go(child)
        assert wait_dead(child.pid) == signal.SIGKILL
        assert group.oom_killed()
        assert not neighbour.oom_killed()
        assert other.poll() is None
        peak = group.memory_peak_bytes()
        assert peak is not None
        assert SMALL.memory_bytes // 2 < peak <= SMALL.memory_bytes
        group.remove()
        assert group.oom_killed()  # Still known when the folders are gone.
        assert group.memory_peak_bytes() == peak


FILL = _BEGIN + "held = bytearray(96 << 20)\nimport signal\nsignal.pause()"


def test_more_memory_can_be_allowed_while_it_runs_and_what_is_held_not_forbidden(
    cgroups: Cgroups,
) -> None:
    group = cgroups.make("grows", SMALL)
    with process(FILL) as child:
        group.attach(child.pid)
        group.allow_memory(160 << 20)
        let_go(child)
        until(lambda: (group.memory_now_bytes() or 0) > 96 << 20, "it did not fill its room")
        group.allow_memory(64 << 20)
        assert child.poll() is None
        assert not group.oom_killed()
        group.remove()


def test_the_watcher_allows_more_memory(watched: Cgroups) -> None:
    group = watched.make("grows", SMALL)
    with process(FILL) as child:
        group.attach(child.pid)
        group.allow_memory(160 << 20)
        let_go(child)
        until(lambda: (group.memory_now_bytes() or 0) > 96 << 20, "it did not fill its room")
        for _ in range(8):
            watched.look()
        assert not group.oom_killed()
        group.allow_memory(64 << 20)
        watch(watched, group.oom_killed)
        group.remove()


def test_a_fork_bomb_is_bounded_and_ends_with_one_kill(cgroups: Cgroups) -> None:
    group = cgroups.make("bomb", SMALL)
    with process(BOMB) as child:
        group.attach(child.pid)
        let_go(child)
        until(lambda: len(_members(cgroups)) == SMALL.pids_max, "the bomb did not fill its room")
        group.kill()
        until(lambda: _alive(cgroups) == 0, "somebody survived")
        group.remove()


def test_a_process_that_entered_by_itself_is_in(cgroups: Cgroups) -> None:
    group = cgroups.make("own", SMALL)
    fds = group.entry_fds()
    enter = f"import os\nfor fd in {fds!r}: os.write(fd, b'0')\n" + REST
    with subprocess.Popen(
        [sys.executable, "-S", "-c", f"{enter}"], stdin=subprocess.PIPE, pass_fds=fds
    ) as child:
        until(lambda: child.pid in _members(cgroups), "it did not enter")
        group.attach(child.pid)
        assert group.entry_fds() == ()
        group.kill()
        assert wait_dead(child.pid) == signal.SIGKILL
    group.remove()


def test_frozen_it_uses_no_cpu_and_can_still_be_killed(cgroups: Cgroups) -> None:
    group = cgroups.make("spin", SMALL)
    with process(SPIN) as child:
        group.attach(child.pid)
        let_go(child)
        until(lambda: (group.cpu_s() or 0) > 0.02, "it does not run")
        group.freeze()
        until(lambda: _stands_still(group), "it goes on though frozen")
        group.thaw()
        before = group.cpu_s() or 0
        until(lambda: (group.cpu_s() or 0) > before, "it does not run again")
        group.freeze()
        group.kill()
        assert wait_dead(child.pid) == signal.SIGKILL
    group.remove()


def test_attaching_nobody_says_so(cgroups: Cgroups) -> None:
    group = cgroups.make("nobody", SMALL)
    with process(REST) as child:
        pass
    with pytest.raises(ProcessLookupError):
        group.attach(child.pid)
    group.remove()


def test_what_an_earlier_platform_left_is_killed(cannot_test: CannotTest) -> None:
    owner = f"swept-{os.getpid()}"
    earlier = Cgroups(owner=owner, clock=ManualClock())
    if earlier.kind == "watcher":
        cannot_test("no cgroup can be written here")
    group = earlier.make("left", SMALL)
    with process(REST) as child:
        group.attach(child.pid)
        later = Cgroups(owner=owner, clock=ManualClock())
        assert later.sweep() == 1
        assert wait_dead(child.pid) == signal.SIGKILL
        until(lambda: later.sweep() == 0, "their folders stay")
    later.close()
    assert not _folders(owner)


def test_close_leaves_no_folder(cannot_test: CannotTest) -> None:
    owner = f"closed-{os.getpid()}"
    groups = Cgroups(owner=owner, clock=ManualClock())
    if groups.kind == "watcher":
        cannot_test("no cgroup can be written here")
    while groups.step():
        assert groups.stats().pooled <= 32
    groups.make("one", SMALL).remove()
    assert groups.stats().dying == 1
    groups.close()
    assert not _folders(owner)


def test_the_watcher_kills_at_the_memory_limit(watched: Cgroups) -> None:
    group = watched.make("hog", SMALL)
    with process(HOG) as child:
        group.attach(child.pid)
        let_go(child)
        watch(watched, group.oom_killed)
        assert wait_dead(child.pid) == signal.SIGKILL
    assert (group.memory_peak_bytes() or 0) > SMALL.memory_bytes
    group.remove()


def test_the_watcher_counts_memory_of_children_once(watched: Cgroups) -> None:
    shared = (
        _BEGIN + "held = bytearray(b'x') * (40 << 20)\nos.fork()\nimport signal\nsignal.pause()"
    )
    group = watched.make("family", SMALL)
    with process(shared) as child:
        group.attach(child.pid)
        let_go(child)
        until(lambda: len(_tree(child.pid)) == 2, "it did not fork")
        for _ in range(8):
            watched.look()
        assert not group.oom_killed()
        assert 40 << 20 < (group.memory_now_bytes() or 0) < 64 << 20
        group.remove()
        assert wait_dead(child.pid) == signal.SIGKILL


def test_the_watcher_ends_a_fork_bomb(watched: Cgroups) -> None:
    # Plenty of memory: it is the number of processes that must end it.
    group = watched.make("bomb", FunctionLimits(memory_bytes=8 << 30, pids_max=16))
    few = (
        _BEGIN + "for _ in range(40):\n    if os.fork() == 0: break\nimport signal\nsignal.pause()"
    )
    with process(few) as child:
        group.attach(child.pid)
        let_go(child)
        watch(watched, lambda: not _tree(child.pid) or child.poll() is not None)
    assert not group.oom_killed()
    group.remove()


def test_the_watcher_freezes_and_thaws(watched: Cgroups) -> None:
    group = watched.make("spin", SMALL)
    with process(SPIN) as child:
        group.attach(child.pid)
        let_go(child)
        until(lambda: (group.cpu_s() or 0) > 0.02, "it does not run")
        group.freeze()
        until(lambda: _stands_still(group), "it goes on though frozen")
        group.thaw()
        before = group.cpu_s() or 0
        until(lambda: (group.cpu_s() or 0) > before, "it does not run again")
        group.remove()
        assert wait_dead(child.pid) == signal.SIGKILL


def test_v2_groups_without_controllers_attach_freeze_count_and_kill(
    cannot_test: CannotTest,
) -> None:
    """The parts of v2 that need no controller, on the real thing where it is mounted."""
    place = _v2_place()
    if place is None or not os.access(place.folder, os.W_OK):
        cannot_test("no cgroup v2 can be written here")
    clock = ManualClock()
    v2 = V2Hierarchy(place, owner=f"v2-{os.getpid()}", watcher=Watcher(clock=clock))
    assert v2.usable
    group = v2.make()
    with process(SPIN) as child:
        group.attach(child.pid)
        let_go(child)
        until(lambda: (group.cpu_s() or 0) > 0.02, "it does not run")
        group.freeze()
        until(lambda: _stands_still(group), "it goes on though frozen")
        group.kill()
        assert wait_dead(child.pid) == signal.SIGKILL
    group.remove()
    until(group.gone, "its folder stays")
    v2.close()
    assert not _folders(f"v2-{os.getpid()}")


def test_v2_limits_by_its_controllers(cannot_test: CannotTest) -> None:
    place = _v2_place()
    there = (place.folder / "cgroup.controllers").read_text().split() if place else []
    if place is None or "memory" not in there:
        cannot_test("cgroup v2 has no memory controller here: its limits are tested as files only")
    groups = Cgroups(owner=f"v2m-{os.getpid()}", clock=ManualClock())
    if groups.kind != "v2":
        cannot_test("cgroup v2 is not delegated to us")
    test_too_much_memory_kills_and_says_so(groups)
    groups.close()


def _v2_place() -> Place | None:
    own = Path("/proc/self")
    return parse_places((own / "mountinfo").read_text(), (own / "cgroup").read_text()).v2


def _stands_still(group: Group) -> bool:
    before = group.cpu_s()
    select.select([], [], [], 0.05)
    return group.cpu_s() == before


def _folders(owner: str) -> list[Path]:
    return list(Path("/sys/fs/cgroup").rglob(f"tapwater-{owner}"))


def _members(groups: Cgroups) -> list[int]:
    files = [path for owner in [groups.owner] for path in _folders(owner)]
    inside = {
        int(pid)
        for folder in files
        for path in folder.rglob("cgroup.procs")
        for pid in path.read_text().split()
    }
    return sorted(inside)


def _alive(groups: Cgroups) -> int:
    return sum(_state(pid) not in ("Z", "X", "") for pid in _members(groups))


def _tree(pid: int) -> list[int]:
    found = [pid] if _state(pid) not in ("Z", "X", "") else []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in path.read_text().split()]
    return found


def _state(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return text.rpartition(")")[2].split()[0]
