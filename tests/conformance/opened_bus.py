"""Opens each kind of bus and of event log for the suites, and makes errands and events."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Bus, Delivery, Errand
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog

OpenBus = Callable[[Path, Clock], AbstractAsyncContextManager[Bus]]
OpenLog = Callable[[Path, Clock], AbstractAsyncContextManager[EventLog]]
SHOP = AppId("shop")
LINE = "f:shop:orders/send"


@asynccontextmanager
async def _memory_bus(folder: Path, clock: Clock) -> AsyncIterator[Bus]:
    yield MemoryBus(clock=clock)


@asynccontextmanager
async def sqlite_bus(folder: Path, clock: Clock) -> AsyncIterator[SqliteBus]:
    database = Database(folder / "bus.db", schema="bus")
    try:
        yield SqliteBus(database=database, clock=clock)
    finally:
        await database.close()


@asynccontextmanager
async def _memory_log(folder: Path, clock: Clock) -> AsyncIterator[EventLog]:
    yield MemoryEventLog(clock=clock)


@asynccontextmanager
async def sqlite_log(folder: Path, clock: Clock) -> AsyncIterator[SqliteEventLog]:
    database = Database(folder / "data.db", schema="data")
    try:
        yield SqliteEventLog(database=database, clock=clock)
    finally:
        await database.close()


BUSES: Mapping[str, OpenBus] = {"memory": _memory_bus, "sqlite": sqlite_bus}
LOGS: Mapping[str, OpenLog] = {"memory": _memory_log, "sqlite": sqlite_log}


def errand(id: str = "e1", **facts: Any) -> Errand:
    """Make an errand of the shop; what is not said is plain."""
    return Errand(**({"app": SHOP, "line": LINE, "body": id.encode()} | facts | {"id": id}))


def event(id: str = "v1", **facts: Any) -> Event:
    """Make an event of the shop; what is not said is plain."""
    plain = {"app": SHOP, "type": "shop.sold", "source": "/till"}
    return Event(**(plain | facts | {"id": id}))


async def lease(
    bus: Bus, *, line: str = LINE, count_max: int = 100, lease_s: float = 10.0
) -> list[Delivery]:
    """Lease from the usual line."""
    return list(await bus.lease(line, count_max=count_max, lease_s=lease_s))


def ids(deliveries: list[Delivery]) -> list[str]:
    """Name what was leased, in its order."""
    return [delivery.errand.id for delivery in deliveries]
