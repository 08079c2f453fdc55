"""Documents over HTTP: reads, writes, and one change told to many subscribers."""

import asyncio
import json
import time

from tests.functional.running import Platform
from tools.bench import ours
from tools.bench.results import median, quantile

APP = "bench"
ROUNDS = 10
WRITERS = 32
_OPENING_MAX = 50  # Connections opened at one moment.
_WAIT_S_MAX = 60.0
_BODY = b'{"name": "Ann", "age": 7}'
ROWS = {
    "read_ms": "GET of a document, 1 connection, ms (p50)",
    "write_ms": "PUT of a document, 1 connection, ms (p50)",
    "writes_32": f"PUTs/s, {WRITERS} connections",
    "fan_first_ms": "change to the first subscriber, ms (median)",
    "fan_last_ms": "change to the last subscriber, ms (median)",
}


class _Client:
    """One kept connection on a raw socket: the client must cost little beside the server."""

    def __init__(self, running: Platform) -> None:
        self._port = running.port
        self._head = f"host: 127.0.0.1\r\nauthorization: Bearer {running.token}\r\n"

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)

    def close(self) -> None:
        self.writer.close()

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        head = f"{method} /_/api/v1/apps/{APP}/docs/{path} HTTP/1.1\r\n{self._head}"
        self.writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    async def ask(self, method: str, path: str, body: bytes = b"") -> float:
        """Ask and read the answer; give milliseconds."""
        began = time.perf_counter()
        self.send(method, path, body)
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        await self.reader.readexactly(size)
        return (time.perf_counter() - began) * 1e3


def measure(*, listeners: int, calls: int) -> dict[str, float]:
    """Start a platform and take the times."""
    print(f"bench: documents over HTTP, {listeners} subscribers", flush=True)
    with ours.platform() as running:
        ours.deploy(running, ours.HELLO_APP, APP)
        return asyncio.run(_measure(running, listeners, calls))


async def _measure(running: Platform, listeners: int, calls: int) -> dict[str, float]:
    client = _Client(running)
    await client.open()
    writes = [await client.ask("PUT", "users/1", _BODY) for _ in range(calls)]
    reads = [await client.ask("GET", "users/1") for _ in range(calls)]
    together = await _together(running, calls * 8)
    first, last = await _fan_out(running, client, listeners)
    client.close()
    return {
        "write_ms": quantile(writes, 0.5),
        "read_ms": quantile(reads, 0.5),
        "writes_32": together,
        "fan_first_ms": first,
        "fan_last_ms": last,
    }


async def _together(running: Platform, calls: int) -> float:
    async def write(number: int) -> None:
        client = _Client(running)
        await client.open()
        for _ in range(calls // WRITERS):
            await client.ask("PUT", f"users/w{number}", _BODY)
        client.close()

    began = time.perf_counter()
    await asyncio.gather(*(write(number) for number in range(WRITERS)))
    return calls / (time.perf_counter() - began)


async def _fan_out(running: Platform, client: _Client, listeners: int) -> tuple[float, float]:
    heard: asyncio.Queue[float] = asyncio.Queue()
    opening = asyncio.Semaphore(_OPENING_MAX)
    tasks = [asyncio.create_task(_listen(running, opening, heard)) for _ in range(listeners)]
    try:
        await _all_heard(heard, listeners)  # Each has its snapshot.
        firsts, lasts = [], []
        for number in range(ROUNDS):
            began = time.perf_counter()
            await client.ask("PUT", "users/1", json.dumps({"age": number}).encode())
            times = await _all_heard(heard, listeners)
            firsts.append((min(times) - began) * 1e3)
            lasts.append((max(times) - began) * 1e3)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return median(firsts), median(lasts)


async def _all_heard(heard: "asyncio.Queue[float]", listeners: int) -> list[float]:
    async with asyncio.timeout(_WAIT_S_MAX):
        return [await heard.get() for _ in range(listeners)]


async def _listen(
    running: Platform, opening: asyncio.Semaphore, heard: "asyncio.Queue[float]"
) -> None:
    """Follow one document, as server-sent events."""
    client = _Client(running)
    async with opening:
        await client.open()
        client.send("GET", "users/1?subscribe=true")
    try:
        while line := await client.reader.readline():
            if line.startswith(b"data: ") and b'"type":"alive"' not in line:
                heard.put_nowait(time.perf_counter())
    finally:
        client.close()
