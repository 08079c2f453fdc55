"""The facts of blobs with their log, opened as assembly opens them, for each kind of backend."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tapwater_server.backends.memory.blobs import MemoryBlobFacts
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.sqlite.blobs import SqliteBlobFacts
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.model.blob import About, Blob, Bucket, Cause, Draft, Piece, Versioning
from tapwater_server.model.ids import AppId
from tapwater_server.ports.blobs import BlobFacts, Naming
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.testing.clock import CountingIds, ManualClock

A = Naming(bucket="box", key="a")
SHOP, OTHER = AppId("shop"), AppId("other")
CAUSE = Cause()


@dataclass(frozen=True, slots=True)
class Opened:
    """Facts, the log their events go to, and the time."""

    facts: BlobFacts
    log: EventLog
    clock: ManualClock

    async def events(self, app: AppId = SHOP) -> list[tuple[str, str]]:
        """What was told so far: type and subject."""
        found = await self.log.read(after=0, count_max=10_000, app=app)
        return [(one.event.type.rpartition(".")[2], one.event.subject) for one in found]


@asynccontextmanager
async def memory_facts(folder: Path) -> AsyncIterator[Opened]:
    clock = ManualClock()
    log = MemoryEventLog(clock=clock)
    yield Opened(MemoryBlobFacts(clock=clock, ids=CountingIds(), tell=log.record), log, clock)


@asynccontextmanager
async def sqlite_facts(folder: Path) -> AsyncIterator[Opened]:
    database, clock = Database(folder / "data.db", schema="data"), ManualClock()
    try:
        log = SqliteEventLog(database=database, clock=clock)
        facts = SqliteBlobFacts(database=database, log=log, clock=clock, ids=CountingIds())
        yield Opened(facts, log, clock)
    finally:
        await database.close()


Open = Callable[[Path], AbstractAsyncContextManager[Opened]]
BACKENDS: dict[str, Open] = {"memory": memory_facts, "sqlite": sqlite_facts}


def draft(key: str, content: str = "", *, bucket: str = "box", piece: str = "") -> Draft:
    """Content as facts see it: a name for bytes, or the bytes."""
    data = b"" if piece else content.encode()
    size = len(data) or len(content)
    pieces = (Piece(size=size, name=piece, data=data),)
    etag = f"etag-of-{content}"
    about = About(content_type="text/plain", metadata={"of": content})
    return Draft(bucket=bucket, key=key, size=size, etag=etag, pieces=pieces, about=about)


def keys(blobs: "tuple[Blob, ...]") -> list[str]:
    return [blob.key for blob in blobs]


async def keep_versions(opened: Opened, versioning: Versioning = Versioning.ON) -> None:
    await opened.facts.put_bucket(SHOP, Bucket(name="box", versioning=versioning))


async def content(opened: Opened, naming: Naming = A) -> str | None:
    held = await opened.facts.find(SHOP, naming)
    return None if held is None else held.blob.about.metadata.get("of")


async def garbage(opened: Opened) -> list[str]:
    await opened.clock.advance(1)
    return sorted(await opened.facts.garbage(before=opened.clock.now(), count_max=100))
