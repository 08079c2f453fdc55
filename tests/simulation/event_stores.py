"""The bus and the log for simulations: durable ones without threads, and a disk that can fill."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Protocol, TypeVar

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.sqlite.bus import SqliteBus
from tapwater_server.backends.sqlite.connection import Database, Work, _Write
from tapwater_server.backends.sqlite.eventlog import SqliteEventLog
from tapwater_server.ports.bus import Bus
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog

T = TypeVar("T")


class Disk:
    """Whether there is room. A write on a full one fails, now and then after half of it."""

    def __init__(self, *, seed: int) -> None:
        self.full = False
        self._chance = random.Random(seed)

    def check(self) -> None:
        """Fail if it is full.

        Raises:
            OSError: there is no room.
        """
        if self.full and self._chance.random() < 0.7:
            raise OSError("no space left on device")


class InlineDatabase(Database):
    """Works on the loop's thread, at its next turn: a story must not depend on threads."""

    def __init__(self, path: Path, *, schema: str, disk: Disk) -> None:
        super().__init__(path, schema=schema, synchronous="NORMAL")
        self._disk = disk

    def submit(
        self, work: Work[T], *, then: Callable[[T], None] | None = None
    ) -> "asyncio.Future[T]":
        def failing(connection: sqlite3.Connection) -> T:
            result = work(connection)
            self._disk.check()
            return result

        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        write = _Write(work=failing, then=then, loop=loop, done=done)
        loop.call_soon(self._write_now, write)
        return done

    def _write_now(self, write: _Write) -> None:
        self._commit([write])
        write.settle()

    async def read(self, work: Work[T]) -> T:
        return work(self._writer)


class Kept(Protocol):
    """What outlives a node."""

    disk: Disk
    log: EventLog

    async def open_bus(self) -> Bus:
        """Open the bus as a node does that starts: what a dead one had leased is free."""
        ...


class InMemory:
    """The reference. A full disk refuses before anything is written."""

    def __init__(self, *, clock: Clock, seed: int, bus: MemoryBus | None = None) -> None:
        self.disk = Disk(seed=seed)
        self.log: EventLog = MemoryEventLog(clock=clock)
        self._bus = bus or MemoryBus(clock=clock)

    async def open_bus(self) -> Bus:
        await self._bus.reclaim()
        return self._bus


class OnDisk:
    """The durable ones."""

    def __init__(self, folder: Path, *, clock: Clock, seed: int, stack: AsyncExitStack) -> None:
        self.disk, self._clock = Disk(seed=seed), clock
        data = InlineDatabase(folder / "data.db", schema="data", disk=self.disk)
        self._errands = InlineDatabase(folder / "bus.db", schema="bus", disk=self.disk)
        stack.push_async_callback(data.close)
        stack.push_async_callback(self._errands.close)
        self.log: EventLog = SqliteEventLog(database=data, clock=clock)

    async def open_bus(self) -> Bus:
        bus = SqliteBus(database=self._errands, clock=self._clock)
        await bus.reclaim()
        return bus


class NodeDied(Exception):
    """What a dead node hears when it still wants something."""


class Mortal:
    """A port as a node that may die sees it: at each use, before or after it was done."""

    def __init__(self, inner: Any, *, die: Callable[[str], Any], check: Callable[[], None]) -> None:
        self._inner, self._die, self._check = inner, die, check

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def used(*arguments: Any, **named: Any) -> Any:
            if name.startswith("wait_"):
                return await method(*arguments, **named)
            await self._die(f"before {name}")
            if name in {"publish", "lease", "settle", "append", "move_cursor"}:
                self._check()
            result = await method(*arguments, **named)
            await self._die(f"after {name}")
            return result

        return used
