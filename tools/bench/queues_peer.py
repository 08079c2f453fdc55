"""Cloudflare Queues as they run on one's own machine: workerd, and the broker of miniflare."""

import json
import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from tools.bench import machine
from tools.bench.client import Connection
from tools.bench.peers import cache, install
from tools.bench.servers import CannotMeasure, Program, started

WAIT_S_MAX = 120.0
LOOK_S = 0.05
NAME = "workerd queues (miniflare's broker, in memory)"
# The broker hands out at most 100 messages at a time, whatever one asks for; a batch that is not
# full goes at once, not after its usual second.
_START = """\
import { Miniflare } from "miniflare";
const script = `
let told = 0;
export default {
  async fetch(request, env) {
    const path = new URL(request.url).pathname;
    if (path === "/") return new Response("Hello, world!\\\\n");
    if (path === "/told") return new Response(String(told));
    const bodies = await request.json();
    if (bodies.length === 1) await env.QUEUE.send(bodies[0]);
    else await env.QUEUE.sendBatch(bodies.map((body) => ({ body })));
    return new Response("", { status: 202 });
  },
  async queue(batch) { told += batch.messages.length; },
};`;
const broker = new Miniflare({
  modules: true, script, host: "127.0.0.1", port: Number(process.argv[2]),
  compatibilityDate: "2026-01-01",
  queueProducers: { QUEUE: "bench" },
  queueConsumers: { bench: { maxBatchSize: 100, maxBatchTimeout: 0 } },
});
process.on("SIGTERM", async () => { await broker.dispose(); process.exit(0); });
await broker.ready;
"""


@dataclass(frozen=True, slots=True)
class PeerFlow:
    """How a number of messages went, as ``tools.bench.events.Flow`` has it."""

    accepted_s: float
    settled_s: float
    publish_ms: list[float]


def program() -> Program:
    """Install it once; say how to start it.

    Raises:
        CannotMeasure: there is no npm, or its registry cannot be reached.
    """
    folder = cache() / "miniflare"
    installed = folder / "node_modules" / "miniflare" / "package.json"
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        raise CannotMeasure("miniflare comes from npm and runs on node: one is not here")
    if not installed.exists():
        folder.mkdir(parents=True, exist_ok=True)
        install(["npm", "install", "--prefix", str(folder), "miniflare"])
    (folder / "start.mjs").write_text(_START)
    binary = folder / "node_modules" / ".bin" / "workerd"
    workerd = machine.version_of(str(binary), "--version").removeprefix("workerd ")
    return Program(
        name=NAME,
        version=f"miniflare {json.loads(installed.read_text())['version']}, workerd {workerd}",
        command=(node, "start.mjs", "{port}"),
        folder=folder,
    )


@contextmanager
def serving() -> Iterator[int]:
    """Run it; give its port."""
    with started(program()) as running:
        yield running.port


def flow(port: int, *, events: int, publishers: int, batch: int) -> PeerFlow:
    """Send so many, each publisher on a connection of its own; wait until all were told."""
    share = max(1, events // batch // publishers)
    with Connection(port) as looking, ThreadPoolExecutor(publishers) as sending:
        wanted = _told(looking) + share * publishers * batch
        began = time.perf_counter()
        sent = [sending.submit(_publish, port, share, batch) for _ in range(publishers)]
        times_ms = [ms for one in sent for ms in one.result()]
        accepted_s = time.perf_counter() - began
        while _told(looking) < wanted:
            if time.perf_counter() - began > WAIT_S_MAX:
                raise CannotMeasure(f"{NAME}: not all were told in {WAIT_S_MAX:g} s")
            time.sleep(LOOK_S)
        return PeerFlow(accepted_s, time.perf_counter() - began, times_ms)


def _publish(port: int, requests: int, batch: int) -> list[float]:
    with Connection(port) as connection:
        return [_send(connection, batch) for _ in range(requests)]


def _send(connection: Connection, count: int) -> float:
    """Send some messages; say how long that took, in ms."""
    body = json.dumps([{"n": n} for n in range(count)]).encode()
    head = f"POST /send HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: {len(body)}\r\n\r\n"
    began = time.perf_counter()
    connection.send(head.encode() + body)
    answer = connection.receive()
    if answer.status != 202:
        raise CannotMeasure(f"{NAME}: sending was answered {answer.status}: {answer.body[:200]!r}")
    return (time.perf_counter() - began) * 1000


def _told(connection: Connection) -> int:
    return int(connection.get("/told").body)
