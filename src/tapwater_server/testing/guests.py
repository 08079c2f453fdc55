"""Guests that play a script: one end of a real socket, no process, any behaviour."""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping
from typing import Any

from tapwater.runtime import wire
from tapwater.runtime.claims import Claims
from tapwater.runtime.wire import Frame, Kind
from tapwater_server.model.errors import StartFailed
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.sandbox import Death, Died, Image, Layer

Script = Callable[["ScriptedGuest", Frame], None]

_READ_BYTES = 1 << 20


class ScriptedGuest:
    """Hears frames, and does what its script says. Keeps ``Guest``."""

    def __init__(self, *, pid: int, script: Script, reads: bool = True) -> None:
        ours, theirs = socket.socketpair()
        self.pid = pid
        self.socket_fd = ours.detach()
        self.output_fd = -1
        self.script = script
        self.heard: list[Frame] = []
        self.used_s = 0.0
        self.peak_bytes = 10 << 20
        self.frozen = False
        self.died: Died | None = None
        self.claims = Claims()  # of calls that come ahead; the pipe comes with the first frame
        self._told: Callable[[Died], None] | None = None
        self._sock: socket.socket | None = theirs
        self._unsent = b""
        self._decoder = wire.Decoder()
        theirs.setblocking(False)
        if reads:
            asyncio.get_running_loop().add_reader(theirs.fileno(), self._read)

    def say(self, frames: bytes) -> None:
        """Send bytes to the host, as fast as it reads."""
        if self._sock is not None:
            self._unsent += frames
            self._write()

    def answer(self, call: int, body: bytes = b"fine", *, status: int = 200) -> None:
        """Send a whole answer."""
        self.say(
            wire.pack_result(call, status, [(b"content-type", b"text/plain")], body, more=False)
        )

    def die(self, died: Died) -> None:
        """The process ends."""
        if self.died is None:
            self.died = died
            self.hang_up()
            if self._told is not None:
                asyncio.get_running_loop().call_soon(self._told, died)

    def hang_up(self) -> None:
        """Close the socket, but live on."""
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())
            asyncio.get_running_loop().remove_writer(self._sock.fileno())
            self._sock.close()
            self._sock = None
            for fd in self.claims.fds:
                os.close(fd)
            self.claims.fds = ()

    def deafen(self) -> None:
        """Read no more."""
        if self._sock is not None:
            asyncio.get_running_loop().remove_reader(self._sock.fileno())

    def when_died(self, told: Callable[[Died], None]) -> None:
        """Whom to tell."""
        self._told = told
        if self.died is not None:
            told(self.died)

    def kill(self) -> None:
        """End it."""
        self.die(Died(death=Death.KILLED, detail=9))

    def nudge(self) -> None:
        """Nobody sleeps here."""

    def freeze(self) -> None:
        """Stop it."""
        self.frozen = True

    def thaw(self) -> None:
        """Let it go on."""
        self.frozen = False

    def cpu_s(self) -> float:
        """What the script says it used."""
        return self.used_s

    def memory_peak_bytes(self) -> int:
        """What the script says it held."""
        return self.peak_bytes

    def memory_now_bytes(self) -> int:
        """The same."""
        return self.peak_bytes

    def _write(self) -> None:
        assert self._sock is not None
        loop = asyncio.get_running_loop()
        try:
            self._unsent = self._unsent[self._sock.send(self._unsent) :]
        except BlockingIOError:
            pass
        except OSError:  # The host has hung up: reading will say so too.
            self._unsent = b""
        if self._unsent:
            loop.add_writer(self._sock.fileno(), self._write)
        else:
            loop.remove_writer(self._sock.fileno())

    def _read(self) -> None:
        assert self._sock is not None
        try:
            data, fds, _, _ = socket.recv_fds(self._sock, _READ_BYTES, 2)
            self.claims.fds = tuple(fds) or self.claims.fds
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self.die(Died(death=Death.EXITED))
            return
        for frame in self._decoder.feed(data):
            self.heard.append(frame)
            if frame.kind == Kind.AHEAD:
                continue
            if frame.kind == Kind.STOP:
                self.die(Died(death=Death.EXITED))
                return
            self.script(self, frame)


class ScriptedZygote:
    """Forks scripted guests. Keeps ``Zygote``."""

    def __init__(self, sandbox: "ScriptedSandbox", image: Image) -> None:
        self.image = image
        self.manifest: Mapping[str, Any] = dict(sandbox.manifest)
        self.warnings: tuple[str, ...] = ()
        self.closed = False
        self.size_bytes = 4 << 20
        self.printed = sandbox.printed
        self._sandbox = sandbox
        self._told: Callable[[Died], None] | None = None

    def said(self) -> str:
        """What the test says it printed."""
        return self.printed

    def memory_bytes(self) -> int:
        """What it holds."""
        return self.size_bytes

    def when_died(self, told: Callable[[Died], None]) -> None:
        """Whom to tell."""
        self._told = told

    def die(self) -> None:
        """Its process ends."""
        self.closed = True
        if self._told is not None:
            self._told(Died(death=Death.SIGNALLED, detail=9))

    async def fork(self, limits: FunctionLimits) -> ScriptedGuest:
        """Make a guest, after the sandbox's ``wait_fork``."""
        await self._sandbox.wait_fork()
        if self.closed:
            raise StartFailed("the zygote is gone")
        guest = ScriptedGuest(pid=100_000 + len(self._sandbox.guests), script=self._sandbox.script)
        self._sandbox.guests.append(guest)
        return guest

    async def close(self) -> None:
        """No more forks."""
        self.closed = True


class ScriptedSandbox:
    """Keeps ``Sandbox``. Change ``script``, ``manifest`` and ``failure`` as the test wants."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.manifest: dict[str, Any] = {"kind": "restful", "threads": [], "connections": 0}
        self.printed = ""  # what modules print while they are imported
        self.failure = ""  # what open() fails with
        self.failure_by_function = False  # whether that is its module's doing
        self.opened: list[ScriptedZygote] = []
        self.guests: list[ScriptedGuest] = []
        self.fork_gate: asyncio.Event | None = None  # forks wait for it

    async def open(self, image: Image) -> ScriptedZygote:
        """Make a zygote, or fail."""
        if self.failure:
            raise StartFailed(self.failure, by_function=self.failure_by_function)
        zygote = ScriptedZygote(self, image)
        self.opened.append(zygote)
        return zygote

    async def wait_fork(self) -> None:
        """Return when a fork may go on."""
        if self.fork_gate is not None:
            await self.fork_gate.wait()

    def layers(self) -> tuple[Layer, ...]:
        """There is none."""
        return ()

    def alive(self) -> list[ScriptedGuest]:
        """The guests that live."""
        return [guest for guest in self.guests if guest.died is None]

    async def close(self) -> None:
        """End all guests; close the ends that nobody took over."""
        for guest in self.guests:
            guest.kill()


def echo(guest: ScriptedGuest, frame: Frame) -> None:
    """Answer each call with its own body."""
    if frame.kind == Kind.INVOKE:
        guest.answer(frame.call, bytes(wire.read_invoke(frame.payload).body))


def silent(guest: ScriptedGuest, frame: Frame) -> None:
    """Hear everything, say nothing."""
