"""What every keeper of rules of alerts must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tapwater_server.backends.memory.alerts import MemoryAlerts
from tapwater_server.backends.sqlite.alerts import SqliteAlerts
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.alert import RULES_MAX, Alert, AlertKind
from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import AppId
from tapwater_server.ports.alerts import Alerts

SHOP, NODE = AppId("shop"), AppId("")
RULE = Alert(
    app=SHOP,
    name="failing",
    kind=AlertKind.ERROR_RATE,
    above=5.0,
    mails=("ada@example.com",),
    webhooks=("https://example.com/hook",),
    secret="s",
)


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Alerts]:
    yield MemoryAlerts()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Alerts]:
    database = Database(folder / "seeing.db", schema="seeing")
    try:
        yield SqliteAlerts(database=database)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Alerts]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def alerts(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Alerts]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_alr_1_put_replaces_and_remove_removes(alerts: Alerts) -> None:
    await alerts.put(RULE)
    changed = replace(RULE, above=7.0)
    await alerts.put(changed)
    assert alerts.get(SHOP, "failing") == changed
    assert await alerts.remove(SHOP, "failing")
    assert not await alerts.remove(SHOP, "failing")
    assert alerts.all() == ()


async def test_alr_1_all_is_there_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as before:
        await before.put(RULE)
        await before.put(replace(RULE, app=NODE))
    async with sqlite(tmp_path) as after:
        assert set(after.all()) == {RULE, replace(RULE, app=NODE)}


async def test_alr_2_an_app_has_its_own_and_the_node_too(alerts: Alerts) -> None:
    of_node = replace(RULE, app=NODE)
    for rule in (RULE, of_node, replace(RULE, name="another")):
        await alerts.put(rule)
    assert [one.name for one in alerts.of_app(SHOP)] == ["another", "failing"]
    assert alerts.of_app(NODE) == [of_node]
    assert len(alerts.all()) == 3


async def test_alr_3_there_are_only_so_many(alerts: Alerts) -> None:
    for n in range(RULES_MAX):
        await alerts.put(replace(RULE, name=f"n{n}"))
    with pytest.raises(Conflict, match="the most"):
        await alerts.put(replace(RULE, name="more"))
    await alerts.put(replace(RULE, name="n0", above=1.0))
    await alerts.put(replace(RULE, app=NODE))


async def test_alr_4_erase_forgets_one_app(alerts: Alerts) -> None:
    await alerts.put(RULE)
    await alerts.put(replace(RULE, app=NODE))
    await alerts.erase(SHOP)
    assert [one.app for one in alerts.all()] == [NODE]


async def test_alr_5_when_a_rule_was_told_is_remembered(alerts: Alerts) -> None:
    await alerts.put(RULE)
    await alerts.put(replace(RULE, app=NODE))
    await alerts.note_told(SHOP, "failing", 5.0)
    await alerts.note_told(SHOP, "never heard of", 5.0)
    await alerts.put(replace(RULE, above=7.0))
    assert alerts.told_at(SHOP, "failing") == 5.0
    assert alerts.told_at(NODE, "failing") == 0.0
    assert alerts.told_at(SHOP, "never heard of") == 0.0
    await alerts.remove(SHOP, "failing")
    await alerts.put(RULE)
    assert alerts.told_at(SHOP, "failing") == 0.0


async def test_alr_5_also_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as before:
        await before.put(RULE)
        await before.note_told(SHOP, "failing", 5.0)
    async with sqlite(tmp_path) as after:
        assert after.told_at(SHOP, "failing") == 5.0
