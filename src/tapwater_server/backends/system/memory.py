"""How much memory this machine has, and has left."""

from pathlib import Path

from tapwater_server.model.errors import SettingsError

_MEMINFO = Path("/proc/meminfo")


def memory_total_bytes() -> int:
    """Give the machine's memory."""
    return _field("MemTotal:")


def memory_available_bytes() -> int:
    """Give what could be taken without swapping, as the kernel estimates it."""
    return _field("MemAvailable:")


def _field(name: str) -> int:
    for line in _MEMINFO.read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise SettingsError(f"{_MEMINFO} has no line {name} is /proc mounted?")
