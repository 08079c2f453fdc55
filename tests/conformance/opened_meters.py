"""Meters of each kind, with what they add up: for the suites of meter, ledger and stats."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tapwater_server.backends.memory.ledger import MemoryLedger
from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.backends.memory.stats import MemoryStats
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.journal import Journal
from tapwater_server.backends.sqlite.ledger import SqliteLedger
from tapwater_server.backends.sqlite.meter import SqliteMeter
from tapwater_server.backends.sqlite.meter_batch import read_position
from tapwater_server.backends.sqlite.stats import SqliteStats
from tapwater_server.ports.ledger import Ledger
from tapwater_server.ports.meter import Meter, Record
from tapwater_server.ports.stats import Stats
from tapwater_server.testing.clock import ManualClock

PROJECTS = {"shop": "retail", "blog": "press"}
T0 = 1_699_920_000.0  # The beginning of a UTC day: 2023-11-14.

# A record whose amounts are easy to add up by hand.
CALL = Record(
    id="id-0",
    at=T0,
    app="shop",
    function="users/register",
    revision="r1",
    method="GET",
    path="/users-api/register",
    status=200,
    ending="ok",
    cold=False,
    queue_ms=0.25,
    wall_ms=120.0,
    cpu_ms=1.5,
    memory_peak_bytes=100 << 20,
    bytes_in=10,
    bytes_out=20,
    instance="i",
    route="/users-api/register",
    memory_bytes=256 << 20,
)


def call(**changes: Any) -> Record:
    """Give a record like CALL, but for some fields."""
    return replace(CALL, **changes)


def project_of(app: str) -> str:
    return PROJECTS.get(app, "default")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metering:
    """A meter and what reads its sums."""

    meter: Meter
    ledger: Ledger
    stats: Stats


@asynccontextmanager
async def memory(folder: Path, clock: ManualClock) -> AsyncIterator[Metering]:
    meter = MemoryMeter()
    ledger, stats = MemoryLedger(meter, project_of=project_of), MemoryStats(meter)
    yield Metering(meter=meter, ledger=ledger, stats=stats)


@asynccontextmanager
async def sqlite(folder: Path, clock: ManualClock) -> AsyncIterator[Metering]:
    database = Database(folder / "meter.db", schema="meter", synchronous="NORMAL")
    journal = Journal(folder / "journal", since=database.load(read_position))
    meter = SqliteMeter(database=database, clock=clock, journal=journal, project_of=project_of)
    try:
        yield Metering(
            meter=meter,
            ledger=SqliteLedger(database=database, flush=meter.flush),
            stats=SqliteStats(database=database, flush=meter.flush, clock=clock),
        )
    finally:
        await meter.close()
        await database.close()


Opened = Callable[[Path, ManualClock], AbstractAsyncContextManager[Metering]]
BACKENDS: dict[str, Opened] = {"memory": memory, "sqlite": sqlite}
