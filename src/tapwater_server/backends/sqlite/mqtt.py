"""What an MQTT broker must not forget, in SQLite. Messages are kept once, whoever waits for them;
triggers of the schema remove one when the last who wanted it is gone."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.ports.mqtt import (
    Change,
    Enqueued,
    Finished,
    Kept,
    KeptMessage,
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

_KEEP = """
INSERT INTO session (app, client, expiry_s, left_at) VALUES (:app, :client, :expiry_s, :left_at)
ON CONFLICT (app, client) DO UPDATE SET expiry_s = :expiry_s, left_at = :left_at
"""
# The rows of a session go by name, not by the cascade alone: its triggers must run too.
_DROP_QUEUED = "DELETE FROM queued WHERE app = :app AND client = :client"
_DROP = "DELETE FROM session WHERE app = :app AND client = :client"
_SUBSCRIBE = """
INSERT OR REPLACE INTO subscription (app, client, filter, options, id)
SELECT :app, :client, :filter, :options, :id
WHERE EXISTS (SELECT 1 FROM session WHERE app = :app AND client = :client)
"""
_UNSUBSCRIBE = """
DELETE FROM subscription WHERE app = :app AND client = :client AND filter = :filter
"""
_MESSAGE = """
INSERT INTO message
    (id, app, topic, payload, qos, publisher, properties, published_at, expires_at)
VALUES (:id, :app, :topic, :payload, :qos, :publisher, :properties, :published_at, :expires_at)
ON CONFLICT DO NOTHING
"""
_ENQUEUE = """
INSERT INTO queued (app, client, packet_id, message, qos, retain, ids, released)
VALUES (:app, :client, :packet_id, :message, :qos, :retain, :ids, :released)
"""
_IS_KEPT = "SELECT 1 FROM session WHERE app = :app AND client = :client"
_RELEASE = """
UPDATE queued SET released = 1
WHERE app = :app AND client = :client AND packet_id = :packet_id
"""
_SETTLE = "DELETE FROM queued WHERE app = :app AND client = :client AND packet_id = :packet_id"
_RECEIVE = """
INSERT OR IGNORE INTO received (app, client, packet_id)
SELECT :app, :client, :packet_id
WHERE EXISTS (SELECT 1 FROM session WHERE app = :app AND client = :client)
"""
_FINISH = "DELETE FROM received WHERE app = :app AND client = :client AND packet_id = :packet_id"
_PROMISE = """
INSERT INTO promise (id, app, body) VALUES (:id, :app, :body) ON CONFLICT DO NOTHING
"""
_TOLD = "DELETE FROM promise WHERE id = :id"
_CLEAR = "DELETE FROM retained WHERE app = :app AND topic = :topic"
_RETAIN = "INSERT INTO retained (app, topic, message) VALUES (:app, :topic, :message)"

_ERASE = (
    "DELETE FROM queued WHERE app = :app",
    "DELETE FROM retained WHERE app = :app",
    "DELETE FROM session WHERE app = :app",
    "DELETE FROM promise WHERE app = :app",
)

_SESSIONS = "SELECT app, client, expiry_s, left_at FROM session"
_SUBSCRIPTIONS = "SELECT app, client, filter, options, id FROM subscription"
_QUEUED = """
SELECT q.app, q.client, q.packet_id, q.qos, q.retain, q.ids, q.released,
       m.id, m.topic, m.payload, m.qos, m.publisher, m.properties, m.published_at, m.expires_at
FROM queued q JOIN message m ON m.id = q.message ORDER BY q.seq
"""
_RECEIVED = "SELECT app, client, packet_id FROM received"
_PROMISES = "SELECT id, app, body FROM promise ORDER BY id"
_RETAINED = """
SELECT r.app,
       m.id, m.topic, m.payload, m.qos, m.publisher, m.properties, m.published_at, m.expires_at
FROM retained r JOIN message m ON m.id = r.message
"""


class SqliteMqtt:
    """See the promises of ``ports/mqtt.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database = database

    def load(self) -> Kept:
        return self._database.load(_load)

    async def write(self, changes: Sequence[Change]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for change in changes:
                _APPLY[type(change)](connection, change)

        await self._database.write(work)

    async def erase(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            for statement in _ERASE:
                connection.execute(statement, {"app": app})

        await self._database.write(work)


def _client(change: Any) -> dict[str, Any]:
    return {"app": change.app, "client": change.client}


def _packet(change: Any) -> dict[str, Any]:
    return {**_client(change), "packet_id": change.packet_id}


def _keep(connection: sqlite3.Connection, change: SessionKept) -> None:
    facts = {"expiry_s": change.expiry_s, "left_at": change.left_at}
    connection.execute(_KEEP, {**_client(change), **facts})


def _drop(connection: sqlite3.Connection, change: SessionDropped) -> None:
    connection.execute(_DROP_QUEUED, _client(change))
    connection.execute(_DROP, _client(change))


def _subscribe(connection: sqlite3.Connection, change: Subscribed) -> None:
    facts = {"filter": change.filter, "options": change.options, "id": change.id}
    connection.execute(_SUBSCRIBE, {**_client(change), **facts})


def _unsubscribe(connection: sqlite3.Connection, change: Unsubscribed) -> None:
    connection.execute(_UNSUBSCRIBE, {**_client(change), "filter": change.filter})


def _enqueue(connection: sqlite3.Connection, change: Enqueued) -> None:
    if connection.execute(_IS_KEPT, _client(change)).fetchone() is None:
        return
    connection.execute(_SETTLE, _packet(change))  # An identifier is given again: the old is over.
    _add_message(connection, change.app, change.message)
    facts = {
        "message": change.message.id,
        "qos": change.qos,
        "retain": change.retain,
        "ids": json.dumps(change.ids),
        "released": change.released,
    }
    connection.execute(_ENQUEUE, {**_packet(change), **facts})


def _add_message(connection: sqlite3.Connection, app: AppId, message: KeptMessage) -> None:
    facts: Mapping[str, Any] = {
        "id": message.id,
        "app": app,
        "topic": message.topic,
        "payload": message.payload,
        "qos": message.qos,
        "publisher": message.publisher,
        "properties": message.properties,
        "published_at": message.published_at,
        "expires_at": message.expires_at,
    }
    connection.execute(_MESSAGE, facts)


def _release(connection: sqlite3.Connection, change: Released) -> None:
    connection.execute(_RELEASE, _packet(change))


def _settle(connection: sqlite3.Connection, change: Settled) -> None:
    connection.execute(_SETTLE, _packet(change))


def _receive(connection: sqlite3.Connection, change: Received) -> None:
    connection.execute(_RECEIVE, _packet(change))
    if change.promise is not None:
        promise = change.promise
        facts = {"id": promise.id, "app": promise.app, "body": promise.body}
        connection.execute(_PROMISE, facts)


def _finish(connection: sqlite3.Connection, change: Finished) -> None:
    connection.execute(_FINISH, _packet(change))


def _told(connection: sqlite3.Connection, change: Told) -> None:
    connection.execute(_TOLD, {"id": change.id})


def _retain(connection: sqlite3.Connection, change: RetainedSet) -> None:
    _clear(connection, RetainedCleared(app=change.app, topic=change.message.topic))
    _add_message(connection, change.app, change.message)
    facts = {"topic": change.message.topic, "message": change.message.id}
    connection.execute(_RETAIN, {"app": change.app, **facts})


def _clear(connection: sqlite3.Connection, change: RetainedCleared) -> None:
    connection.execute(_CLEAR, {"app": change.app, "topic": change.topic})


_APPLY: Mapping[type, Callable[[sqlite3.Connection, Any], None]] = {
    SessionKept: _keep,
    SessionDropped: _drop,
    Subscribed: _subscribe,
    Unsubscribed: _unsubscribe,
    Enqueued: _enqueue,
    Released: _release,
    Settled: _settle,
    Received: _receive,
    Finished: _finish,
    Told: _told,
    RetainedSet: _retain,
    RetainedCleared: _clear,
}


def _load(connection: sqlite3.Connection) -> Kept:
    run = connection.execute
    return Kept(
        sessions=[
            SessionKept(app=AppId(app), client=client, expiry_s=expiry_s, left_at=left_at)
            for app, client, expiry_s, left_at in run(_SESSIONS)
        ],
        subscriptions=[
            Subscribed(app=AppId(app), client=client, filter=filter, options=options, id=id)
            for app, client, filter, options, id in run(_SUBSCRIPTIONS)
        ],
        queued=list(_load_queued(connection)),
        received=[
            Received(app=AppId(app), client=client, packet_id=packet_id)
            for app, client, packet_id in run(_RECEIVED)
        ],
        promises=[
            Promise(id=id, app=AppId(app), body=bytes(body)) for id, app, body in run(_PROMISES)
        ],
        retained=[
            RetainedSet(app=AppId(app), message=_message(row)) for app, *row in run(_RETAINED)
        ],
    )


def _load_queued(connection: sqlite3.Connection) -> Iterator[Enqueued]:
    for app, client, packet_id, qos, retain, ids, released, *row in connection.execute(_QUEUED):
        yield Enqueued(
            app=AppId(app),
            client=client,
            packet_id=packet_id,
            message=_message(row),
            qos=qos,
            retain=bool(retain),
            ids=tuple(json.loads(ids)),
            released=bool(released),
        )


def _message(row: Sequence[Any]) -> KeptMessage:
    id, topic, payload, qos, publisher, properties, published_at, expires_at = row
    return KeptMessage(
        id=id,
        topic=topic,
        payload=bytes(payload),
        qos=qos,
        publisher=publisher,
        properties=bytes(properties),
        published_at=published_at,
        expires_at=expires_at,
    )
