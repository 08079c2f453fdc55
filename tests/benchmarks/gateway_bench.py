"""The door's own cost: wrk against it with an invoker that answers at once, beside a bare protocol.

Run: python -m tests.benchmarks.gateway_bench [rounds]. Needs wrk. Prints rates and their ratio.
"""

import asyncio
import multiprocessing
import re
import statistics
import subprocess
import sys
from multiprocessing.connection import Connection as Pipe
from typing import cast

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


def _measure(port: int, *, seconds: int, connections: int) -> float:
    said = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}", f"http://127.0.0.1:{port}/hello"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"Requests/sec:\s+([0-9.]+)", said)
    assert found is not None, said
    assert "Non-2xx" not in said, said
    return float(found[1])


def main(rounds: int, *, connections: int = 32, seconds: int = 2) -> None:
    """Measure both in turn, and print the medians and their ratio."""
    rates: dict[str, list[float]] = {"bare": [], "gateway": []}
    with _both() as ports:
        for which in rates:
            _measure(ports[which], seconds=1, connections=connections)
        for _ in range(rounds):
            for which, seen in rates.items():
                seen.append(_measure(ports[which], seconds=seconds, connections=connections))
    medians = {which: statistics.median(seen) for which, seen in rates.items()}
    for which, median in medians.items():
        print(f"{which:8} {median:9.0f} requests/s   {1e6 / median:6.2f} us each")
    print(f"ratio    {medians['gateway'] / medians['bare']:9.2f}")


class _both:
    """Both servers, each in a process of its own."""

    def __enter__(self) -> dict[str, int]:
        self._processes: list[multiprocessing.Process] = []
        ports = {}
        for which in ("bare", "gateway"):
            ours, theirs = multiprocessing.Pipe()
            process = multiprocessing.Process(target=_serve, args=(which, theirs), daemon=True)
            process.start()
            self._processes.append(process)
            ports[which] = ours.recv()
        return ports

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.terminate()
            process.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
