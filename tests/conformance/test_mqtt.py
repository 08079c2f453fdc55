"""What every store of an MQTT broker must do."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tapwater_server.backends.memory.mqtt import MemoryMqtt
from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.backends.sqlite.mqtt import SqliteMqtt
from tapwater_server.model.ids import AppId
from tapwater_server.ports.mqtt import (
    Change,
    Enqueued,
    Finished,
    KeptMessage,
    MqttStore,
    Promise,
    Received,
    Released,
    RetainedCleared,
    RetainedSet,
    SessionDropped,
    SessionKept,
    Settled,
    Subscribed,
    Told,
    Unsubscribed,
)

SHOP, BLOG = AppId("shop"), AppId("blog")
Open = Callable[[Path], AbstractAsyncContextManager[MqttStore]]


@asynccontextmanager
async def memory(path: Path) -> AsyncIterator[MqttStore]:
    yield MemoryMqtt()


@asynccontextmanager
async def sqlite(path: Path) -> AsyncIterator[MqttStore]:
    database = Database(path / "mqtt.db", schema="mqtt")
    yield SqliteMqtt(database=database)
    await database.close()


BACKENDS: dict[str, Open] = {"memory": memory, "sqlite": sqlite}


@pytest.fixture(params=sorted(BACKENDS))
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MqttStore]:
    async with BACKENDS[request.param](tmp_path) as opened:
        yield opened


def session(client: str = "c", app: AppId = SHOP, *, left_at: float = 0.0) -> SessionKept:
    return SessionKept(app=app, client=client, expiry_s=60, left_at=left_at)


def message(id: str, topic: str = "t") -> KeptMessage:
    return KeptMessage(
        id=id,
        topic=topic,
        payload=b"\x00\xff",
        qos=2,
        publisher="p",
        properties=b"\x00",
        published_at=1.5,
        expires_at=0.0,
    )


def queued(id: str, packet_id: int, client: str = "c", app: AppId = SHOP) -> Enqueued:
    return Enqueued(
        app=app,
        client=client,
        packet_id=packet_id,
        message=message(id),
        qos=1,
        retain=True,
        ids=(3, 4),
    )


async def test_mqt_1_all_of_it_or_nothing(tmp_path: Path) -> None:
    async with sqlite(tmp_path) as store:
        broken = Promise(id="x", app=SHOP, body=None)  # type: ignore[arg-type]
        wrong = Received(app=SHOP, client="c", packet_id=1, promise=broken)
        with pytest.raises(Exception, match="NOT NULL"):
            await store.write([session(), queued("m1", 1), wrong])
        kept = store.load()
        assert (list(kept.sessions), list(kept.queued)) == ([], [])


async def test_mqt_2_what_was_written_is_there_after_a_new_start(tmp_path: Path) -> None:
    changes: list[Change] = [
        session(left_at=7.25),
        Subscribed(app=SHOP, client="c", filter="a/#", options=0x1D, id=9),
        queued("m1", 1),
        queued("m2", 2),
        Released(app=SHOP, client="c", packet_id=1),
        Received(app=SHOP, client="c", packet_id=5, promise=Promise(id="e", app=SHOP, body=b"{}")),
        RetainedSet(app=SHOP, message=message("m2", "kept")),
    ]
    async with sqlite(tmp_path) as before:
        await before.write(changes)
        first = before.load()
    async with sqlite(tmp_path) as after:
        assert after.load() == first
    reference = MemoryMqtt()
    await reference.write(changes)
    kept = reference.load()
    assert list(kept.sessions) == list(first.sessions) == [changes[0]]
    assert list(kept.subscriptions) == list(first.subscriptions) == [changes[1]]
    assert list(kept.queued) == list(first.queued)
    assert [(one.packet_id, one.released) for one in kept.queued] == [(1, True), (2, False)]
    assert list(kept.received) == list(first.received)
    assert list(kept.promises) == list(first.promises)
    assert [one.message.id for one in first.retained] == ["m2"]


async def test_mqt_3_in_order_and_what_is_not_there_is_no_error(store: MqttStore) -> None:
    await store.write(
        [
            queued("m0", 1),  # no session yet
            Subscribed(app=SHOP, client="c", filter="a", options=0, id=0),
            session(),
            queued("m1", 1),
            Settled(app=SHOP, client="c", packet_id=1),
            queued("m2", 1),
            Released(app=SHOP, client="c", packet_id=77),
            Finished(app=SHOP, client="c", packet_id=77),
            Unsubscribed(app=SHOP, client="c", filter="nothing"),
            RetainedCleared(app=SHOP, topic="nothing"),
            SessionDropped(app=SHOP, client="nobody"),
        ]
    )
    await store.write([queued("m3", 2), Settled(app=SHOP, client="c", packet_id=1)])
    await store.write([queued("m4", 1)])
    kept = store.load()
    assert [(one.message.id, one.packet_id) for one in kept.queued] == [("m3", 2), ("m4", 1)]
    assert list(kept.subscriptions) == []


async def test_mqt_4_a_message_goes_with_the_last_who_wanted_it(tmp_path: Path) -> None:
    database = Database(tmp_path / "mqtt.db", schema="mqtt")
    store = SqliteMqtt(database=database)

    def messages() -> int:
        count: int = database.load(
            lambda connection: connection.execute("SELECT count(*) FROM message").fetchone()[0]
        )
        return count

    await store.write([session("c"), session("d"), queued("m", 1, "c"), queued("m", 1, "d")])
    await store.write([RetainedSet(app=SHOP, message=message("m", "t"))])
    assert messages() == 1
    await store.write([Settled(app=SHOP, client="c", packet_id=1)])
    await store.write([SessionDropped(app=SHOP, client="d")])
    assert messages() == 1
    await store.write([RetainedSet(app=SHOP, message=message("n", "t"))])
    assert [one.message.id for one in store.load().retained] == ["n"]
    assert messages() == 1
    await store.write([RetainedCleared(app=SHOP, topic="t")])
    assert messages() == 0
    await database.close()


async def test_mqt_5_a_dropped_session_leaves_nothing(store: MqttStore) -> None:
    await store.write(
        [
            session(),
            session("other"),
            Subscribed(app=SHOP, client="c", filter="a", options=0, id=0),
            queued("m1", 1),
            queued("m1", 1, "other"),
            Received(app=SHOP, client="c", packet_id=5),
            SessionDropped(app=SHOP, client="c"),
            session(),
        ]
    )
    kept = store.load()
    assert {one.client for one in kept.sessions} == {"c", "other"}
    assert [one.client for one in kept.queued] == ["other"]
    assert (list(kept.subscriptions), list(kept.received)) == ([], [])


async def test_mqt_6_a_promise_stays_until_it_is_kept(store: MqttStore) -> None:
    promise = Promise(id="e1", app=SHOP, body=b"{}")
    received = Received(app=SHOP, client="c", packet_id=5, promise=promise)
    await store.write([session(), received])
    await store.write([Finished(app=SHOP, client="c", packet_id=5)])
    await store.write([SessionDropped(app=SHOP, client="c")])
    assert list(store.load().promises) == [promise]
    await store.write([Told(id="e1"), Told(id="e1")])
    assert list(store.load().promises) == []


async def test_mqt_7_an_app_is_forgotten_and_no_other(store: MqttStore) -> None:
    for app in (SHOP, BLOG):
        await store.write(
            [
                session(app=app),
                queued(f"m-{app}", 1, app=app),
                Received(
                    app=app,
                    client="c",
                    packet_id=1,
                    promise=Promise(id=f"e-{app}", app=app, body=b""),
                ),
                RetainedSet(app=app, message=message(f"r-{app}")),
            ]
        )
    await store.erase(SHOP)
    await store.erase(SHOP)
    kept = store.load()
    assert [one.app for one in kept.sessions] == [BLOG]
    assert [one.app for one in kept.queued] == [BLOG]
    assert [one.app for one in kept.received] == [BLOG]
    assert [one.app for one in kept.promises] == [BLOG]
    assert [one.app for one in kept.retained] == [BLOG]
