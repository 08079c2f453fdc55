"""One instance whose runtime is a process of its own: starts it, gives it calls, ends it."""

import asyncio
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tapwater.clouds.aws.api import running
from tapwater.clouds.aws.api.calls import CurrentCall
from tapwater.clouds.aws.api.connection import Connection
from tapwater.clouds.aws.api.desk import RuntimeDesk
from tapwater.clouds.aws.api.extending import Extensions
from tapwater.clouds.aws.api.processes import Output, Processes
from tapwater.clouds.aws.faults import Fault
from tapwater.clouds.aws.said import Lines
from tapwater.runtime import streams
from tapwater.runtime.call import Call, CallerGone
from tapwater.runtime.failing import pack_fail
from tapwater.runtime.link import BlockingLink
from tapwater.runtime.logs import SINK
from tapwater.runtime.logs import connect as connect_logs
from tapwater.runtime.looped import LoopLink, open_link
from tapwater.runtime.wire import Level

PORT = 9001  # As Lambda has it; the instances of a function share a network, so only one gets it.
EARLY_LINES_MAX = 1000
_PRINTED = Level.INFO | 0x10  # as what is printed is marked, see wire.Kind.LOG
_GOODBYE_S = 0.3  # The host waits half a second before it kills.


class Conductor:
    """Made in the zygote, run in an instance."""

    def __init__(self, foreign: Mapping[str, Any], *, task: str, layer: str) -> None:
        self._foreign, self._task, self._layer = foreign, task, layer

    def run(self, link: BlockingLink) -> None:
        """Serve until the host says stop."""
        asyncio.run(self._conduct(link))

    async def _conduct(self, link: BlockingLink) -> None:
        asyncio.get_running_loop().set_exception_handler(_crash)
        sock, decoder, waiting = link.hand_over()
        loop_link = open_link(sock, decoder, link.claims)
        connect_logs(loop_link)
        if link.stopping:
            loop_link.stop()
        runtime = Runtime(self._foreign, task=self._task, layer=self._layer, give_up=loop_link.stop)
        await runtime.open()
        loop_link.begin(runtime.serve, waiting)
        await loop_link.over
        await runtime.close()
        loop_link.close()


class Runtime:
    """The runtime's process and its work."""

    def __init__(
        self,
        foreign: Mapping[str, Any],
        *,
        task: str,
        layer: str,
        give_up: Callable[[], None],
    ) -> None:
        self._foreign, self._task, self._layer = foreign, task, layer
        self._give_up = give_up
        self._lines = Lines(foreign)
        self._processes = Processes()
        self._output = Output(self._printed)
        self._pid = 0  # of the bootstrap; 0: it does not run
        self._fault: Fault | None = None  # why it does not
        self._started = 0.0
        self._calls: set[asyncio.Task[None]] = set()
        self._last: CurrentCall | None = None
        self._first: CurrentCall | None = None  # waits for the runtime to come up
        self._early: list[str] = []  # printed before that
        about = {
            "functionName": str(foreign.get("name", "")),
            "functionVersion": str(foreign.get("version", "$LATEST")),
            "handler": str(foreign.get("handler", "")),
            "accountId": str(foreign.get("account", "")),
        }
        self._extensions = Extensions(about)
        self._desk = RuntimeDesk(
            extensions=self._extensions,
            peak_bytes=self._peak_bytes,
            before_end=self._output.drain,
            ready=self._ready,
        )
        self._server: asyncio.Server | None = None
        self._environment: dict[str, str] = {}

    async def open(self) -> None:
        """Listen, and start what is to be started."""
        loop = asyncio.get_running_loop()
        sock = _listening()
        self._server = await loop.create_server(lambda: Connection(self._desk), sock=sock)
        port = sock.getsockname()[1]
        self._environment = running.surroundings(self._foreign, address=f"127.0.0.1:{port}")
        self._start_extensions()
        if not self._extensions.expected:
            self._start()

    def serve(self, call: Call) -> None:
        """Work on a call."""
        task = asyncio.get_running_loop().create_task(self._serve(call))
        self._calls.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.result()  # What it raises ends the process: see _crash().

    async def close(self) -> None:
        """Say goodbye to extensions, end everything."""
        if self._extensions.any:
            self._extensions.shut_down(left_ms=int(_GOODBYE_S * 1000))
            self._processes.signal(signal.SIGTERM)
            await self._wait_gone()
        self._processes.signal(signal.SIGKILL)
        if self._server is not None:
            self._server.close()
        self._output.finish()
        SINK.send(_PRINTED, self._early, None)

    async def _wait_gone(self) -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + _GOODBYE_S
        while self._processes.running and loop.time() < until:
            gone = self._processes.wait_end()
            try:
                async with asyncio.timeout_at(until):
                    await gone
            except TimeoutError:
                return

    async def _serve(self, call: Call) -> None:
        current = self._last = CurrentCall(call, self._foreign, self._lines)
        early, self._early = self._early, []
        SINK.send(_PRINTED, early, call)
        if call.number == 1 and not self._desk.asked_once:
            self._first = current
            current.comes_up()
        try:
            current.body = await streams.whole_body_async(call)
        except CallerGone as gone:
            call.ended = True
            call.link.send(pack_fail(call.number, "cancelled", str(gone)))
            current.over = True
            self._forget(call)
            return
        await self._extensions.wait_ready()
        if not self._pid:
            self._start()
        self._desk.current = current
        self._fault = self._fault or self._extensions.fault
        if self._fault is not None:
            self._fail(current)
        else:
            self._desk.begin(current)

    def _start(self) -> None:
        """Start the runtime, or know why not."""
        self._fault, self._desk.init_fault, self._desk.asked_once = None, None, False
        self._started = time.perf_counter()
        try:
            command = running.command(
                self._foreign, self._environment, task=self._task, layer=self._layer
            )
            self._pid = self._processes.start(command, self._environment, self._output, self._ended)
        except Fault as fault:
            self._fault = fault
        except OSError as error:
            text = f"fork/exec {error.filename or self._task}: {str(error.strerror).lower()}"
            self._fault = Fault("InvalidEntrypoint", text)

    def _start_extensions(self) -> None:
        try:
            for path in running.extensions(self._layer):
                self._start_extension(path)
        except Fault as fault:
            self._extensions.fault = fault

    def _start_extension(self, path: str) -> None:
        name = os.path.basename(path)
        self._extensions.expect(name)
        ended = partial(self._extensions.ended, name)
        try:
            self._processes.start([path], self._environment, self._output, ended)
        except OSError as error:
            ended(Fault("", f"it cannot be started: {error.strerror}"))

    def _ended(self, fault: Fault) -> None:
        """The runtime's process has ended: so has the call it was working on."""
        self._pid, self._fault = 0, fault
        self._output.drain()
        current = self._desk.current
        if current is None or current.over:
            return
        if self._desk.asked_once and not current.delivered:
            self._start()  # It went after an earlier call; this one is not to blame.
        if self._fault is not None:
            self._fail(current)

    def _fail(self, current: CurrentCall) -> None:
        told = self._desk.init_fault
        self._desk.current = None
        if told is not None and not current.delivered:
            current.fail_as(json.dumps(told).encode(), told, 0)
        else:
            assert self._fault is not None
            current.fail(self._fault, 0)
        if self._extensions.fault is not None:
            self._give_up()  # Only another instance can have it running again.

    def _ready(self) -> None:
        """The runtime asks for its first call: it has come up."""
        self._lines.init_ms = (time.perf_counter() - self._started) * 1000
        first, self._first = self._first, None
        if first is not None:
            first.came_up()

    def _printed(self, line: str) -> None:
        """The runtime or an extension has written a line."""
        current = self._last
        if current is None and len(self._early) < EARLY_LINES_MAX:
            self._early.append(line)  # It comes up, for the first call.
            return
        call = current.call if current is not None and not current.call.ended else None
        SINK.send(_PRINTED, [line], call)

    def _peak_bytes(self) -> int:
        """The most memory the runtime has held."""
        try:
            with open(f"/proc/{self._pid}/status", encoding="ascii", errors="replace") as file:
                for line in file:
                    if line.startswith("VmHWM:"):
                        return int(line.split()[1]) * 1024
        except (OSError, ValueError):
            return 0
        return 0

    @staticmethod
    def _forget(call: Call) -> None:
        link: Any = call.link
        if isinstance(link, LoopLink):
            link.finished(call)


def _crash(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """A bug of ours: the call must not hang, so the process ends and says why."""
    print(f"tapwater: {context.get('message', '')}", file=sys.stderr)
    error = context.get("exception")
    if error is not None:
        traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(os.EX_SOFTWARE)


def _listening() -> socket.socket:
    for port in (PORT, 0):
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen()
        except OSError:
            sock.close()
            if port == 0:
                raise
            continue
        return sock
    raise AssertionError("port 0 is always free, or raises")
