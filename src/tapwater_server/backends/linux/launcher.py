"""The base zygotes, one per interpreter: started, asked to fork function zygotes, ended."""

import asyncio
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tapwater
from tapwater_server.backends.linux.line import Line
from tapwater_server.backends.linux.process import Process
from tapwater_server.model.errors import StartFailed

GUEST = str(Path(tapwater.__file__).parent)
END_S_MAX = 5.0
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[2]); "
    "from tapwater.runtime.zygote import main; main(int(sys.argv[1]), int(sys.argv[3]))"
)
# Nothing of the platform's own environment, where secrets may be.
_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class BaseZygote:
    """One interpreter's base zygote. ``ended`` hears of its function zygotes' ends, by number."""

    def __init__(self, python: str) -> None:
        self.python = python
        ours, theirs = socket.socketpair()
        try:
            self._child = _start(python, theirs)
        except StartFailed:
            ours.close()
            raise
        self._process = Process(self._child.pid, os.pidfd_open(self._child.pid), ended=self._on_end)
        self._line = Line(ours, heard=self._heard, ended=lambda _: self._process.kill())
        self._line.trusting = False  # It never sends descriptors.
        self._opened: dict[int, asyncio.Future[None]] = {}
        self._ended: dict[int, Callable[[int], None]] = {}
        self._number = 0
        self._over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def alive(self) -> bool:
        return self._process.alive

    @property
    def pid(self) -> int:
        return self._process.pid

    def open(
        self, request: dict[str, Any], fds: list[int], ended: Callable[[int], None]
    ) -> asyncio.Future[None]:
        """Ask for a function zygote; the future is done once it is the base zygote's own child."""
        self._number += 1
        opened = asyncio.get_running_loop().create_future()
        self._opened[self._number] = opened
        self._ended[self._number] = ended
        self._line.send({"open": self._number, **request}, fds)
        return opened

    async def close(self) -> None:
        """End it, and with it all that ever came out of it; wait until they are gone."""
        self._line.close()
        try:
            async with asyncio.timeout(END_S_MAX):
                await asyncio.shield(self._over)
        except TimeoutError:
            self._process.kill()  # Its children are told by the kernel (PR_SET_PDEATHSIG).
            await self._over

    def _heard(self, message: dict[str, Any]) -> None:
        if "opened" in message:
            opened = self._opened.pop(message["opened"])
            if not opened.done():
                opened.set_result(None)
        elif "failed" in message:
            self._ended.pop(message["failed"])
            self._opened.pop(message["failed"]).set_exception(StartFailed(message["why"]))
        elif "ended" in message:
            self._opened.pop(message["ended"], None)
            self._ended.pop(message["ended"])(message["status"])

    def _on_end(self) -> None:
        self._child.wait()
        self._process.forget()
        self._line.close()
        for opened in self._opened.values():
            if not opened.done():
                opened.set_exception(StartFailed(f"the base zygote of {self.python} has ended"))
        self._opened.clear()
        self._over.set_result(None)


def _start(python: str, theirs: socket.socket) -> subprocess.Popen[bytes]:
    command = [python, "-I", "-S", "-c", _BOOT]
    arguments = [str(theirs.fileno()), str(Path(GUEST).parent), str(os.getpid())]
    with theirs:
        try:
            return subprocess.Popen(
                command + arguments,
                stdin=subprocess.DEVNULL,
                stdout=2,
                pass_fds=[theirs.fileno()],
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
        except OSError as error:
            raise StartFailed(f"the interpreter {python} cannot be started: {error}") from error
