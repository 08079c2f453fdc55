"""What every keeper of projects must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.memory.projects import MemoryProjects
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.projects import SqliteProjects
from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId
from tapwater_server.model.project import DEFAULT, Project
from tapwater_server.ports.projects import Projects

SHOP, BLOG = AppId("shop"), AppId("blog")


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Projects]:
    yield MemoryProjects()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Projects]:
    database = Database(folder / "state.db", schema="state")
    try:
        yield SqliteProjects(database=database)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Projects]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def projects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Projects]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_prj_1_all_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as before:
        await before.put(Project(name="retail", apps=(SHOP,)))
        await before.put(Project(name="empty"))
        await before.put(Project(name="press", apps=(BLOG,)))
        await before.remove("press")
    async with sqlite(tmp_path) as after:
        assert list(after.all()) == [Project(name="empty"), Project(name="retail", apps=(SHOP,))]
        assert (after.of(SHOP), after.of(BLOG)) == ("retail", DEFAULT)


async def test_prj_2_an_app_nobody_put_anywhere_is_in_the_default(projects: Projects) -> None:
    assert projects.of("anything") == DEFAULT
    with pytest.raises(Invalid):
        await projects.put(Project(name=DEFAULT, apps=(SHOP,)))


async def test_prj_3_an_app_is_in_one_project(projects: Projects) -> None:
    await projects.put(Project(name="retail", apps=(SHOP, BLOG)))
    await projects.put(Project(name="press", apps=(BLOG,)))
    assert list(projects.all()) == [
        Project(name="press", apps=(BLOG,)),
        Project(name="retail", apps=(SHOP,)),
    ]
    await projects.put(Project(name="retail"))
    assert (projects.of(SHOP), projects.of(BLOG)) == (DEFAULT, "press")
    assert await projects.remove("press")
    assert not await projects.remove("press")
    assert projects.of(BLOG) == DEFAULT


async def test_prj_3_a_removed_app_leaves_its_project(projects: Projects) -> None:
    await projects.put(Project(name="retail", apps=(SHOP, BLOG)))
    await projects.erase(SHOP)
    await projects.erase(AppId("never-seen"))
    assert list(projects.all()) == [Project(name="retail", apps=(BLOG,))]
    assert projects.of(SHOP) == DEFAULT


async def test_prj_4_watchers_see_what_they_are_told_of(projects: Projects) -> None:
    seen: list[str] = []
    projects.watch(lambda: seen.append(projects.of(SHOP)))
    await projects.put(Project(name="retail", apps=(SHOP,)))
    await projects.remove("retail")
    assert seen == ["retail", DEFAULT]
