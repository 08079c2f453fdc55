"""Documents: point read, write, indexed query and fan-out, beside plain SQLite as the limit."""

import asyncio
import json
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.documents import SqliteDocuments
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.backends.system.clock import SystemClock
from tapwater_server.backends.system.ids import SystemIds
from tapwater_server.model.document.index import Index, IndexField
from tapwater_server.model.document.paths import DocPath
from tapwater_server.model.document.query import Every, Is, Query
from tapwater_server.model.document.write import Kind, Write
from tapwater_server.model.ids import AppId
from tools.bench import fanout
from tools.bench.results import Result, Table, quantile

APP = AppId("bench")
INDEX = Index(name="users", fields=(IndexField(("age",)),))
AGES = 10_000
WRITERS = 32
Numbers = dict[str, float]


def measure(*, documents: int, calls: int, listeners: int) -> Result:
    """Fill a store, then take times of it and of plain SQLite of the same size."""
    print(f"bench: documents, {documents:,} in a collection", flush=True)
    with tempfile.TemporaryDirectory(prefix="tapwater-bench-") as folder:
        plain = Plain(Path(folder) / "plain.db", documents)
        limit = plain.measure(calls)
        ours = asyncio.run(_ours(Path(folder), documents, calls))
    over = fanout.measure(listeners=listeners, calls=calls)
    rows = [
        (what, f"{ours[key]:,.3g}", f"{limit[key]:,.3g}", f"{ours[key] / limit[key]:.2f}", "")
        for key, what in _ROWS.items()
        if key in limit
    ]
    rows += [(what, f"{over[key]:,.3g}", "", "", "over HTTP") for key, what in fanout.ROWS.items()]
    table = Table(
        title=f"Documents: {documents:,} in one collection",
        head=("what", "Tapwater", "plain SQLite", "ratio", ""),
        rows=rows,
        note="Plain SQLite: the same rows and an index, one statement a time, in one thread, with "
        "synchronous=FULL; a write there has no event, no condition and no index entry of ours. "
        "With 32 writers it does 32 statements in each transaction.",
    )
    return Result(tables=[table], numbers={"ours": ours, "plain": limit, "http": over})


_ROWS = {
    "read_us": "point read, us (p50)",
    "query_us": "indexed query, 20 documents, us (p50)",
    "write_ms": "write, 1 writer, ms (p50)",
    "writes_32": f"writes/s, {WRITERS} writers",
}


def document(number: int) -> dict[str, Any]:
    """Make a document of about 150 bytes."""
    return {
        "name": f"user {number}",
        "email": f"user{number}@example.com",
        "age": number * 7919 % AGES,
        "address": {"city": f"city {number % 500}", "street": "Main Street 1"},
        "tags": ["a", "b"],
    }


def ids_of(documents: int, count: int) -> list[str]:
    """Choose documents by chance, the same ones for everybody."""
    chance = random.Random(7)
    return [f"{chance.randrange(documents):07d}" for _ in range(count)]


class Plain:
    """What one writes by hand: a table with the id, the JSON, and a column for the index."""

    def __init__(self, file: Path, documents: int) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None)
        self._documents = documents
        for statement in (
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "CREATE TABLE doc (id TEXT PRIMARY KEY, age INTEGER, raw TEXT)",
            "CREATE INDEX doc_age ON doc (age, id)",
            "BEGIN",
        ):
            self._connection.execute(statement)
        self._connection.executemany(
            "INSERT INTO doc VALUES (?, ?, ?)",
            (
                (f"{n:07d}", (made := document(n))["age"], json.dumps(made))
                for n in range(documents)
            ),
        )
        self._connection.execute("COMMIT")

    def measure(self, calls: int) -> Numbers:
        """Take the times."""
        chosen = ids_of(self._documents, calls)
        found = {
            "read_us": _each(chosen, self._read) * 1e6,
            "query_us": _each(range(calls), self._query) * 1e6,
            "write_ms": _each(chosen, self._write) * 1e3,
            "writes_32": self._together(ids_of(self._documents, calls * 8)),
        }
        self._connection.close()
        return found

    def _read(self, id: str) -> None:
        (raw,) = self._connection.execute("SELECT raw FROM doc WHERE id = ?", (id,)).fetchone()
        json.loads(raw)

    def _query(self, number: int) -> None:
        rows = self._connection.execute(
            "SELECT raw FROM doc WHERE age >= ? ORDER BY age, id LIMIT 20", (number % AGES,)
        )
        for (raw,) in rows.fetchall():
            json.loads(raw)

    def _write(self, id: str) -> None:
        self._connection.execute("BEGIN IMMEDIATE")
        self._put(id)
        self._connection.execute("COMMIT")

    def _put(self, id: str) -> None:
        made = document(int(id) + 1)
        self._connection.execute(
            "UPDATE doc SET age = ?, raw = ? WHERE id = ?", (made["age"], json.dumps(made), id)
        )

    def _together(self, chosen: list[str]) -> float:
        began = time.perf_counter()
        for first in range(0, len(chosen), WRITERS):
            self._connection.execute("BEGIN IMMEDIATE")
            for id in chosen[first : first + WRITERS]:
                self._put(id)
            self._connection.execute("COMMIT")
        return len(chosen) / (time.perf_counter() - began)


def _each(things: Any, do: Callable[[Any], object]) -> float:
    """Do it for each; give the middle of the times in seconds."""
    took = []
    for thing in things:
        began = time.perf_counter()
        do(thing)
        took.append(time.perf_counter() - began)
    return quantile(took, 0.5)


async def _ours(folder: Path, documents: int, calls: int) -> Numbers:
    clock, ids = SystemClock(), SystemIds()
    database = Database(folder / "data.db", schema="data")
    try:
        log = SqliteEventLog(database=database, clock=clock)
        store = SqliteDocuments(database=database, log=log, clock=clock, ids=ids)
        await store.put_index(APP, INDEX)
        while await store.build_step():
            pass
        began = time.perf_counter()
        await fill(store, documents)
        filled = documents / (time.perf_counter() - began)
        return {"filled": filled, **await _times(store, documents, calls)}
    finally:
        await database.close()


async def fill(store: SqliteDocuments, documents: int) -> None:
    """Write them all, 500 in a commit."""
    for first in range(0, documents, 500):
        writes = [_write(f"{n:07d}", n) for n in range(first, min(first + 500, documents))]
        await store.commit(APP, writes)


def _write(id: str, number: int) -> Write:
    return Write(kind=Kind.SET, path=DocPath("users", id), data=document(number))


async def _times(store: SqliteDocuments, documents: int, calls: int) -> Numbers:
    chosen = ids_of(documents, calls)

    async def read(id: str) -> None:
        (found,) = await store.get(APP, [DocPath("users", id)])
        assert found is not None
        assert found.data

    async def query(number: int) -> None:
        where = Every((Is(("age",), ">=", number % AGES),))
        page = await store.find(APP, Query(collection="users", where=where, limit=20))
        assert len(page.documents) == 20
        for each in page.documents:
            assert each.data

    async def write(id: str) -> None:
        await store.commit(APP, [_write(id, int(id) + 1)])

    async def writer(mine: list[str]) -> None:
        for id in mine:
            await write(id)

    found = {
        "read_us": await _each_async(chosen, read) * 1e6,
        "query_us": await _each_async(range(calls), query) * 1e6,
        "write_ms": await _each_async(chosen, write) * 1e3,
    }
    many = ids_of(documents, calls * 8)
    began = time.perf_counter()
    await asyncio.gather(*(writer(many[first::WRITERS]) for first in range(WRITERS)))
    return {**found, "writes_32": len(many) / (time.perf_counter() - began)}


async def _each_async(things: Any, do: Callable[[Any], Awaitable[None]]) -> float:
    took = []
    for thing in things:
        began = time.perf_counter()
        await do(thing)
        took.append(time.perf_counter() - began)
    return quantile(took, 0.5)
