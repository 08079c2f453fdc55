"""A process of a sandbox as the platform holds it: by a descriptor, not by a number."""

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
from collections.abc import Callable
from typing import NamedTuple

_PIDFD_GET_INFO = 0xC040FF0B  # _IOWR(0xFF, 11, 64 bytes); Linux 6.13, exit codes since 6.15
_INFO_EXIT = 1 << 3
_SIGNALS_FROM = 256 - 65
_INFO = struct.Struct("=QQ11Ii")


class Exit(NamedTuple):
    """How a process ended, as far as wait(2) tells."""

    code: int = -1  # -1: a signal, or unknown
    signal: int = 0


def read_status(status: int) -> Exit:
    """Read a status of wait(2).

    >>> read_status(0x0300), read_status(11)
    (Exit(code=3, signal=0), Exit(code=-1, signal=11))
    """
    if os.WIFEXITED(status):
        return Exit(os.WEXITSTATUS(status))
    if os.WIFSIGNALED(status):
        return Exit(signal=os.WTERMSIG(status))
    return Exit()


def read_kept_status(status: int) -> Exit:
    """Read a status as a zygote's keeper passes it on: 256 - n for a signal n.

    >>> read_kept_status(0xF500)
    Exit(code=-1, signal=11)
    """
    end = read_status(status)
    return Exit(signal=256 - end.code) if end.code > _SIGNALS_FROM else end


class Process:
    """Watches one process that is not our child. ``ended`` is called once, when all of it is over.

    For the first process of a process namespace that is after every other process of it is gone:
    the kernel waits for them before it lets the first one end.
    """

    def __init__(self, pid: int, pidfd: int, *, ended: Callable[[], None]) -> None:
        self.pid = pid
        self._pidfd = pidfd
        self._ended = ended
        self._loop = asyncio.get_running_loop()
        self.alive = True
        self._loop.add_reader(pidfd, self._on_end)

    def kill(self) -> None:
        """SIGKILL, unless it is over."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, unless it is over."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, number)

    def exit(self) -> Exit | None:
        """Ask the kernel how it ended; None where it does not tell (yet)."""
        if self._pidfd < 0:
            return None
        buffer = bytearray(64)
        struct.pack_into("=Q", buffer, 0, _INFO_EXIT)
        try:
            fcntl.ioctl(self._pidfd, _PIDFD_GET_INFO, buffer)
        except OSError:
            return None  # An older kernel, or nobody has waited for it yet.
        fields = _INFO.unpack_from(buffer)
        return read_status(fields[13]) if fields[0] & _INFO_EXIT else None

    def forget(self) -> None:
        """Close the descriptor."""
        if self._pidfd >= 0:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _on_end(self) -> None:
        self._loop.remove_reader(self._pidfd)
        self.alive = False
        self._ended()
