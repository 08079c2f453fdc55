"""What everyone who says how much apps keep must do."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from tapwater_server.backends.memory.keeping import MemoryKeeping
from tapwater_server.backends.sqlite.blobs import SqliteBlobFacts
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.documents import SqliteDocuments
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.backends.sqlite.keeping import SqliteKeeping
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.blob import About, Bucket, Cause, Draft, Piece, Versioning
from tapwater_server.model.document.paths import parse_doc_path
from tapwater_server.model.document.write import Kind, Write
from tapwater_server.model.ids import AppId
from tapwater_server.ports.keeping import Keeping, Kept
from tapwater_server.testing.clock import ManualClock

SHOP, BLOG = AppId("shop"), AppId("blog")


@dataclass
class World:
    """A keeping, and how to put something where it looks."""

    keeping: Keeping
    put_document: Callable[[AppId, str, Mapping[str, object]], Awaitable[None]]
    put_blob: Callable[[AppId, str, bytes], Awaitable[None]]


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[World]:
    documents: dict[AppId, dict[str, int]] = {}
    blobs: dict[AppId, list[int]] = {}

    async def put_document(app: AppId, path: str, data: Mapping[str, object]) -> None:
        documents.setdefault(app, {})[path] = len(msgspec.json.encode(data))

    async def put_blob(app: AppId, key: str, content: bytes) -> None:
        blobs.setdefault(app, []).append(len(content))

    yield World(
        MemoryKeeping(
            documents=lambda: {app: sum(each.values()) for app, each in documents.items()},
            blobs=lambda: {app: sum(each) for app, each in blobs.items()},
        ),
        put_document,
        put_blob,
    )


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[World]:
    database, clock, ids = Database(folder / "data.db", schema="data"), ManualClock(), SystemIds()
    log = SqliteEventLog(database=database, clock=clock)
    documents = SqliteDocuments(database=database, log=log, clock=clock, ids=ids)
    blobs = SqliteBlobFacts(database=database, log=log, clock=clock, ids=ids)

    async def put_document(app: AppId, path: str, data: Mapping[str, object]) -> None:
        write = Write(kind=Kind.SET, path=parse_doc_path(path), data=dict(data))
        await documents.commit(app, [write])

    async def put_blob(app: AppId, key: str, content: bytes) -> None:
        await blobs.put_bucket(app, Bucket(name="files", versioning=Versioning.ON))
        draft = Draft(
            bucket="files",
            key=key,
            size=len(content),
            etag="e",
            about=About(),
            pieces=(Piece(size=len(content), data=content),),
        )
        await blobs.store(app, draft, cause=Cause())

    try:
        yield World(SqliteKeeping(database=database), put_document, put_blob)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[World]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_kpg_1_documents_and_all_versions_of_blobs_count(world: World) -> None:
    assert await world.keeping.kept() == []
    await world.put_document(SHOP, "a/1", {"n": 1})
    await world.put_document(SHOP, "a/2", {"n": 22})
    await world.put_document(SHOP, "a/1", {"n": 333})  # In place of the first.
    await world.put_blob(SHOP, "k", b"12345")
    await world.put_blob(SHOP, "k", b"123")
    await world.put_blob(BLOG, "k", b"1234567")
    assert await world.keeping.kept() == [
        Kept(app=BLOG, blob_bytes=7),
        Kept(app=SHOP, doc_bytes=len('{"n":333}') + len('{"n":22}'), blob_bytes=8),
    ]


async def test_kpg_2_the_look_before_is_told(world: World) -> None:
    assert await world.keeping.looked(5.0) is None
    assert await world.keeping.looked(9.5) == 5.0
    assert await world.keeping.looked(7.0) == 9.5


async def test_kpg_2_and_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as world:
        await world.keeping.looked(5.0)
    async with sqlite(tmp_path) as world:
        assert await world.keeping.looked(6.0) == 5.0
