"""What every keeper of facts must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.facts import SqliteFacts
from tapwater_server.model.errors import Conflict, TooLarge
from tapwater_server.ports.facts import FACT_BYTES_MAX, Drop, Facts, Put, Step


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Facts]:
    yield MemoryFacts()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Facts]:
    database = Database(folder / "state.db", schema="state")
    try:
        yield SqliteFacts(database=database)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Facts]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def facts(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Facts]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_fct_1_all_steps_or_none(facts: Facts) -> None:
    await facts.change("a", [Put(kind="k", key="one", value={"n": 1})])
    with pytest.raises(Conflict):
        await facts.change(
            "a",
            [
                Put(kind="k", key="two", value={"n": 2}),
                Drop(kind="k", key="one"),
                Put(kind="k", key="one", value={}, version=7),
            ],
        )
    assert [(one.key, one.value) for one in facts.list("a", "k")] == [("one", {"n": 1})]


async def test_fct_1_kept_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as before:
        await before.change("a", [Put(kind="k", key="é/%", value={"deep": [{"x": None}]})])
        await before.change("a", [Put(kind="k", key="é/%", value={"deep": []}, version=1)])
    async with sqlite(tmp_path) as after:
        found = after.get("a", "k", "é/%")
        assert found is not None
        assert (found.value, found.version) == ({"deep": []}, 2)


async def test_fct_2_versions_are_checked_and_grow(facts: Facts) -> None:
    await facts.change("a", [Put(kind="k", key="one", value={}, version=0)])
    with pytest.raises(Conflict):
        await facts.change("a", [Put(kind="k", key="one", value={}, version=0)])
    await facts.change("a", [Put(kind="k", key="one", value={"n": 2}, version=1)])
    await facts.change("a", [Put(kind="k", key="one", value={"n": 3})])
    found = facts.get("a", "k", "one")
    assert found is not None
    assert found.version == 3
    with pytest.raises(Conflict):
        await facts.change("a", [Drop(kind="k", key="one", version=2)])
    await facts.change("a", [Drop(kind="k", key="one", version=3)])
    assert facts.get("a", "k", "one") is None


async def test_fct_2_a_change_sees_its_own_earlier_steps(facts: Facts) -> None:
    steps: list[Step] = [
        Put(kind="k", key="one", value={"n": 1}, version=0),
        Put(kind="k", key="one", value={"n": 2}, version=1),
        Drop(kind="k", key="one", version=2),
        Put(kind="k", key="one", value={"n": 3}, version=0),
    ]
    await facts.change("a", steps)
    found = facts.get("a", "k", "one")
    assert found is not None
    assert (found.value, found.version) == ({"n": 3}, 1)


async def test_fct_3_lists_by_rising_key_below_a_prefix(facts: Facts) -> None:
    for key in ("b/2", "a", "b/1", "c"):
        await facts.change("a", [Put(kind="k", key=key, value={"key": key})])
    assert [one.key for one in facts.list("a", "k")] == ["a", "b/1", "b/2", "c"]
    assert [one.key for one in facts.list("a", "k", prefix="b/")] == ["b/1", "b/2"]
    assert list(facts.list("a", "other")) == list(facts.list("b", "k")) == []
    value = {"text": "x" * FACT_BYTES_MAX}
    with pytest.raises(TooLarge):
        await facts.change("a", [Put(kind="k", key="large", value=value)])


async def test_fct_4_erase_forgets_one_space(facts: Facts) -> None:
    for space in ("a", "b"):
        await facts.change(space, [Put(kind="k", key="one", value={})])
    await facts.erase("a")
    assert facts.get("a", "k", "one") is None
    assert facts.get("b", "k", "one") is not None
    assert list(facts.spaces()) == ["b"]
