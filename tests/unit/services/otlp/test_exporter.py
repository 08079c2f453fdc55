"""The loop that sends telemetry: nothing twice, nothing for ever, the oldest go first."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from tapwater_server.model.masking import Forms
from tapwater_server.ports.meter import LogLine, Record, Span
from tapwater_server.ports.shipping import Receipt
from tapwater_server.services.otlp.encoding import JSON
from tapwater_server.services.otlp.exporter import BATCH_MAX, INBOX_MAX, METRICS_EVERY_S, Exporter
from tapwater_server.testing.clock import CountingIds, ManualClock

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
NOTHING: Forms = ()


class Shipper:
    """Keeps what it is sent; gives the receipts it is told, then 200."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.receipts: list[Receipt] = []
        self.stuck: asyncio.Event | None = None

    async def send(self, path: str, body: bytes, headers: Mapping[str, str]) -> Receipt:
        if self.stuck is not None:
            await self.stuck.wait()
        receipt = self.receipts.pop(0) if self.receipts else Receipt(status=200, body=b"{}")
        if receipt.status == 200:
            self.sent.append((path, json.loads(body)))
        return receipt

    def names(self) -> list[str]:
        """The spans that arrived, in order."""
        return [
            span["name"]
            for path, message in self.sent
            if path == "/v1/traces"
            for resource in message["resourceSpans"]
            for scoped in resource["scopeSpans"]
            for span in scoped["spans"]
        ]


class Opened:
    def __init__(self, **more: Any) -> None:
        self.clock, self.shipper = ManualClock(), Shipper()
        settings = {"sample": 1.0, "waiting_max": 3 * BATCH_MAX, **more}
        self.exporter = Exporter(
            shipper=self.shipper,
            protocol=JSON,
            node="n1",
            clock=self.clock,
            ids=CountingIds(),
            **settings,
        )

    async def step(self) -> int:
        """One step, however often it lets others have their turn."""
        stepping = asyncio.create_task(self.exporter.step())
        while not stepping.done():
            await self.clock.advance(0.0)
        return stepping.result()


@pytest.fixture
def opened() -> Opened:
    return Opened()


def step_named(name: str, *, trace: str = TRACE, ok: bool = True) -> Span:
    return Span(
        trace=trace, id=SPAN, parent="", name=name, kind="user", at=1.0, took_ms=1.0, app="a", ok=ok
    )


def record(id: str = "i1", **changes: Any) -> Record:
    values: dict[str, Any] = {
        "id": id, "at": 1.0, "app": "shop", "function": "a/f", "revision": "r", "method": "GET",
        "path": "/f", "status": 200, "ending": "ok", "cold": False, "queue_ms": 0.0,
        "wall_ms": 5.0, "cpu_ms": 1.0, "memory_peak_bytes": 1, "bytes_in": 0, "bytes_out": 1,
        "instance": "n", "trace": TRACE, "span": SPAN, **changes,
    }  # fmt: skip
    return Record(**values)


async def test_what_came_is_sent_once(opened: Opened) -> None:
    opened.exporter.hear(step_named("one"))
    assert await opened.step() == 1
    assert await opened.step() == 0
    assert opened.shipper.names() == ["one"]


async def test_what_was_not_taken_waits_as_long_as_is_asked(opened: Opened) -> None:
    opened.shipper.receipts = [Receipt(status=429, retry_after_s=7.0), Receipt(why="no answer")]
    opened.exporter.hear(step_named("one"))
    assert await opened.step() == 0
    opened.exporter.hear(step_named("two"))
    await opened.clock.advance(6.0)
    assert await opened.step() == 0
    assert len(opened.shipper.receipts) == 1, "it was asked too early"
    await opened.clock.advance(1.5)
    assert await opened.step() == 0  # No answer: it waits by itself, longer each time.
    await opened.clock.advance(3.0)
    assert await opened.step() == 1
    assert opened.shipper.names() == ["one", "two"]


async def test_what_they_will_never_take_is_not_sent_for_ever(opened: Opened) -> None:
    opened.shipper.receipts = [Receipt(status=400)]
    opened.exporter.hear(step_named("poison"))
    await opened.step()
    opened.exporter.hear(step_named("fine"))
    await opened.step()
    assert opened.shipper.names() == ["fine"]
    stats = opened.exporter.stats()
    assert (stats.sent["traces"], stats.lost["traces"], stats.failing) == (1, 1, False)


async def test_a_dead_collector_costs_bounded_memory(opened: Opened) -> None:
    opened.shipper.receipts = [Receipt(why="dead")] * 1000
    for n in range(10 * BATCH_MAX):
        opened.exporter.hear(step_named(str(n)))
        if n % 100 == 0:
            await opened.step()
    await opened.step()
    stats = opened.exporter.stats()
    assert stats.waiting["traces"] == 3 * BATCH_MAX
    assert stats.lost["traces"] == 7 * BATCH_MAX
    opened.shipper.receipts = []
    await opened.clock.advance(3600.0)
    await opened.step()
    assert opened.shipper.names() == [str(n) for n in range(7 * BATCH_MAX, 10 * BATCH_MAX)]


async def test_before_anybody_looks_it_is_bounded_too(opened: Opened) -> None:
    for n in range(INBOX_MAX + 5):
        opened.exporter.hear(step_named(str(n)))
    assert opened.exporter.stats().lost["unseen"] == 5


async def test_what_they_took_in_part_is_counted(opened: Opened) -> None:
    body = b'{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too old"}}'
    opened.shipper.receipts = [Receipt(status=200, body=body)]
    for name in ("one", "two"):
        opened.exporter.hear(step_named(name))
    await opened.step()
    stats = opened.exporter.stats()
    assert (stats.sent["traces"], stats.lost["traces"]) == (1, 1)


async def test_a_sample_keeps_whole_traces_and_all_errors() -> None:
    opened = Opened(sample=0.5)
    low, high = f"{'a' * 16}{'0' * 15}1", f"{'a' * 16}{'f' * 16}"
    for trace in (low, high):
        opened.exporter.hear(step_named(f"fine {trace == low}", trace=trace))
        opened.exporter.hear(step_named(f"bad {trace == low}", trace=trace, ok=False))
        opened.exporter.note(record(trace=trace))
        opened.exporter.note(record(trace=trace, ending="user_error", path="/bad"))
        opened.exporter.note(record(trace=trace, status=503, path="/sorry"))
    await opened.step()
    names = opened.shipper.names()
    assert names.count("GET /bad") == names.count("GET /sorry") == 2
    assert names.count("GET /f") == 1
    assert {"fine True", "bad True", "bad False"} == {n for n in names if n.endswith(("e", "e"))}


async def test_sums_count_all_calls_and_come_now_and_then(opened: Opened) -> None:
    for n in range(3):
        opened.exporter.note(record(str(n), wall_ms=n * 100.0))
    await opened.step()
    await opened.clock.advance(METRICS_EVERY_S)
    await opened.step()
    [message] = [message for path, message in opened.shipper.sent if path == "/v1/metrics"]
    scoped = message["resourceMetrics"][0]["scopeMetrics"][0]
    metrics = {one["name"]: one for one in scoped["metrics"]}
    [point] = metrics["faas.invocations"]["sum"]["dataPoints"]
    assert point["asInt"] == "3"
    [point] = metrics["faas.invoke_duration"]["histogram"]["dataPoints"]
    assert (point["count"], point["sum"]) == ("3", pytest.approx(0.3))
    assert len(point["bucketCounts"]) == len(point["explicitBounds"]) + 1


async def test_at_the_end_what_is_left_is_sent(opened: Opened) -> None:
    running = asyncio.create_task(opened.exporter.run())
    await opened.clock.advance(0.0)
    opened.exporter.note(record())
    opened.exporter.hear(
        LogLine(
            at=1.0, app="a", function="f", invocation="i", instance="n", level="x", text="\ud800"
        )
    )
    running.cancel()
    while not running.done():
        await opened.clock.advance(0.0)
    assert running.cancelled()
    assert {path for path, _ in opened.shipper.sent} == {"/v1/traces", "/v1/logs", "/v1/metrics"}


async def test_what_was_on_its_way_at_the_end_is_sent(opened: Opened) -> None:
    opened.shipper.stuck = asyncio.Event()
    opened.exporter.hear(step_named("one"))
    running = asyncio.create_task(opened.exporter.run())
    await opened.clock.advance(0.1)
    running.cancel()
    opened.shipper.stuck.set()
    while not running.done():
        await opened.clock.advance(0.0)
    assert running.cancelled()
    assert opened.shipper.names() == ["one"]
