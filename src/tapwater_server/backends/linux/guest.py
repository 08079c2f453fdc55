"""One instance's process, from the platform's side."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable

from tapwater_server.backends.linux import usage
from tapwater_server.backends.linux.group import Group
from tapwater_server.backends.linux.process import Exit, Process, read_status
from tapwater_server.ports.sandbox import Death, Died

REPORT_S_MAX = 0.25  # How long a zygote may take to say how its child ended.


class LinuxGuest:
    """A forked, confined instance. Made by ``LinuxZygote.fork()`` only."""

    def __init__(
        self,
        *,
        pid: int,
        pidfd: int,
        sock: socket.socket,
        output_fd: int,
        group: Group,
        alone: bool,
        gone: Callable[["LinuxGuest"], None],
    ) -> None:
        self._process = Process(pid, pidfd, ended=self._on_end)
        self._socket_fd = sock.detach()
        self._output_fd = output_fd
        self._group = group
        self._alone = alone  # It has no process namespace: the group must find its children.
        self._gone = gone
        self._told: list[Callable[[Died], None]] = []
        self._died: Died | None = None
        self._killed = self._frozen = False
        self._report: Exit | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._cpu_s = 0.0
        self._peak_bytes = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def socket_fd(self) -> int:
        return self._socket_fd

    @property
    def output_fd(self) -> int:
        return self._output_fd

    def when_died(self, told: Callable[[Died], None]) -> None:
        """Whom to tell; told at once if it has died already."""
        if self._died is not None:
            told(self._died)
        else:
            self._told.append(told)

    def kill(self) -> None:
        """End it and all its children, now. Does not wait."""
        if self._died is not None:
            return
        self.cpu_s()  # Of a dead process nobody may be able to tell.
        self._killed = self._killed or self._process.alive
        self._process.kill()
        if self._frozen or self._alone:
            self._group.kill()

    def nudge(self) -> None:
        """Make it look at its socket."""
        self._process.send(signal.SIGURG)

    def freeze(self) -> None:
        """Stop it from running."""
        if self._process.alive and not self._frozen:
            self._group.freeze()
            self._frozen = True

    def thaw(self) -> None:
        """Let it run again."""
        if self._process.alive and self._frozen:
            self._group.thaw()
            self._frozen = False

    def cpu_s(self) -> float:
        """CPU seconds so far: of the process by its clock, of ended children by the group."""
        if self._died is None:
            seen = self._group.cpu_s()
            if seen is None:
                seen = usage.cpu_s(self.pid)
            self._cpu_s = max(self._cpu_s, seen or 0.0)
        return self._cpu_s

    def memory_peak_bytes(self) -> int:
        """The most memory it has held."""
        if self._died is None:
            seen = self._group.memory_peak_bytes()
            if seen is None:
                seen = usage.memory_peak_bytes(self.pid)
            self._peak_bytes = max(self._peak_bytes, seen or 0)
        return self._peak_bytes

    def memory_now_bytes(self) -> int:
        """What it holds now."""
        if self._died is not None:
            return 0
        seen = self._group.memory_now_bytes()
        return seen if seen is not None else usage.memory_held_bytes(self.pid) or 0

    def reported(self, status: int) -> None:
        """Hear from its zygote how it ended. Hearsay: it only fills in a number."""
        self._report = read_status(status)
        if self._timer is not None:
            self._conclude()

    def _on_end(self) -> None:
        self.cpu_s()
        self.memory_peak_bytes()
        if self._report is not None or self._killed or self._group.oom_killed():
            self._conclude()
        else:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(REPORT_S_MAX, self._conclude)

    def _conclude(self) -> None:
        if self._died is not None:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._died = self._judge()
        self._process.forget()
        if self._alone:
            self._group.kill()
        self._group.remove()
        self._gone(self)
        told, self._told = self._told, []
        for tell in told:
            tell(self._died)

    def _judge(self) -> Died:
        if self._group.oom_killed():
            return Died(death=Death.OUT_OF_MEMORY, detail=9)
        if self._killed:
            return Died(death=Death.KILLED, detail=9)
        end = self._process.exit() or self._report or Exit()
        if end.signal:
            return Died(death=Death.SIGNALLED, detail=end.signal)
        return Died(death=Death.EXITED, detail=end.code)


def close_fds(*fds: int) -> None:
    """Close what is open of these."""
    for fd in fds:
        if fd >= 0:
            os.close(fd)
