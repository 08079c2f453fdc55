"""The reading threads: answers, failures, who does not wait any more, and the end."""

import asyncio
import sqlite3
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from tapwater_server.backends.sqlite.readers import READERS, Readers
from tapwater_server.model.errors import Overloaded
from tests.functional.waiting import wait_until


def opened(path: Path) -> Readers:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path / "a.db", check_same_thread=False)

    return Readers(path / "a.db", connect=connect)


def say(value: int) -> Callable[[sqlite3.Connection], int]:
    return lambda connection: int(connection.execute("SELECT ?", (value,)).fetchone()[0])


async def test_each_has_its_own_answer(tmp_path: Path) -> None:
    readers = opened(tmp_path)
    assert await asyncio.gather(*(readers.ask(say(n)) for n in range(500))) == list(range(500))
    readers.close()


async def test_a_long_one_holds_up_nobody(tmp_path: Path) -> None:
    readers, go_on = opened(tmp_path), threading.Event()
    long = readers.ask(lambda _: go_on.wait(10.0))
    assert await asyncio.gather(*(readers.ask(say(n)) for n in range(100))) == list(range(100))
    assert not long.done()
    go_on.set()
    assert await long
    readers.close()


async def test_what_fails_is_told_to_who_asked(tmp_path: Path) -> None:
    readers = opened(tmp_path)

    def fail(connection: sqlite3.Connection) -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await readers.ask(fail)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await readers.ask(lambda c: c.execute("SELECT * FROM missing"))
    assert await readers.ask(say(1)) == 1
    readers.close()


async def test_a_file_that_cannot_be_opened_fails_each_question(tmp_path: Path) -> None:
    readers = opened(tmp_path / "missing")
    for _ in range(READERS + 1):
        with pytest.raises(Overloaded, match="disk"):
            await readers.ask(say(1))
    readers.close()


async def test_who_has_gone_is_not_answered(tmp_path: Path) -> None:
    readers, go_on, done = opened(tmp_path), threading.Event(), list[int]()
    busy = [readers.ask(lambda _: go_on.wait(10.0)) for _ in range(READERS)]
    gone = readers.ask(lambda _: done.append(1))
    gone.cancel()
    go_on.set()
    await asyncio.gather(*busy)
    assert await readers.ask(say(2)) == 2
    readers.close()
    assert done == []


async def test_the_end_answers_what_was_asked(tmp_path: Path) -> None:
    readers = opened(tmp_path)
    asked = [readers.ask(say(n)) for n in range(50)]
    await asyncio.to_thread(readers.close)
    assert await asyncio.gather(*asked) == list(range(50))
    with pytest.raises(Overloaded):
        readers.ask(say(1))


async def test_an_idle_thread_holds_nothing(tmp_path: Path) -> None:
    class Large(list[int]):
        pass

    readers = opened(tmp_path)
    large = await readers.ask(lambda _: Large([1]))
    held = weakref.ref(large)
    del large
    await wait_until(lambda: held() is None)
    readers.close()


def test_a_database_may_be_asked_from_another_loop(tmp_path: Path) -> None:
    readers = opened(tmp_path)

    async def ask(value: int) -> int:
        return await readers.ask(say(value))

    assert [asyncio.run(ask(value)) for value in (1, 2)] == [1, 2]
    readers.close()
