"""Opens each kind of meter for the suites, and makes what it is given."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.journal import Journal
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.meter_batch import read_position
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import LogLine, Meter, Record, Span
from tapwater_server.testing.clock import ManualClock

SHOP = AppId("shop")


@asynccontextmanager
async def memory_meter(folder: Path, waiting_max: int) -> AsyncIterator[Meter]:
    yield MemoryMeter(kept_max=waiting_max)


@asynccontextmanager
async def sqlite_meter(folder: Path, waiting_max: int) -> AsyncIterator[SqliteMeter]:
    database = Database(folder / "meter.db", schema="meter", synchronous="NORMAL")
    journal = Journal(folder / "journal", since=database.load(read_position))
    meter = SqliteMeter(
        database=database, clock=ManualClock(), journal=journal, waiting_max=waiting_max
    )
    try:
        yield meter
    finally:
        await meter.close()
        await database.close()


Opened = Callable[[Path, int], AbstractAsyncContextManager[Meter]]
METERS: dict[str, Opened] = {"memory": memory_meter, "sqlite": sqlite_meter}


def record(n: int, *, app: str = "shop", function: str = "users/register", **more: Any) -> Record:
    made = Record(
        id=f"id-{n:06}",
        at=1000.0 + n,
        app=app,
        function=function,
        revision="r",
        method="GET",
        path="/users-api/register",
        status=200,
        ending="ok",
        cold=n == 0,
        queue_ms=0.25,
        wall_ms=1.5,
        cpu_ms=0.5,
        memory_peak_bytes=1 << 20,
        bytes_in=1,
        bytes_out=2,
        instance="i",
    )
    return replace(made, **more)


def line(n: int, text: str = "", *, level: str = "info", app: str = "shop", **more: Any) -> LogLine:
    made = LogLine(
        at=1000.0 + n,
        app=app,
        function="users/register",
        invocation=f"id-{n:06}",
        instance="i",
        level=level,
        text=text or f"line {n}",
    )
    return replace(made, **more)


def span(n: int, *, trace: str = "a" * 32) -> Span:
    return Span(
        trace=trace,
        id=f"{n:016}",
        parent="",
        name=f"docs.get users/{n}",
        kind="ask",
        at=1000.0 + n,
        took_ms=1.0,
        app="shop",
        facts={"documents": "1"},
    )
