"""What an MQTT broker must not forget, in memory: the reference for the promises."""

from collections.abc import Sequence
from dataclasses import replace

from tapwater_server.model.ids import AppId
from tapwater_server.ports.mqtt import (
    Change,
    Enqueued,
    Finished,
    Kept,
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

Client = tuple[AppId, str]


class MemoryMqtt:
    """See the promises of ``ports/mqtt.py``; nothing survives the process."""

    def __init__(self) -> None:
        self._sessions: dict[Client, SessionKept] = {}
        self._subscriptions: dict[tuple[Client, str], Subscribed] = {}
        self._queued: dict[tuple[Client, int], Enqueued] = {}
        self._received: dict[tuple[Client, int], Received] = {}
        self._promises: dict[str, Promise] = {}
        self._retained: dict[tuple[AppId, str], RetainedSet] = {}

    def load(self) -> Kept:
        return Kept(
            sessions=tuple(self._sessions.values()),
            subscriptions=tuple(self._subscriptions.values()),
            queued=tuple(self._queued.values()),
            received=tuple(self._received.values()),
            promises=tuple(self._promises.values()),
            retained=tuple(self._retained.values()),
        )

    async def write(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._apply(change)

    async def erase(self, app: AppId) -> None:
        for client in [client for client in self._sessions if client[0] == app]:
            self._drop(client)
        self._promises = {id: one for id, one in self._promises.items() if one.app != app}
        self._retained = {key: one for key, one in self._retained.items() if key[0] != app}

    def _apply(self, change: Change) -> None:  # noqa: C901  One line for each kind of change.
        match change:
            case SessionKept():
                self._sessions[(change.app, change.client)] = change
            case SessionDropped():
                self._drop((change.app, change.client))
            case RetainedSet():
                self._retained[(change.app, change.message.topic)] = change
            case RetainedCleared():
                self._retained.pop((change.app, change.topic), None)
            case Told():
                self._promises.pop(change.id, None)
            case Subscribed() | Unsubscribed():
                self._subscribe(change)
            case Received() | Finished():
                self._receive(change)
            case Enqueued() | Released() | Settled():
                self._queue(change)

    def _subscribe(self, change: Subscribed | Unsubscribed) -> None:
        client = (change.app, change.client)
        self._subscriptions.pop((client, change.filter), None)
        if isinstance(change, Subscribed) and client in self._sessions:
            self._subscriptions[(client, change.filter)] = change

    def _receive(self, change: Received | Finished) -> None:
        client = (change.app, change.client)
        if isinstance(change, Finished):
            self._received.pop((client, change.packet_id), None)
            return
        if client in self._sessions:
            self._received[(client, change.packet_id)] = replace(change, promise=None)
        if change.promise is not None:
            self._promises[change.promise.id] = change.promise

    def _queue(self, change: Enqueued | Released | Settled) -> None:
        client = (change.app, change.client)
        key = (client, change.packet_id)
        if isinstance(change, Enqueued):
            if client in self._sessions:
                self._queued[key] = change
        elif isinstance(change, Settled):
            self._queued.pop(key, None)
        elif key in self._queued:
            self._queued[key] = replace(self._queued[key], released=True)

    def _drop(self, client: Client) -> None:
        self._sessions.pop(client, None)
        for table in (self._subscriptions, self._queued, self._received):
            for key in [key for key in table if key[0] == client]:
                del table[key]  # type: ignore[arg-type]  # Each key begins with its client.
