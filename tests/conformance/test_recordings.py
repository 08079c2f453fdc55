"""What every keeper of recordings must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.backends.memory.recordings import MemoryRecordings
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.recordings import SqliteRecordings
from tapwater_server.model.ids import AppId
from tapwater_server.model.recording import Recording, Why
from tapwater_server.model.tape import Question
from tapwater_server.ports.recordings import Recordings, Wanted

SHOP, OTHER = AppId("shop"), AppId("other")
ONE = Recording(
    id="01",
    at=100.0,
    why=Why.ERROR,
    app=SHOP,
    function="orders/total",
    revision="r1",
    verb="http",
    method="POST",
    path="/orders-api/total",
    query=b"a=1",
    params={"id": "7"},
    headers=[(b"x-a", b"b")],
    body=b"\x00\xff" * 100,
    user=b'{"id": "u1"}',
    ending="user_error",
    message="ValueError: no",
    answer_headers=[(b"content-type", b"text/plain")],
    answer=b"x" * 1000,
    questions=(
        Question(name="service", body=b"q", answer=b"a", answered=True, at_ms=1.0, took_ms=2.0),
        Question(name="secret", body=b"s", kept=False, fine=False),
    ),
)


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Recordings]:
    yield MemoryRecordings()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Recordings]:
    database = Database(folder / "recordings.db", schema="recordings")
    try:
        yield SqliteRecordings(database=database)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Recordings]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def recordings(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Recordings]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def ids(recordings: Recordings, wanted: Wanted | None = None) -> list[str]:
    return [one.id for one in await recordings.find(wanted or Wanted())]


async def test_rcd_1_what_was_put_is_found_as_it_was(recordings: Recordings) -> None:
    await recordings.put([ONE])
    assert await recordings.get("01") == ONE
    assert await recordings.get("02") is None


async def test_rcd_1_an_id_put_again_is_replaced(recordings: Recordings) -> None:
    await recordings.put([ONE])
    await recordings.put([replace(ONE, message="other")])
    found = await recordings.get("01")
    assert found is not None
    assert found.message == "other"
    assert await ids(recordings) == ["01"]


async def test_rcd_2_lists_are_newest_first_of_what_was_asked(recordings: Recordings) -> None:
    await recordings.put(
        [
            ONE,
            replace(ONE, id="02", function="orders/other"),
            replace(ONE, id="03", app=OTHER),
            replace(ONE, id="04", why=Why.SAMPLE, ending="ok", status=200, root_path="/x"),
        ]
    )
    assert await ids(recordings) == ["04", "03", "02", "01"]
    assert await ids(recordings, Wanted(app=SHOP)) == ["04", "02", "01"]
    assert await ids(recordings, Wanted(app=SHOP, function="orders/total")) == ["04", "01"]
    assert await ids(recordings, Wanted(before="03", count_max=1)) == ["02"]
    newest = (await recordings.find(Wanted(count_max=1)))[0]
    told = (newest.why, newest.ending, newest.status, newest.path)
    assert told == (Why.SAMPLE, "ok", 200, "/x/orders-api/total")
    assert newest.size_bytes > 0


async def test_rcd_3_old_ones_go(recordings: Recordings) -> None:
    await recordings.put([ONE, replace(ONE, id="02", at=200.0)])
    assert await recordings.sweep(older_than=150.0, bytes_max=1 << 30, each_max=10) == 1
    assert await ids(recordings) == ["02"]


async def test_rcd_3_a_function_keeps_its_newest(recordings: Recordings) -> None:
    others = [replace(ONE, id=f"1{n}") for n in range(5)]
    await recordings.put([replace(ONE, function="quiet"), *others])
    assert await recordings.sweep(older_than=0.0, bytes_max=1 << 30, each_max=2) == 3
    assert await ids(recordings) == ["14", "13", "01"]


async def test_rcd_3_the_oldest_go_until_all_fit(recordings: Recordings) -> None:
    await recordings.put([replace(ONE, id=f"1{n}") for n in range(5)])
    size = (await recordings.find(Wanted(count_max=1)))[0].size_bytes
    await recordings.sweep(older_than=0.0, bytes_max=2 * size + size // 2, each_max=10)
    assert await ids(recordings) == ["14", "13"]


async def test_rcd_4_an_app_is_erased_and_nothing_else(recordings: Recordings) -> None:
    await recordings.put([ONE, replace(ONE, id="02", app=OTHER)])
    await recordings.erase(SHOP)
    assert await ids(recordings) == ["02"]


async def test_rcd_5_all_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as first:
        await first.put([ONE])
    async with sqlite(tmp_path) as second:
        assert await second.get("01") == ONE
