"""A sandbox without a platform around it: functions as text, instances as sockets."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tapwater.runtime import wire
from tapwater_server.backends.linux.cgroup import Cgroups
from tapwater_server.backends.linux.egress import Egress
from tapwater_server.backends.linux.sandbox import LinuxSandbox
from tapwater_server.backends.system import SystemClock
from tapwater_server.model.function import FunctionLimits
from tapwater_server.ports.sandbox import Died, Guest, Image, Sandbox

ANSWER_S_MAX = 30.0
HELLO = "def get():\n    return {'hello': 'world'}\n"


@dataclass
class Answer:
    """How one call ended: with a result, a failure, or with the end of the instance."""

    kind: str  # "result", "fail", "gone"
    status: int = 0
    value: Any = None
    logs: list[str] = field(default_factory=list)


@asynccontextmanager
async def linux_sandbox(folder: Path, **options: Any) -> AsyncIterator[LinuxSandbox]:
    """Give a sandbox with real cgroups and egress, whoever we are; ends all of it."""
    clock = SystemClock()
    cgroups = Cgroups(owner=f"test-{os.getpid()}", clock=clock)
    task = asyncio.create_task(cgroups.run())
    egress = Egress(clock=clock)
    sandbox = LinuxSandbox(cgroups=cgroups, egress=egress, scratch=folder / "scratch", **options)
    try:
        yield sandbox
    finally:
        await sandbox.close()
        await egress.close()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        cgroups.close()


def write_code(folder: Path, text: str, *, name: str = "function.py") -> Path:
    """Write a function where any user may read it; give the folder."""
    code = folder / "code"
    code.mkdir(exist_ok=True)
    (code / name).write_text(text)
    return code


def image(code: Path, *, module: str = "function.py", **more: Any) -> Image:
    """Make an image with small limits."""
    values: dict[str, Any] = {
        "function": "app:function",
        "code": str(code),
        "layer": "",
        "python": sys.executable,
        "module": module,
        "limits": limits(),
    }
    return Image(**values | more)


def limits(**more: Any) -> FunctionLimits:
    """Give limits that a test reaches soon."""
    values = {"memory_bytes": 96 << 20, "tmp_bytes": 16 << 20, "pids_max": 24}
    return FunctionLimits(**values | more)


class Talk:
    """The platform's side of one instance, small."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest
        self._sock = socket.socket(fileno=guest.socket_fd)
        self._sock.setblocking(False)
        self._decoder = wire.Decoder()
        self._calls = 0
        self.frames: list[wire.Frame] = []
        self.died: asyncio.Future[Died] = asyncio.get_running_loop().create_future()
        self.deaths = 0
        guest.when_died(self._on_death)

    def _on_death(self, died: Died) -> None:
        self.deaths += 1
        if not self.died.done():
            self.died.set_result(died)

    async def call(self, path: str = "/", *, query: str = "") -> Answer:
        """Call with GET and wait for the end of the call, or of the instance."""
        self._calls += 1
        invoke = wire.Invoke(
            verb=wire.Verb.HTTP, more=False, timeout_s=0.0, depth=0, id=b"1", method=b"GET",
            path=path.encode(), root_path=b"", query=query.encode(), scheme=b"http", client=b"",
            params=b"", user=b"", trace=b"", headers=[], body=b"",
        )  # fmt: skip
        await self.send(wire.pack_invoke(self._calls, invoke))
        async with asyncio.timeout(ANSWER_S_MAX):
            return await self._answer(self._calls)

    async def send(self, data: bytes) -> None:
        """Send bytes; a guest that has gone is not an error here."""
        try:
            await asyncio.get_running_loop().sock_sendall(self._sock, data)
        except (BrokenPipeError, ConnectionResetError):
            return

    async def receive(self) -> bytes:
        """Take what the guest has sent; nothing: it has closed."""
        try:
            return await asyncio.get_running_loop().sock_recv(self._sock, 256 << 10)
        except ConnectionResetError:
            return b""

    async def _answer(self, call: int) -> Answer:
        logs: list[str] = []
        while True:
            data = await self.receive()
            if not data:
                return Answer("gone", logs=logs)
            for frame in self._decoder.feed(data):
                self.frames.append(frame)
                if frame.kind == wire.Kind.LOG:
                    logs.append(frame.payload[1:].decode(errors="replace"))
                elif frame.call == call and frame.kind == wire.Kind.FAIL:
                    return Answer("fail", value=json.loads(frame.payload), logs=logs)
                elif frame.call == call and frame.kind == wire.Kind.RESULT:
                    status, _, _, body = wire.read_result(frame.payload)
                    return Answer("result", status=status, value=_json(body), logs=logs)

    def output(self) -> str:
        """Give what it wrote past the wire so far."""
        parts = []
        while True:
            try:
                data = os.read(self.guest.output_fd, 65536)
            except BlockingIOError:
                break
            if not data:
                break
            parts.append(data)
        return b"".join(parts).decode(errors="replace")

    async def wait_died(self) -> Died:
        """Wait for its end."""
        async with asyncio.timeout(ANSWER_S_MAX):
            return await asyncio.shield(self.died)

    async def end(self) -> None:
        """Kill it and close what we hold."""
        self.guest.kill()
        await self.wait_died()
        self.close()

    def close(self) -> None:
        """Close what we hold."""
        self._sock.close()
        os.close(self.guest.output_fd)


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


async def call_once(sandbox: Sandbox, folder: Path, text: str, **more: Any) -> Answer:
    """Open, fork, call, end."""
    zygote = await sandbox.open(image(write_code(folder, text), **more))
    talk = Talk(await zygote.fork(limits()))
    answer = await talk.call()
    await talk.end()
    await zygote.close()
    return answer


def processes_of(pid: int) -> list[int]:
    """List a process and all that come from it, by the kernel's own lists."""
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        try:
            text = Path(f"/proc/{one}/task/{one}/children").read_text()
        except OSError:
            continue
        found.append(one)
        todo += [int(child) for child in text.split()]
    return found


def alive(pid: int) -> bool:
    """Say whether a process runs; one that is dead but not yet waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


async def wait_until(true: Callable[[], bool]) -> None:
    """Look again and again until it is true."""
    clock = SystemClock()
    async with asyncio.timeout(ANSWER_S_MAX):
        while not true():
            await clock.sleep(0.01)


def count_talks() -> int:
    """Count our sockets and pipes; files of cgroups are kept for the next one."""
    found = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{name}").startswith(("socket:", "pipe:"))
        except OSError:
            continue  # The listing's own.
    return found
