"""A store of documents with its event log and a clock wound by hand, for each kind of backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapwater_server.backends.memory.documents import MemoryDocuments
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.documents import SqliteDocuments
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.document.write import Condition, Kind, Write
from tapwater_server.model.ids import AppId
from tapwater_server.ports.documents import Documents
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP, BANK = AppId("shop"), AppId("bank")


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a test works on."""

    documents: Documents
    log: EventLog
    clock: ManualClock

    async def put(self, path: str, app: AppId = SHOP, **data: Any) -> None:
        await self.documents.commit(app, [setting(path, **data)])

    async def data(self, path: str, app: AppId = SHOP) -> dict[str, Any] | None:
        (found,) = await self.documents.get(app, [parse_doc_path(path)])
        return found.data if found else None

    async def build(self) -> None:
        """Build all indexes to their end."""
        while await self.documents.build_step(count_max=7):
            pass


def setting(path: str, **data: Any) -> Write:
    """Write a whole document."""
    return Write(kind=Kind.SET, path=parse_doc_path(path), data=data)


def writing(kind: Kind, path: str, data: Any = None, **condition: Any) -> Write:
    """Write in some way, on some condition."""
    at = parse_doc_path(path)
    return Write(kind=kind, path=at, data=data or {}, condition=Condition(**condition))


@asynccontextmanager
async def memory_documents(folder: Path) -> AsyncIterator[Opened]:
    clock = ManualClock()
    log = MemoryEventLog(clock=clock)
    documents = MemoryDocuments(log=log, clock=clock, ids=CountingIds())
    yield Opened(documents=documents, log=log, clock=clock)


@asynccontextmanager
async def sqlite_documents(folder: Path) -> AsyncIterator[Opened]:
    clock = ManualClock()
    # What a power cut would take is another test's; this one opens thousands of files.
    database = Database(folder / "data.db", schema="data", synchronous="NORMAL")
    try:
        log = SqliteEventLog(database=database, clock=clock)
        documents = SqliteDocuments(database=database, log=log, clock=clock, ids=CountingIds())
        yield Opened(documents=documents, log=log, clock=clock)
    finally:
        await database.close()


Opening = Callable[[Path], AbstractAsyncContextManager[Opened]]
BACKENDS: dict[str, Opening] = {"memory": memory_documents, "sqlite": sqlite_documents}
