"""What an app may ask of its broker without speaking MQTT: publish, look, listen."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from tapwater_server.model.errors import Invalid, NotAllowed, NotFound, Overloaded, TooLarge
from tapwater_server.model.ids import AppId
from tapwater_server.model.principal import Principal
from tapwater_server.ports.clock import Clock
from tapwater_server.services.mqtt import system
from tapwater_server.services.mqtt.access import Door, Visitor
from tapwater_server.services.mqtt.broker import Broker, Publication
from tapwater_server.services.mqtt.codec.packets import NONE, Properties, Subscription
from tapwater_server.services.mqtt.codec.reasons import FAILURE, BadPacket, Reason
from tapwater_server.services.mqtt.codec.topics import check_filter, check_name
from tapwater_server.services.mqtt.happening import Cause
from tapwater_server.services.mqtt.messages import Message, Outgoing
from tapwater_server.services.mqtt.server import MqttServer
from tapwater_server.services.mqtt.sessions import Sessions

LISTENERS_MAX = 1_000  # Streams of messages over HTTP, of all apps.
HELD_MAX = 1_000  # Messages that wait for one slow reader of such a stream.


class MqttService:
    """The broker, for those who come over HTTP or from a function."""

    def __init__(
        self,
        *,
        broker: Broker,
        sessions: Sessions,
        server: MqttServer,
        door: Door,
        clock: Clock,
        elsewhere: Callable[[AppId], Mapping[str, object] | None],
    ) -> None:
        self._elsewhere = elsewhere
        self._broker, self._sessions = broker, sessions
        self._server, self._door, self._clock = server, door, clock
        self._listening = 0

    async def publish(
        self,
        app: AppId,
        who: Principal,
        *,
        topic: str,
        payload: bytes,
        qos: int,
        retain: bool,
        expiry_s: int | None,
        content_type: str | None,
        cause: Cause,
    ) -> str:
        """Publish a message and give its id; with QoS 1 or 2 it is safe when this returns.

        Raises:
            Invalid: that is no topic.
            NotAllowed: the app's rules are against it.
            TooLarge: it is more than a packet may have.
            Overloaded: the app keeps too many retained messages already.
        """
        self._check_publish(app, who, topic, payload)
        properties = NONE if content_type is None else Properties(content_type=content_type)
        message = self._broker.message(
            topic=topic,
            payload=payload,
            qos=qos,
            retain=retain,
            properties=properties,
            expires_at=self._clock.now() + expiry_s if expiry_s else 0.0,
        )
        done: asyncio.Future[Reason] = asyncio.get_running_loop().create_future()
        publication = Publication(
            message=message,
            cause=cause,
            done=lambda reason: _resolve(done, reason),
            failed=lambda: _resolve(done, Reason.IMPLEMENTATION),
        )
        self._broker.publish(self._broker.space(app), publication)
        if await done >= FAILURE:
            raise Overloaded("the message could not be kept: no room, or the disk failed")
        return message.id

    def _check_publish(self, app: AppId, who: Principal, topic: str, payload: bytes) -> None:
        try:
            check_name(topic)
        except BadPacket as error:
            raise Invalid(error.why) from None
        if topic.startswith("$"):
            raise Invalid("topics that begin with a $ are the broker's own")
        if len(payload) + len(topic) > self._broker.limits.packet_bytes_max - 64:
            raise TooLarge(f"a message has at most {self._broker.limits.packet_bytes_max} bytes")
        if not self._door.may_publish(_visitor(app, who), topic):
            raise NotAllowed("the app's rules do not let you publish on this topic")

    def clients(self, app: AppId) -> Sequence[dict[str, Any]]:
        """Give the sessions of an app, connected or kept."""
        peers = {
            peer.session.key: connection
            for connection, peer in self._server.connections()
            if peer.visitor is not None and peer.visitor.app == app
        }
        found = []
        for session in self._broker.space(app).sessions.values():
            connection = peers.get(session.key)
            found.append(
                {
                    "client": session.client_id,
                    "user": session.key.rpartition("\0")[0],
                    "connected": session.link is not None,
                    "address": connection.peer if connection is not None else "",
                    "version": {4: "3.1.1", 5: "5"}.get(connection.version, "")
                    if connection is not None
                    else "",
                    "subscriptions": sorted(session.subscriptions),
                    "waiting": session.waiting(),
                    "under_way": session.under_way(),
                    "dropped": session.dropped,
                    "expiry_s": session.expiry_s,
                    "left_at": session.left_at or None,
                }
            )
        return sorted(found, key=lambda one: str(one["client"]))

    def forget(self, app: AppId, client: str, user: str) -> None:
        """End a client's connection and session.

        Raises:
            NotFound: there is no such session.
        """
        space = self._broker.space(app)
        session = space.sessions.get(f"{user}\0{client}" if user else client)
        if session is None:
            raise NotFound(f"there is no MQTT client {client[:200]!r}")
        self._sessions.forget(space, session)

    def retained(self, app: AppId, filter: str, count_max: int) -> Sequence[Message]:
        """Give what is retained, by topic.

        Raises:
            Invalid: that is no filter.
        """
        now = self._clock.now()
        found = self._broker.space(app).retained.match(_checked(filter))
        alive = [message for message in found if not message.has_expired(now)]
        return sorted(alive, key=lambda message: message.topic)[:count_max]

    def status(self, app: AppId) -> dict[str, Any]:
        """Say where the broker listens and how the app's part of it does."""
        space = self._broker.space(app)
        said = dict(self._broker.system_topics(space))
        return {
            "addresses": list(self._server.addresses),
            "connected": space.connected,
            "sessions": len(space.sessions),
            "retained": len(space.retained),
            "messages_in": space.messages_in,
            "messages_out": space.messages_out,
            "dropped": space.dropped,
            "elsewhere": self._elsewhere(app),
            "uptime_s": int(said[f"{system.PREFIX}broker/uptime"]),
        }

    async def listen(
        self, app: AppId, who: Principal, filter: str
    ) -> AsyncIterator[tuple[Message, bool]]:
        """Give the retained messages a filter hears, then each that comes, until closed.

        Raises:
            Invalid: that is no filter.
            NotAllowed: the app's rules are against it.
            Overloaded: there are too many listeners.
        """
        visitor = _visitor(app, who)
        if not self._door.may_read(visitor, _checked(filter)):
            raise NotAllowed("the app's rules do not let you listen to these topics")
        if self._listening >= LISTENERS_MAX:
            raise Overloaded(f"there are {LISTENERS_MAX} listeners already")
        return self._listen(visitor, filter)

    async def _listen(self, visitor: Visitor, filter: str) -> AsyncIterator[tuple[Message, bool]]:
        space = self._broker.space(visitor.app)
        ear = _Ear()
        key = f"http-{self._broker.ids.fresh()}"
        self._listening += 1
        session, _ = self._sessions.open(
            space, key, client_id=key, clean=True, expiry_s=0, link=ear
        )
        try:
            for message in self.retained(visitor.app, filter, HELD_MAX):
                if self._door.may_read(visitor, message.topic):
                    yield message, True
            self._sessions.subscribe(space, session, Subscription(filter=filter), 0)
            while not ear.is_cut:
                outgoing = await ear.next()
                if outgoing is not None and self._door.may_read(visitor, outgoing.message.topic):
                    yield outgoing.message, False
        finally:
            self._listening -= 1
            if session.link is ear:
                self._sessions.leave(space, session, will=None)


class _Ear:
    """The link of a listener over HTTP: it holds a little, and forgets what is too much."""

    def __init__(self) -> None:
        self._held: asyncio.Queue[Outgoing | None] = asyncio.Queue(HELD_MAX)
        self.is_cut = False

    def pump(self) -> None:
        """There is only QoS 0 here, and that comes directly."""

    def direct(self, outgoing: Outgoing) -> bool:
        if not self._held.full():
            self._held.put_nowait(outgoing)
        return True

    def cut(self, reason: Reason) -> None:
        self.is_cut = True
        if not self._held.full():
            self._held.put_nowait(None)

    async def next(self) -> Outgoing | None:
        return await self._held.get()


def _visitor(app: AppId, who: Principal) -> Visitor:
    return Visitor(app=app, who=who, still=lambda: True)


def _checked(filter: str) -> str:
    try:
        return check_filter(filter)
    except BadPacket as error:
        raise Invalid(error.why) from None


def _resolve(done: "asyncio.Future[Reason]", reason: Reason) -> None:
    if not done.done():
        done.set_result(reason)
