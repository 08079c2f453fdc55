"""The threads that read a database: one question at a time each, answers in as few calls as go."""

import asyncio
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tapwater_server.backends.sqlite.failing import translated
from tapwater_server.backends.sqlite.suspects import note_suspect
from tapwater_server.model.errors import Overloaded

T = TypeVar("T")
READERS = 2


class _Answers:
    """The way back to a loop. Waking it costs more than a small read: it is rung for once, and
    takes whatever else was answered before it came.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._ready: deque[_Read] = deque()
        self._rung = False

    def add(self, read: "_Read") -> None:
        """Called by the threads. First the answer, then the look at the bell: none is missed."""
        self._ready.append(read)
        if not self._rung and not self.loop.is_closed():
            self._rung = True
            self.loop.call_soon_threadsafe(self._take)

    def _take(self) -> None:
        self._rung = False
        while self._ready:
            self._ready.popleft().settle()


@dataclass(slots=True, kw_only=True)
class _Read:
    """One question, and whom to tell."""

    work: Callable[[sqlite3.Connection], Any]
    answers: _Answers
    done: "asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.done.done():
            return
        if self.error is not None:
            self.done.set_exception(self.error)
        else:
            self.done.set_result(self.result)


class Readers:
    """Threads with a connection each, begun with the first question."""

    def __init__(self, path: Path, *, connect: Callable[[], sqlite3.Connection]) -> None:
        self._path, self._connect = path, connect
        self._asked: queue.SimpleQueue[_Read | None] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._answers: _Answers | None = None
        self._closed = False

    def ask(self, work: Callable[[sqlite3.Connection], T]) -> "asyncio.Future[T]":
        """Have ``work`` run by the next thread that is free.

        Raises:
            Overloaded: the database is closed.
        """
        if self._closed:
            raise Overloaded("the database is closed", path=str(self._path))
        loop = asyncio.get_running_loop()
        if self._answers is None or self._answers.loop is not loop:
            self._answers = _Answers(loop)
        if not self._threads:
            self._begin()
        done: asyncio.Future[T] = loop.create_future()
        self._asked.put(_Read(work=work, answers=self._answers, done=done))
        return done

    def close(self) -> None:
        """Answer what was asked, then end; waits for it."""
        self._closed = True
        for _ in self._threads:
            self._asked.put(None)
        for thread in self._threads:
            thread.join()

    def _begin(self) -> None:
        name = f"read {self._path.name}"
        self._threads = [
            threading.Thread(target=self._read_for_ever, name=name, daemon=True)
            for _ in range(READERS)
        ]
        for thread in self._threads:
            thread.start()

    def _read_for_ever(self) -> None:
        connection: sqlite3.Connection | None = None
        while True:
            read = self._asked.get()
            if read is None:
                break
            if not read.done.cancelled():
                try:
                    if connection is None:
                        connection = self._connect()
                    read.result = read.work(connection)
                except BaseException as error:  # A border: it is for who asked.
                    read.error = translated(error, self._path)
                    note_suspect(read.error, self._path)
                read.answers.add(read)
            del read  # It may hold megabytes, and the next may be long in coming.
        if connection is not None:
            connection.close()
