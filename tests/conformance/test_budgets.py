"""What every keeper of budgets must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.backends.memory.budgets import MemoryBudgets
from tapwater_server.backends.sqlite.budgets import SqliteBudgets
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.budget import Budget, Does, Every, Mark, Scope, ScopeKind, Step
from tapwater_server.model.ids import AppId
from tapwater_server.ports.budgets import Budgets

SHOP, BLOG = AppId("shop"), AppId("blog")
DAILY = Budget(
    name="daily",
    scope=Scope(kind=ScopeKind.FUNCTION, app=SHOP, function="users/hello"),
    every=Every.DAY,
    limit=2.5,
    unit="EUR",
    zone="Europe/Berlin",
    strict=True,
    steps=(Step(at_percent=75, does=Does.SLOW), Step(at_percent=100, does=Does.REFUSE)),
    mails=("ada@example.com",),
    webhooks=("https://example.com/hook",),
    tells=(BLOG,),
    by_admin=False,
    set_by="ci",
)
MARK = Mark(budget="daily", since=86_400.0, at_percent=75, reached_at=90_000.0, spent=2.0)


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Budgets]:
    yield MemoryBudgets()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Budgets]:
    database = Database(folder / "state.db", schema="state")
    try:
        yield SqliteBudgets(database=database)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Budgets]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def budgets(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Budgets]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_bdg_1_and_3_all_is_there_after_a_new_start(tmp_path: Path) -> None:
    node = replace(DAILY, name="all", scope=Scope(kind=ScopeKind.NODE), every=Every.MONTH)
    async with sqlite(tmp_path) as before:
        await before.put(DAILY)
        await before.put(node)
        await before.mark(MARK)
    async with sqlite(tmp_path) as after:
        assert list(after.all()) == [node, DAILY]
        assert list(after.marks("daily")) == [MARK]


async def test_bdg_2_watchers_hear_of_changes_and_not_of_marks(budgets: Budgets) -> None:
    heard: list[tuple[str, bool]] = []
    budgets.watch(lambda name: heard.append((name, budgets.get(name) is not None)))
    await budgets.put(DAILY)
    await budgets.mark(MARK)
    await budgets.remove("daily")
    assert heard == [("daily", True), ("daily", False)]


async def test_bdg_3_a_later_mark_takes_the_place_of_one_before(budgets: Budgets) -> None:
    await budgets.put(DAILY)
    full = replace(MARK, at_percent=100, spent=2.5)
    await budgets.mark(full)
    await budgets.mark(MARK)
    told = replace(MARK, told_at=90_001.0)
    await budgets.mark(told)
    assert list(budgets.marks("daily")) == [told, full]
    tomorrow = replace(MARK, since=172_800.0)
    await budgets.mark(tomorrow)
    assert list(budgets.marks("daily")) == [tomorrow]


async def test_bdg_3_no_mark_without_its_budget(budgets: Budgets) -> None:
    await budgets.mark(MARK)
    await budgets.put(DAILY)
    assert not budgets.marks("daily")


async def test_bdg_4_marks_stay_as_long_as_the_same_is_counted(budgets: Budgets) -> None:
    await budgets.put(DAILY)
    await budgets.mark(MARK)
    await budgets.put(replace(DAILY, limit=10.0))
    assert list(budgets.marks("daily")) == [MARK]
    await budgets.put(replace(DAILY, unit="calls"))
    assert not budgets.marks("daily")


async def test_bdg_4_removed_with_its_marks(budgets: Budgets) -> None:
    await budgets.put(DAILY)
    await budgets.mark(MARK)
    assert await budgets.remove("daily")
    assert not await budgets.remove("daily")
    await budgets.put(DAILY)
    assert not budgets.marks("daily")


async def test_bdg_5_what_an_admin_set_outlives_the_app(budgets: Budgets) -> None:
    admins = replace(DAILY, name="admins", by_admin=True)
    elsewhere = replace(DAILY, name="blog", scope=Scope(kind=ScopeKind.APP, app=BLOG))
    for one in (DAILY, admins, elsewhere):
        await budgets.put(one)
    await budgets.erase(SHOP)
    assert [one.name for one in budgets.all()] == ["admins", "blog"]
