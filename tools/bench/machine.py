"""What this machine is, for the head of the table, and what processes use of it."""

import os
import platform
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the numbers come from."""

    cpu: str
    cores: int
    memory_gb: int
    kernel: str
    python: str
    load: str  # the average of the last minute before the run
    wrk: str


def describe() -> Machine:
    """Look around."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(pages / 2**30),
        kernel=platform.release(),
        python=platform.python_version(),
        load=f"{os.getloadavg()[0]:.2f}",
        wrk=version_of("wrk", "-v"),
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def version_of(*command: str) -> str:
    """Ask a program for its version; the first line it says."""
    try:
        said = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "absent"
    return (said.stdout or said.stderr).strip().partition("\n")[0].partition(" [")[0]


def tree(pid: int) -> list[int]:
    """Give a process and all below it that live now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # It has gone meanwhile.
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, look = [], [pid]
    while look:
        found.append(look.pop())
        look += children.get(found[-1], [])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Of a tree of processes: pages counted per process, shared out, and owned alone."""

    rss: int
    pss: int
    own: int
    processes: int


def memory(pid: int) -> Memory:
    """Add up the memory of a process and all below it. Needs the right to look at them."""
    totals = {"Rss": 0, "Pss": 0, "Private_Clean": 0, "Private_Dirty": 0}
    count = 0
    for each in tree(pid):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        count += 1
        for line in text.splitlines()[1:]:
            name, _, value = line.partition(":")
            if name in totals:
                totals[name] += int(value.split()[0]) * 1024
    own = totals["Private_Clean"] + totals["Private_Dirty"]
    return Memory(rss=totals["Rss"], pss=totals["Pss"], own=own, processes=count)
