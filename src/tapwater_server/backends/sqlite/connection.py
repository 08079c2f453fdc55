"""One SQLite file: a single writing thread that commits in groups, and threads that read.

Whoever writes awaits ``write()``. All writes that wait at the same moment share one transaction
and so one fsync; each has a savepoint of its own, so that a failing one takes nobody with it.
Nothing here ever runs SQL on the event loop's thread, except ``load()`` before there is a loop.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from tapwater_server.backends.sqlite.failing import is_of_disk, translated, unopened
from tapwater_server.backends.sqlite.migrating import migrate
from tapwater_server.backends.sqlite.readers import Readers
from tapwater_server.backends.sqlite.suspects import note_suspect
from tapwater_server.model.errors import Overloaded

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]

WRITES_WAITING_MAX = 10_000  # Beyond this the disk is not keeping up, and waiting would not help.
GROUP_MAX = 512  # Writes in one transaction: bounds how long the first of them waits.
BUSY_S_MAX = 10.0  # Another process (a backup, a curious person) may hold the file for a moment.

_log = logging.getLogger(__name__)

_SETUP = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 1000",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseStats:
    """What one database has done so far."""

    writes: int
    groups: int
    failed: int
    waiting: int


@dataclass(slots=True, kw_only=True)
class _Write:
    """One write that waits for its turn, and whom to tell."""

    work: Work[Any]
    then: Callable[[Any], None] | None
    loop: asyncio.AbstractEventLoop
    done: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        """Tell the waiting task, on its loop; ``then`` runs even if the task was cancelled."""
        if self.error is None and self.then is not None:
            try:
                self.then(self.result)
            except BaseException as error:
                self.error = error
        if self.done.done():
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)


class Database:
    """A SQLite file whose schema is ``migrations/<schema>/``."""

    def __init__(
        self,
        path: Path,
        *,
        schema: str,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._writes = self._groups = self._failed = self._waiting = 0
        self._closed = self._failing = False
        self._writer = self._opened(schema)
        self._readers = Readers(path, connect=self._connect_reader)
        self._thread = threading.Thread(
            target=self._write_for_ever, name=f"write {path.name}", daemon=True
        )
        self._thread.start()

    async def write(self, work: Work[T], *, then: Callable[[T], None] | None = None) -> T:
        """Run ``work`` in a transaction; returns when it is durable.

        ``then`` is called on the loop with the result, in the order of the commits, before this
        returns, and also when the awaiting task is cancelled meanwhile: a memory image kept
        with it never misses a change.

        Raises:
            Overloaded: more writes wait than ``WRITES_WAITING_MAX``, or the disk fails.
            StorageFull: there is no room.
            Exception: what ``work`` raised. Of all these, nothing it did is kept.
        """
        return await self.submit(work, then=then)

    def submit(
        self, work: Work[T], *, then: Callable[[T], None] | None = None
    ) -> "asyncio.Future[T]":
        """As ``write()``, for those who do not wait; the order is that of the calls."""
        if self._waiting >= WRITES_WAITING_MAX or self._closed:
            raise Overloaded("the database has too many writes waiting", path=str(self._path))
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._waiting += 1
        self._queue.put(_Write(work=work, then=then, loop=loop, done=done))
        return done

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on a read-only connection in another thread."""
        return await self._readers.ask(work)

    def load(self, work: Work[T]) -> T:
        """Read at once, in this thread: for filling memory at the start."""
        try:
            connection = self._connect()
            try:
                return work(connection)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise unopened(error, self._path) from error

    def fill(self, work: Work[T]) -> T:
        """Write at once, in this thread, in one transaction: before anybody else writes."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._writer)
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise
            self._writer.execute("COMMIT")
        except sqlite3.Error as error:
            raise unopened(error, self._path) from error
        return result

    def stats(self) -> DatabaseStats:
        return DatabaseStats(
            writes=self._writes, groups=self._groups, failed=self._failed, waiting=self._waiting
        )

    async def close(self) -> None:
        """Finish what waits, then close the file. Later writes are refused."""
        if self._closed:
            return
        self._closed = True
        self._queue.put(None)
        await asyncio.to_thread(self._finish)

    def abandon(self) -> None:
        """Close the file at once: nothing was asked of it yet, and nothing will be."""
        self._closed = True
        self._queue.put(None)
        self._finish()

    def _finish(self) -> None:
        self._thread.join()
        self._readers.close()

    def _opened(self, schema: str) -> sqlite3.Connection:
        """Open the file for writing, its schema up to date.

        Raises:
            SettingsError: it cannot be opened, or a newer release wrote it.
        """
        try:
            connection = self._connect()
            try:
                migrate(connection, schema)
            except BaseException:
                connection.close()
                raise
        except sqlite3.Error as error:
            raise unopened(error, self._path) from error
        return connection

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, timeout=BUSY_S_MAX
        )
        try:
            for statement in _SETUP:
                connection.execute(statement)
            connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_reader(self) -> sqlite3.Connection:
        connection = self._connect()
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _write_for_ever(self) -> None:
        while True:
            group, last = self._next_group()
            if group:
                self._commit(group)
                self._tell(group)
            if last:
                self._writer.close()
                return

    def _next_group(self) -> tuple[list[_Write], bool]:
        """Wait for a write, then take all that have come meanwhile. True: it was the last."""
        first = self._queue.get()
        if first is None:
            return [], True
        group = [first]
        while len(group) < GROUP_MAX:
            try:
                write = self._queue.get_nowait()
            except queue.Empty:
                break
            if write is None:
                return group, True
            group.append(write)
        return group, False

    def _commit(self, group: Sequence[_Write]) -> None:
        """Run a group in one transaction. An error of the transaction itself fails them all."""
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")  # It could not be done when it was due.
            self._writer.execute("BEGIN IMMEDIATE")
            if len(group) == 1:  # Nobody else can be hurt: two statements fewer.
                group[0].result = group[0].work(self._writer)
            else:
                for write in group:
                    self._run(write)
            self._writer.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            for write in group:
                write.error = write.error or error
        for write in group:
            if write.error is not None:
                write.error = translated(write.error, self._path)
        self._note_disk(group)

    def _note_disk(self, group: Sequence[_Write]) -> None:
        """Tell the log when the disk begins to fail and when it is well again, not each time."""
        failed = next((one.error for one in group if is_of_disk(one.error)), None)
        note_suspect(failed, self._path)
        if failed is not None and not self._failing:
            _log.error("a database cannot be written", exc_info=failed, extra={"path": self._path})
        elif failed is None and self._failing:
            _log.warning("a database can be written again", extra={"path": self._path})
        self._failing = failed is not None

    def _roll_back(self) -> None:
        try:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
        except sqlite3.Error:  # A border: whatever the disk does, this thread must go on.
            _log.exception("a transaction could not be rolled back", extra={"path": self._path})

    def _run(self, write: _Write) -> None:
        self._writer.execute("SAVEPOINT one")
        try:
            write.result = write.work(self._writer)
        except BaseException as error:
            write.error = error
            if not self._writer.in_transaction:
                raise  # A full disk ends the whole transaction by itself.
            self._writer.execute("ROLLBACK TO one")
        self._writer.execute("RELEASE one")

    def _tell(self, group: Sequence[_Write]) -> None:
        self._groups += 1
        for loop in {write.loop: None for write in group}:
            mine = [write for write in group if write.loop is loop]
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._settle, mine)

    def _settle(self, group: Sequence[_Write]) -> None:
        self._waiting -= len(group)
        for write in group:
            write.settle()
            self._writes += 1
            self._failed += write.error is not None
