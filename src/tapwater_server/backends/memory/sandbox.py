"""The inline sandbox: real processes, no confinement. For tests; never for strangers' code.

Of the port's promises it keeps all but these: limits are not enforced (BOX-5), and BOX-2 holds for
sockets and pids only, since nothing hides the file system.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tapwater.runtime.channel import ChannelError, Messages, pack
from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import FunctionLimits
from tapwater_server.model.limits import FORK_S_MAX, START_S_MAX
from tapwater_server.ports.sandbox import Death, Died, Image, Layer

_MODULE = "tapwater_server.backends.memory.inline_zygote"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class InlineGuest:
    """One forked process. Keeps ``Guest``."""

    def __init__(self, *, pid: int, socket_fd: int, output_fd: int) -> None:
        self.pid = pid
        self.socket_fd = socket_fd
        self.output_fd = output_fd
        self._died: Died | None = None
        self._told: Callable[[Died], None] | None = None
        self._killed = False
        self._cpu_s = 0.0
        self._peak_bytes = 0

    def when_died(self, told: Callable[[Died], None]) -> None:
        """Whom to tell."""
        self._told = told
        if self._died is not None:
            told(self._died)

    def kill(self) -> None:
        """End it and what it started."""
        self._killed = True
        self._signal(signal.SIGKILL)

    def nudge(self) -> None:
        """Make it look at its socket."""
        self._signal(signal.SIGURG)

    def freeze(self) -> None:
        """Stop it from running."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it run again."""
        self._signal(signal.SIGCONT)

    def cpu_s(self) -> float:
        """Its own CPU clock, as the kernel has it."""
        if self._died is None:
            with contextlib.suppress(OSError):
                self._cpu_s = time.clock_gettime((~self.pid << 3) | 2)
        return self._cpu_s

    def memory_peak_bytes(self) -> int:
        """The most it has held, shared pages counted."""
        with contextlib.suppress(OSError, ValueError):
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self._peak_bytes = int(line.split()[1]) * 1024
        return self._peak_bytes

    def memory_now_bytes(self) -> int:
        """What it holds, pages shared with files not counted."""
        try:
            fields = Path(f"/proc/{self.pid}/statm").read_text().split()
        except OSError:
            return 0
        return (int(fields[1]) - int(fields[2])) * _PAGE_BYTES

    def end(self, status: int) -> None:
        """Its parent has reaped it."""
        if os.WIFSIGNALED(status):
            death = Death.KILLED if self._killed else Death.SIGNALLED
            self._died = Died(death=death, detail=os.WTERMSIG(status))
        else:
            self._died = Died(death=Death.EXITED, detail=os.WEXITSTATUS(status))
        if self._told is not None:
            self._told(self._died)

    def _signal(self, number: signal.Signals) -> None:
        if self._died is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)


class InlineZygote(asyncio.Protocol):
    """Our end of one zygote process. Keeps ``Zygote``."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.manifest: Mapping[str, Any] = {}
        self.warnings = ("inline: not confined",)
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._messages = Messages()
        self._sock: socket.socket | None = None
        self._transport: asyncio.BaseTransport | None = None
        self._forks: dict[int, asyncio.Future[int]] = {}
        self._guests: dict[int, InlineGuest] = {}
        self._early: dict[int, int] = {}
        self._told: Callable[[Died], None] | None = None
        self._closed = False

    def said(self) -> str:
        """Nothing: it prints where we do."""
        return ""

    def memory_bytes(self) -> int:
        """What its process holds."""
        try:
            fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        except OSError:
            return 0
        return (int(fields[1]) - int(fields[2])) * _PAGE_BYTES

    def when_died(self, told: Callable[[Died], None]) -> None:
        """Whom to tell."""
        self._told = told

    async def fork(self, limits: FunctionLimits) -> InlineGuest:
        """Make an instance. The limits are noted by nobody here."""
        if self._closed or self._sock is None:
            raise StartFailed("the zygote is gone")
        ours, theirs = socket.socketpair()
        output_fd, output_end = os.pipe()
        id = len(self._forks) + 1
        while id in self._forks:
            id += 1
        forked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._forks[id] = forked
        try:
            message = pack({"fork": id, "fds": 2})
            socket.send_fds(self._sock, [message], [theirs.fileno(), output_end])
            async with asyncio.timeout(FORK_S_MAX):
                pid = await forked
        except BaseException as error:
            ours.close()
            os.close(output_fd)
            if isinstance(error, OSError | TimeoutError):
                raise StartFailed("the zygote did not fork") from error
            raise
        finally:
            self._forks.pop(id, None)
            theirs.close()
            os.close(output_end)
        guest = InlineGuest(pid=pid, socket_fd=ours.detach(), output_fd=output_fd)
        if pid in self._early:
            guest.end(self._early.pop(pid))
        else:
            self._guests[pid] = guest
        return guest

    async def close(self) -> None:
        """No more forks; the process stays to reap its children, then ends."""
        if not self._closed and self._sock is not None:
            self._closed = True
            with contextlib.suppress(OSError):
                self._sock.sendall(pack({"close": True}))

    async def end(self) -> None:
        """End it and all its children, and wait for that."""
        for guest in tuple(self._guests.values()):
            guest.kill()
        if self._transport is not None:
            await self.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(FORK_S_MAX):
                    await asyncio.shield(self.lost)
        self.process.kill()
        await asyncio.get_running_loop().run_in_executor(None, self.process.wait)
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The control channel is ours."""
        self._transport = transport
        self._sock = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))

    def data_received(self, data: bytes) -> None:
        """Messages from the process."""
        try:
            messages = self._messages.feed(data)
        except ChannelError:
            self.process.kill()
            return
        for message in messages:
            self._take(message)

    def connection_lost(self, exc: Exception | None) -> None:
        """The process has ended: its children with it."""
        assert self._sock is not None
        self._sock.close()
        self._sock = None
        self._transport = None
        if not self.ready.done():
            self.ready.set_exception(
                StartFailed("the module's process ended while importing it", by_function=True)
            )
        for forked in self._forks.values():
            if not forked.done():
                forked.set_exception(OSError("the zygote is gone"))
        for guest in tuple(self._guests.values()):
            guest.kill()
            guest.end(signal.SIGKILL)
        self._guests.clear()
        self.lost.set_result(None)
        if self._told is not None and not self._closed:
            self._told(Died(death=Death.EXITED))

    def _take(self, message: dict[str, Any]) -> None:
        if "ready" in message:
            self.manifest = message["ready"]
            self.ready.set_result(None)
        elif "failed" in message:
            self.ready.set_exception(StartFailed(message["failed"], by_function=True))
        elif "forked" in message:
            forked = self._forks.get(message["forked"])
            if forked is not None and not forked.done():
                forked.set_result(message["pid"])
        else:
            guest = self._guests.pop(message["died"], None)
            if guest is not None:
                guest.end(message["status"])
            else:
                self._early[message["died"]] = message["status"]


class InlineSandbox:
    """Opens inline zygotes. Keeps ``Sandbox`` as far as said above."""

    def __init__(self) -> None:
        self._zygotes: list[InlineZygote] = []

    async def open(self, image: Image) -> InlineZygote:
        """Start a process that imports the module.

        Raises:
            StartFailed: it did not come up; with its traceback.
        """
        ours, theirs = socket.socketpair()
        about = asdict(image)
        with theirs:
            process = subprocess.Popen(  # noqa: ASYNC220  Only for tests.
                [sys.executable, "-m", _MODULE, str(theirs.fileno()), json.dumps(about)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        zygote = InlineZygote(process)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: zygote, sock=ours)
        self._zygotes.append(zygote)
        try:
            async with asyncio.timeout(START_S_MAX):
                await asyncio.shield(zygote.ready)
        except (StartFailed, TimeoutError) as error:
            self._zygotes.remove(zygote)
            await zygote.end()
            if isinstance(error, StartFailed):
                raise
            raise StartFailed(f"the import took longer than {START_S_MAX:g} s") from error
        return zygote

    def layers(self) -> tuple[Layer, ...]:
        """There is none."""
        return (
            Layer(
                name="sandbox",
                present=False,
                detail="inline: plain processes",
                without="functions can do whatever the platform's user can",
            ),
        )

    async def close(self) -> None:
        """End all of them."""
        for zygote in self._zygotes:
            await zygote.end()
        self._zygotes.clear()
