"""The door's own cost: wrk against it with an invoker that answers at once, beside a bare protocol.

Run: python -m tests.benchmarks.gateway_bench [rounds]. Needs wrk. Prints rates and their ratio.
"""

import asyncio
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import NamedTuple, cast

import httptools
import uvloop

from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.backends.memory.tokens import MemoryTokens
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.gateway.server import Gateway
from tapwater_server.gateway.settings import GatewaySettings
from tapwater_server.model.invocation import Ending, Invocation, Outcome, Usage
from tapwater_server.ports.invoker import Exchange, Resumed
from tapwater_server.testing.identities import ListedIdentities
from tests.functional.gateway.world import deploy, function, nothing_inside, revision

_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello"


class Bare(asyncio.Protocol):
    """The least that parses HTTP and answers."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's are, without saying so.
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        assert self._transport is not None
        self._transport.write(_ANSWER)


class Done:
    """A call that is over before anybody can do anything to it."""

    def feed(self, data: bytes, *, last: bool) -> bool:
        return True

    def send(self, message: str | bytes) -> bool:
        return True

    def when_writable(self, resumed: Resumed) -> None: ...

    def resume(self) -> None: ...

    def cancel(self, reason: str) -> None: ...


class AtOnce:
    """An invoker that answers before it returns."""

    def __init__(self) -> None:
        self._call = Done()
        self._outcome = Outcome(ending=Ending.OK, usage=Usage())

    def start(self, invocation: Invocation, exchange: Exchange) -> Done:
        exchange.answered(200, [(b"content-type", b"text/plain")], b"hello")
        exchange.ended(self._outcome)
        return self._call


class Server(NamedTuple):
    """A server under test."""

    port: int
    pid: int


async def _bare(told: Pipe) -> None:
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


async def _gateway(told: Pipe) -> None:
    registry, ids = MemoryRegistry(), SystemIds()
    await deploy(registry, revision(function("/hello", "GET")))
    gateway = Gateway(
        invoker=AtOnce(),
        registry=registry,
        tokens=MemoryTokens(ids=ids),
        identities=ListedIdentities(),
        clock=SystemClock(),
        ids=ids,
        internal=nothing_inside,
        public=lambda _: None,
        settings=GatewaySettings(port=0),
    )
    await gateway.start()
    told.send(gateway.addresses[0][1])
    await asyncio.Event().wait()


def _serve(which: str, told: Pipe) -> None:
    uvloop.run({"bare": _bare, "gateway": _gateway}[which](told))


class Measured(NamedTuple):
    """One run of wrk against one server."""

    rate: float  # requests a second
    user_us: float  # CPU of the server's process for each, in and outside the kernel
    system_us: float


def _measure(server: Server, *, seconds: int, connections: int) -> Measured:
    before = _cpu_s(server.pid)
    said = subprocess.run(
        [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{seconds}",
            f"http://127.0.0.1:{server.port}/hello",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    after = _cpu_s(server.pid)
    rate = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    count = re.search(r"(\d+) requests in", said)
    assert rate is not None, said
    assert count is not None, said
    assert "Non-2xx" not in said, said
    each = [(b - a) / int(count[1]) * 1e6 for a, b in zip(before, after, strict=True)]
    return Measured(float(rate[1]), *each)


def _cpu_s(pid: int) -> tuple[float, float]:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return int(fields[11]) / ticks, int(fields[12]) / ticks


def main(rounds: int, *, connections: int = 32, seconds: int = 2) -> None:
    """Measure both in turn, and print the medians and their ratio."""
    seen: dict[str, list[Measured]] = {"bare": [], "gateway": []}
    with _servers() as servers:
        for server in servers.values():
            _measure(server, seconds=1, connections=connections)
        for _ in range(rounds):
            for which, measured in seen.items():
                measured.append(_measure(servers[which], seconds=seconds, connections=connections))
    medians = {
        which: Measured(*map(statistics.median, zip(*measured, strict=True)))
        for which, measured in seen.items()
    }
    for which, (rate, user_us, system_us) in medians.items():
        print(f"{which:8} {rate:9.0f}/s   {user_us:6.2f} us user + {system_us:6.2f} us system each")
    bare, gateway = medians["bare"], medians["gateway"]
    cpu = (bare.user_us + bare.system_us) / (gateway.user_us + gateway.system_us)
    print(f"ratio    {gateway.rate / bare.rate:9.2f}     {cpu:6.2f} by CPU time")


@contextmanager
def _servers() -> Iterator[dict[str, Server]]:
    """Both servers, each in a process of its own."""
    processes: list[multiprocessing.Process] = []
    servers = {}
    try:
        for which in ("bare", "gateway"):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=_serve, args=(which, theirs), daemon=True)
            process.start()
            processes.append(process)
            assert process.pid is not None
            servers[which] = Server(ours.recv(), process.pid)
        yield servers
    finally:
        for process in processes:
            process.terminate()
            process.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
