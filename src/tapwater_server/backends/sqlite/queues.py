"""Settings of queues and subscriptions of topics in SQLite, answered from memory."""

import sqlite3
from collections.abc import Mapping, Sequence

import msgspec

from tapwater_server.backends.sqlite.connection import Database
from tapwater_server.model.ids import AppId
from tapwater_server.ports.queues import DEFAULT, QueueSettings, check_room, check_subscriptions

_QUEUES = "SELECT app, name, settings FROM queue"
_TOPICS = "SELECT app, topic, queue FROM topic_queue ORDER BY app, topic, queue"
_CONFIGURE = """
INSERT INTO queue (app, name, settings) VALUES (:app, :queue, :settings)
ON CONFLICT (app, name) DO UPDATE SET settings = :settings
"""
_REMOVE = "DELETE FROM queue WHERE app = :app AND name = :queue"
_REMOVE_HEARD = "DELETE FROM topic_queue WHERE app = :app AND queue = :queue"
_SUBSCRIBE = """
INSERT INTO topic_queue (app, topic, queue) VALUES (:app, :topic, :queue) ON CONFLICT DO NOTHING
"""
_UNSUBSCRIBE = "DELETE FROM topic_queue WHERE app = :app AND topic = :topic AND queue = :queue"
_ERASE_QUEUES = "DELETE FROM queue WHERE app = :app"
_ERASE_TOPICS = "DELETE FROM topic_queue WHERE app = :app"

_Pair = tuple[AppId, str]


class SqliteQueues:
    """See the promises of ``ports/queues.py``."""

    def __init__(self, *, database: Database) -> None:
        self._database = database
        self._settings: dict[_Pair, QueueSettings] = {}
        self._topics: dict[_Pair, tuple[str, ...]] = {}
        database.load(self._load)

    def settings(self, app: AppId, queue: str) -> QueueSettings:
        return self._settings.get((app, queue), DEFAULT)

    def configured(self, app: AppId) -> Mapping[str, QueueSettings]:
        mine = {name: one for (of, name), one in self._settings.items() if of == app}
        return dict(sorted(mine.items()))

    def forwarding(self) -> Sequence[tuple[AppId, str, str]]:
        return [
            (app, queue, settings.dead_letters)
            for (app, queue), settings in self._settings.items()
            if settings.dead_letters
        ]

    async def configure(self, app: AppId, queue: str, settings: QueueSettings) -> None:
        check_room(self.configured(app), queue)
        text = msgspec.json.encode(settings).decode()
        row = {"app": app, "queue": queue, "settings": text}

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_CONFIGURE, row)

        def then(_: None) -> None:
            self._settings[app, queue] = settings

        await self._database.write(work, then=then)

    async def remove(self, app: AppId, queue: str) -> bool:
        row = {"app": app, "queue": queue}

        def work(connection: sqlite3.Connection) -> bool:
            known = connection.execute(_REMOVE, row).rowcount
            heard = connection.execute(_REMOVE_HEARD, row).rowcount
            return known + heard > 0

        def then(_: bool) -> None:
            self._settings.pop((app, queue), None)
            for topic in self.topics(app):
                self._leave(app, topic, queue)

        return await self._database.write(work, then=then)

    def subscribed(self, app: AppId, topic: str) -> Sequence[str]:
        return self._topics.get((app, topic), ())

    def topics(self, app: AppId) -> Mapping[str, Sequence[str]]:
        return dict(sorted((topic, q) for (of, topic), q in self._topics.items() if of == app))

    async def subscribe(self, app: AppId, topic: str, queue: str) -> None:
        check_subscriptions(self.subscribed(app, topic), queue)
        row = {"app": app, "topic": topic, "queue": queue}

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_SUBSCRIBE, row)

        def then(_: None) -> None:
            self._topics[app, topic] = tuple(sorted({*self.subscribed(app, topic), queue}))

        await self._database.write(work, then=then)

    async def unsubscribe(self, app: AppId, topic: str, queue: str) -> bool:
        row = {"app": app, "topic": topic, "queue": queue}

        def work(connection: sqlite3.Connection) -> bool:
            return connection.execute(_UNSUBSCRIBE, row).rowcount > 0

        return await self._database.write(work, then=lambda _: self._leave(app, topic, queue))

    async def erase(self, app: AppId) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(_ERASE_QUEUES, {"app": app})
            connection.execute(_ERASE_TOPICS, {"app": app})

        def then(_: None) -> None:
            self._settings = {key: one for key, one in self._settings.items() if key[0] != app}
            self._topics = {key: one for key, one in self._topics.items() if key[0] != app}

        await self._database.write(work, then=then)

    def _leave(self, app: AppId, topic: str, queue: str) -> None:
        left = tuple(one for one in self.subscribed(app, topic) if one != queue)
        if left:
            self._topics[app, topic] = left
        else:
            self._topics.pop((app, topic), None)

    def _load(self, connection: sqlite3.Connection) -> None:
        for app, name, text in connection.execute(_QUEUES):
            self._settings[app, name] = msgspec.json.decode(text, type=QueueSettings)
        for app, topic, queue in connection.execute(_TOPICS):
            self._topics[app, topic] = (*self._topics.get((app, topic), ()), queue)
