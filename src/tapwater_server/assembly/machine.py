"""What this machine gives: a budget of memory, cores, and a lock on the data directory."""

import fcntl
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tapwater_server.backends.system.memory import memory_total_bytes
from tapwater_server.model.errors import SettingsError

_MEMORY_SHARE = 0.75  # Of the machine, for instances, when the operator names no budget.


def memory_budget_bytes(wanted: int) -> int:
    """The operator's budget, or a share of the machine."""
    return wanted or int(memory_total_bytes() * _MEMORY_SHARE)


def cores() -> int:
    """Cores this process may run on."""
    return len(os.sched_getaffinity(0))


def make_private(folder: Path) -> None:
    """Make the data directory, for its owner only.

    Raises:
        SettingsError: it cannot be made or is somebody else's.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid != os.geteuid():
            raise SettingsError(f"{folder} belongs to another user: choose one with --data")
        folder.chmod(0o700)
    except OSError as error:
        raise SettingsError(f"the data directory {folder} cannot be used: {error}") from error


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold the data directory: two platforms on one would ruin it.

    Raises:
        SettingsError: another process holds it.
    """
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SettingsError(
                f"another Tapwater is already running on {folder}: stop it, or choose another "
                "directory with --data"
            ) from error
        yield


def raise_file_limit() -> None:
    """Take as many open files as this user may have: every connection and instance needs some."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
