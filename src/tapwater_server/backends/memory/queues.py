"""The reference keeper of queues' settings and topics' subscriptions, in dictionaries."""

from collections.abc import Mapping, Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.ports.queues import DEFAULT, QueueSettings, check_room, check_subscriptions


class MemoryQueues:
    """See the promises of ``ports/queues.py``; durable as long as the process."""

    def __init__(self) -> None:
        self._settings: dict[AppId, dict[str, QueueSettings]] = {}
        self._topics: dict[AppId, dict[str, list[str]]] = {}

    def settings(self, app: AppId, queue: str) -> QueueSettings:
        return self._settings.get(app, {}).get(queue, DEFAULT)

    def configured(self, app: AppId) -> Mapping[str, QueueSettings]:
        return dict(sorted(self._settings.get(app, {}).items()))

    def forwarding(self) -> Sequence[tuple[AppId, str, str]]:
        return [
            (app, queue, settings.dead_letters)
            for app, queues in self._settings.items()
            for queue, settings in queues.items()
            if settings.dead_letters
        ]

    async def configure(self, app: AppId, queue: str, settings: QueueSettings) -> None:
        check_room(self.configured(app), queue)
        self._settings.setdefault(app, {})[queue] = settings

    async def remove(self, app: AppId, queue: str) -> bool:
        heard = [topic for topic, queues in self.topics(app).items() if queue in queues]
        for topic in heard:
            await self.unsubscribe(app, topic, queue)
        return self._settings.get(app, {}).pop(queue, None) is not None or bool(heard)

    def subscribed(self, app: AppId, topic: str) -> Sequence[str]:
        return tuple(self._topics.get(app, {}).get(topic, ()))

    def topics(self, app: AppId) -> Mapping[str, Sequence[str]]:
        return {topic: tuple(q) for topic, q in sorted(self._topics.get(app, {}).items())}

    async def subscribe(self, app: AppId, topic: str, queue: str) -> None:
        queues = self._topics.setdefault(app, {}).setdefault(topic, [])
        check_subscriptions(queues, queue)
        if queue not in queues:
            queues.append(queue)
            queues.sort()

    async def unsubscribe(self, app: AppId, topic: str, queue: str) -> bool:
        queues = self._topics.get(app, {}).get(topic, [])
        if queue not in queues:
            return False
        queues.remove(queue)
        if not queues:
            del self._topics[app][topic]
        return True

    async def erase(self, app: AppId) -> None:
        self._settings.pop(app, None)
        self._topics.pop(app, None)
