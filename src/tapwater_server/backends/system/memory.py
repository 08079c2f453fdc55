"""How much memory this machine has, and has left."""

from collections.abc import Callable
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")


def memory_total_bytes() -> int:
    """Give the machine's memory."""
    return _field("MemTotal:")


def memory_available_bytes() -> int:
    """Give what could be taken without swapping, as the kernel estimates it."""
    return _field("MemAvailable:")


Available = Callable[[], int]


def _field(name: str) -> int:
    for line in _MEMINFO.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_MEMINFO} has no {name}")
