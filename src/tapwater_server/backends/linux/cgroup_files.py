"""Reading and writing the small files of a cgroup, and ending what is in it."""

import errno
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

KILL_ROUNDS_MAX = 50  # A fork bomb of 64 processes is over after three.
WALK_FOLDERS_MAX = 20_000  # Hosts with more cgroups than this are swept in part.
_READ_BYTES_MAX = 64 << 10
STOP, CONT = signal.SIGSTOP, signal.SIGCONT


def write(path: str, text: str) -> None:
    """Write in one call, as cgroup files want it."""
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def read(path: str) -> str:
    """Read a small file whole."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(fd, _READ_BYTES_MAX).decode()
    finally:
        os.close(fd)


def read_all(path: str) -> str:
    """Read a file that may be long: cgroup.procs of a crowd."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        parts = [os.read(fd, _READ_BYTES_MAX)]
        while parts[-1]:
            parts.append(os.read(fd, _READ_BYTES_MAX))
    finally:
        os.close(fd)
    return b"".join(parts).decode()


def field(text: str, name: str) -> int | None:
    """Find ``name 17`` in the lines of a flat keyed file.

    >>> field("low 0\\noom_kill 2\\n", "oom_kill")
    2
    """
    for line in text.splitlines():
        key, _, value = line.partition(" ")
        if key == name:
            return int(value)
    return None


class Gauge:
    """A number in a file that is read often: the file stays open after the first look."""

    def __init__(self, path: str, *, pick: Callable[[str], int | None]) -> None:
        self._path = path
        self._pick = pick
        self._fd = -1
        self._last: int | None = None

    def value(self) -> int | None:
        """Read the number; the last one seen where the group has gone; None if there was none."""
        try:
            if self._fd < 0:
                self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self._last = self._pick(os.pread(self._fd, _READ_BYTES_MAX, 0).decode())
        except OSError:
            # The file does not exist on this kernel, or the group is gone: what was seen stands.
            return self._last
        return self._last

    def close(self) -> None:
        """Read a last time, so that later questions can be answered, and close the file."""
        self.value()
        if self._fd >= 0:
            os.close(self._fd)
        self._path, self._fd = "", -1


def whole(text: str) -> int | None:
    """Read a file that is one number; ``max`` is none."""
    text = text.strip()
    return int(text) if text.isdigit() else None


def kill_all(procs: str) -> bool:
    """SIGKILL everything listed in the file until a look finds nobody new; False if that never was.

    A process that was killed cannot fork any more, so each round leaves only children born
    during the round before it.
    """
    killed: set[int] = set()
    for _ in range(KILL_ROUNDS_MAX):
        fresh = set(pids(procs)) - killed
        if not fresh:
            return True
        for pid in fresh:
            send(pid, signal.SIGKILL)
        killed |= fresh
    return False


def pids(procs: str) -> list[int]:
    """List who is in; nobody, where the group has gone."""
    try:
        return [int(line) for line in read_all(procs).split() if line != "0"]
    except FileNotFoundError:
        return []
    except OSError as error:
        if error.errno in (errno.ENODEV, errno.EOPNOTSUPP):
            return []
        raise


def send(pid: int, number: signal.Signals) -> bool:
    """Send a signal; False if the process has gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def rmdir(folder: str) -> bool:
    """Remove a cgroup; False while it is still in use."""
    try:
        os.rmdir(folder)
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno in (errno.EBUSY, errno.ENOTEMPTY):
            return False
        raise
    return True


def find_folders(top: Path, name: str) -> Iterator[str]:
    """Find the folders called ``name`` anywhere below ``top``, not looking inside them."""
    seen = 0
    for folder, children, _ in os.walk(top):
        seen += len(children)
        if name in children:
            children.remove(name)
            yield f"{folder}/{name}"
        if seen > WALK_FOLDERS_MAX:
            return
