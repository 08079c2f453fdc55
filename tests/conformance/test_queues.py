"""What every keeper of queues' settings and topics' subscriptions must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.memory.queues import MemoryQueues
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.queues import SqliteQueues
from tapwater_server.model.errors import Overloaded
from tapwater_server.model.ids import AppId
from tapwater_server.ports.queues import DEFAULT, SUBSCRIPTIONS_MAX, Queues, QueueSettings

SHOP, OTHER = AppId("shop"), AppId("other")
SLOW = QueueSettings(visibility_s=600, attempts_max=2, ordered=True, dead_letters="lost")


@asynccontextmanager
async def memory(_: Path) -> AsyncIterator[Queues]:
    yield MemoryQueues()


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Queues]:
    database = Database(folder / "data.db", schema="data")
    try:
        yield SqliteQueues(database=database)
    finally:
        await database.close()


BACKENDS: dict[str, Callable[[Path], AbstractAsyncContextManager[Queues]]] = {
    "memory": memory,
    "sqlite": sqlite,
}


@pytest.fixture(params=sorted(BACKENDS))
async def queues(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Queues]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


async def test_que_1_configured_is_kept_and_the_rest_has_defaults(queues: Queues) -> None:
    await queues.configure(SHOP, "emails", SLOW)
    assert queues.settings(SHOP, "emails") == SLOW
    assert queues.settings(SHOP, "other") == queues.settings(OTHER, "emails") == DEFAULT
    assert queues.configured(SHOP) == {"emails": SLOW}
    assert queues.forwarding() == [(SHOP, "emails", "lost")]
    await queues.configure(SHOP, "emails", DEFAULT)
    assert queues.settings(SHOP, "emails") == DEFAULT
    assert queues.forwarding() == []


async def test_que_1_it_holds_after_a_new_start(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as before:
        await before.configure(SHOP, "emails", SLOW)
        await before.subscribe(SHOP, "news", "emails")
        await before.subscribe(SHOP, "news", "archive")
    async with sqlite(tmp_path) as after:
        assert after.configured(SHOP) == {"emails": SLOW}
        assert after.topics(SHOP) == {"news": ("archive", "emails")}


async def test_que_2_subscribed_at_once(queues: Queues) -> None:
    assert list(queues.subscribed(SHOP, "news")) == []
    await queues.subscribe(SHOP, "news", "b")
    await queues.subscribe(SHOP, "news", "a")
    await queues.subscribe(SHOP, "news", "a")
    assert list(queues.subscribed(SHOP, "news")) == ["a", "b"]
    assert list(queues.subscribed(OTHER, "news")) == []
    assert await queues.unsubscribe(SHOP, "news", "a")
    assert not await queues.unsubscribe(SHOP, "news", "a")
    assert await queues.unsubscribe(SHOP, "news", "b")
    assert queues.topics(SHOP) == {}


async def test_que_2_a_topic_has_a_ceiling(queues: Queues) -> None:
    for number in range(SUBSCRIPTIONS_MAX):
        await queues.subscribe(SHOP, "news", f"q{number}")
    await queues.subscribe(SHOP, "news", "q0")
    with pytest.raises(Overloaded):
        await queues.subscribe(SHOP, "news", "one-more")


async def test_que_3_a_removed_queue_hears_nothing(queues: Queues) -> None:
    await queues.configure(SHOP, "emails", SLOW)
    await queues.subscribe(SHOP, "news", "emails")
    await queues.subscribe(SHOP, "news", "archive")
    await queues.subscribe(OTHER, "news", "emails")
    assert await queues.remove(SHOP, "emails")
    assert not await queues.remove(SHOP, "emails")
    assert queues.topics(SHOP) == {"news": ("archive",)}
    assert queues.topics(OTHER) == {"news": ("emails",)}
    assert queues.settings(SHOP, "emails") == DEFAULT


async def test_que_4_one_app_is_erased(queues: Queues) -> None:
    for app in (SHOP, OTHER):
        await queues.configure(app, "emails", SLOW)
        await queues.subscribe(app, "news", "emails")
    await queues.erase(SHOP)
    assert not queues.configured(SHOP)
    assert not queues.topics(SHOP)
    assert queues.configured(OTHER) == {"emails": SLOW}
    assert queues.topics(OTHER) == {"news": ("emails",)}
