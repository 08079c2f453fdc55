"""The processes of one instance: the runtime's bootstrap, and extensions beside it."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence

from tapwater.clouds.aws.faults import Fault, exit_fault, signal_fault

_READ_BYTES = 64 << 10
_LINE_BYTES_MAX = 16 << 10


class Output:
    """What a process prints, line by line, on the loop."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told = told
        self._fd, self.end = os.pipe()
        os.set_blocking(self._fd, False)
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self.drain)

    def drain(self) -> None:
        """Take what is there."""
        while True:
            try:
                data = os.read(self._fd, _READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(self._fd)
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            if len(self._rest) > _LINE_BYTES_MAX:
                lines.append(self._rest)
                self._rest = b""
            for line in lines:
                self._told(line.decode("utf-8", "replace"))

    def finish(self) -> None:
        """Take the line that has no end, too."""
        self.drain()
        if self._rest:
            self._told(self._rest.decode("utf-8", "replace"))
            self._rest = b""


class Processes:
    """Starts them, hears of their ends, ends them."""

    def __init__(self) -> None:
        self._ended: dict[int, Callable[[Fault], None]] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._loop = asyncio.get_running_loop()
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)

    def start(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: Output,
        ended: Callable[[Fault], None],
    ) -> int:
        """Start one, in a process group of its own.

        Raises:
            OSError: it cannot be run.
        """
        pid = os.posix_spawn(
            command[0],
            list(command),
            dict(environment),
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output.end, 1),
                (os.POSIX_SPAWN_DUP2, output.end, 2),
            ],
            setpgroup=0,
            setsigmask=(),
            setsigdef=(signal.SIGPIPE, signal.SIGURG, signal.SIGCHLD, signal.SIGINT),
        )
        self._ended[pid] = ended
        return pid

    def signal(self, number: signal.Signals) -> None:
        """Send all of them a signal, with what they have started."""
        for pid in self._ended:
            with contextlib.suppress(OSError):
                os.killpg(pid, number)

    def wait_end(self) -> "asyncio.Future[None]":
        """Give what is done when the next one ends."""
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append(waiting)
        return waiting

    @property
    def running(self) -> int:
        """How many there are."""
        return len(self._ended)

    def _reap(self) -> None:
        """Hear of who has ended; orphans of theirs end here too, where we are the first process."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            ended = self._ended.pop(pid, None)
            if ended is not None:
                ended(_fault(os.waitstatus_to_exitcode(status)))
                self._tell()

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)


def _fault(code: int) -> Fault:
    """Say how a process ended.

    >>> _fault(-9).message
    'Runtime exited with error: signal: killed'
    """
    if code >= 0:
        return exit_fault(code)
    return signal_fault((signal.strsignal(-code) or str(-code)).lower())
