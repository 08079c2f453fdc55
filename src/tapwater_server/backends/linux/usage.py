"""What a process uses, read from outside: its CPU clock, its memory, its descendants."""

import os
import time
from collections.abc import Container

from tapwater_server.backends.linux import cgroup_files as files

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TREE_PROCESSES_MAX = 10_000  # A tree as large as this is no function.


def cpu_s(pid: int) -> float | None:
    """Read the CPU seconds of a process, all its threads, to the microsecond; None if gone.

    The kernel lets anybody read the CPU clock of any process they can name; the clock's number
    is made from the pid (clock_getcpuclockid(3) does the same). It costs a microsecond.
    """
    try:
        return time.clock_gettime_ns((~pid << 3) | 2) / 1e9
    except OSError:
        return _cpu_s_from_stat(pid)  # Gone, or a sandbox around us that filters the call.


def _cpu_s_from_stat(pid: int) -> float | None:
    fields = stat(pid)
    return None if fields is None else (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def children_cpu_s(pid: int) -> float | None:
    """Read the CPU seconds of its children that have ended and were waited for; in ticks."""
    fields = stat(pid)
    return None if fields is None else (int(fields[13]) + int(fields[14])) / _TICKS_PER_S


def stat(pid: int) -> list[str] | None:
    """Read /proc/PID/stat from the state on (field 3 of proc(5) is index 0); None if gone."""
    try:
        text = files.read(f"/proc/{pid}/stat")
    except OSError:
        return None
    # The name may hold blanks and brackets: what counts is after the last one.
    return text[text.rindex(")") + 2 :].split()


def memory_peak_bytes(pid: int) -> int | None:
    """Read the most memory a process was mapped to (VmHWM), shared pages included."""
    return _status_bytes(pid, "VmHWM")


def memory_resident_bytes(pid: int) -> int | None:
    """Read what a process is mapped to, shared pages included: an upper bound, and cheap."""
    try:
        return int(files.read(f"/proc/{pid}/statm").split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):
        return None


def memory_held_bytes(pid: int) -> int | None:
    """Read what a process holds: its own pages, and its share of those it shares.

    Only data counts (anonymous and shared memory, and what is swapped out), not the program.
    This walks the page tables: a millisecond for some hundred megabytes.
    """
    try:
        text = files.read(f"/proc/{pid}/smaps_rollup")
    except OSError:
        # Another user's process, or one that made itself unreadable: the upper bound then.
        return memory_resident_bytes(pid)
    kilobytes = {
        key: int(value.split()[0])
        for key, _, value in (line.partition(":") for line in text.splitlines()[1:])
        if value.split()
    }
    if "Pss_Anon" not in kilobytes:  # Before Linux 5.9.
        return kilobytes.get("Pss", 0) * 1024
    held = (kilobytes.get(key, 0) for key in ("Pss_Anon", "Pss_Shmem", "SwapPss"))
    return sum(held) * 1024


def _status_bytes(pid: int, name: str) -> int | None:
    try:
        text = files.read(f"/proc/{pid}/status")
    except OSError:
        return None
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0]) * 1024
    return None  # A zombie has no memory.


def tree(pid: int, *, apart: Container[int] = ()) -> dict[int, int]:
    """List a process and its descendants, with the number of threads of each.

    ``apart``: descendants that count for themselves, with all that comes from them.

    >>> list(tree(os.getpid()))[0] == os.getpid()
    True
    """
    found: dict[int, int] = {}
    todo = [pid]
    while todo and len(found) < TREE_PROCESSES_MAX:
        parent = todo.pop()
        threads = _threads(parent)
        if parent in found or not threads or (parent != pid and parent in apart):
            continue
        found[parent] = len(threads)
        for thread in threads:
            todo += _children(parent, thread)
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def _children(pid: int, thread: str) -> list[int]:
    try:
        return [
            int(child) for child in files.read_all(f"/proc/{pid}/task/{thread}/children").split()
        ]
    except OSError:
        return []


def can_list_children() -> bool:
    """Say whether this kernel tells a process's children (CONFIG_PROC_CHILDREN)."""
    return os.path.exists("/proc/self/task/self/children") or os.path.exists(
        f"/proc/{os.getpid()}/task/{os.getpid()}/children"
    )
