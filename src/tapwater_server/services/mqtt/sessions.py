"""How sessions begin, are taken over, end and come back after a new start of the platform."""

import msgspec

from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.mqtt import (
    Kept,
    MqttStore,
    SessionDropped,
    SessionKept,
    Subscribed,
    Unsubscribed,
)
from tapwater_server.services.mqtt.broker import Broker, Publication
from tapwater_server.services.mqtt.codec.packets import NEVER_S, Subscription, Will
from tapwater_server.services.mqtt.codec.reasons import BadPacket, Reason
from tapwater_server.services.mqtt.codec.topics import parse_filter
from tapwater_server.services.mqtt.committing import Step
from tapwater_server.services.mqtt.messages import Outgoing, recall
from tapwater_server.services.mqtt.session import Held, Link, Session
from tapwater_server.services.mqtt.spaces import Space


class Sessions:
    """Keeps the sessions of all apps."""

    def __init__(self, *, broker: Broker, store: MqttStore) -> None:
        self._broker, self._store = broker, store

    async def recover(self) -> None:
        """Take up what a former life of the platform left behind. Before anybody connects."""
        kept = self._store.load()
        for promise in kept.promises:
            event = msgspec.json.decode(promise.body, type=Event)
            self._broker.committer.add(Step(event=event, promised=True))
        await self._broker.committer.flush()
        self._restore(kept)

    def _restore(self, kept: Kept) -> None:
        space = self._broker.space
        for retained in kept.retained:
            space(retained.app).retain(recall(retained.message, retain=True))
        for one in kept.sessions:
            session = self._make(space(one.app), one.client, one.client.rpartition("\0")[2])
            session.expiry_s = one.expiry_s
            session.left_at = one.left_at or self._broker.clock.now()
            self._await_return(space(one.app), session)
        for said in kept.subscriptions:
            session = space(said.app).sessions[said.client]
            _restore_subscription(space(said.app), session, said)
        for queued in kept.queued:
            space(queued.app).sessions[queued.client].restore(
                Outgoing(
                    message=recall(queued.message, retain=queued.retain),
                    qos=queued.qos,
                    packet_id=queued.packet_id,
                    retain=queued.retain,
                    ids=queued.ids,
                    released=queued.released,
                )
            )
        for received in kept.received:
            space(received.app).sessions[received.client].received.add(received.packet_id)

    def open(
        self, space: Space, key: str, *, client_id: str, clean: bool, expiry_s: int, link: Link
    ) -> tuple[Session, bool]:
        """Give a client its session, and say whether it was there before.

        Raises:
            BadPacket: the app has as many sessions as it may have.
        """
        old = space.sessions.get(key)
        if old is not None and old.link is not None:
            old.link.cut(Reason.TAKEN_OVER)  # This may end the session: look again.
            old = space.sessions.get(key)
        if old is not None and clean:
            self._end(space, old)
            old = None
        if old is None and len(space.sessions) >= self._broker.limits.sessions_max:
            raise BadPacket(Reason.QUOTA_EXCEEDED, "this app has too many sessions already")
        session = old or self._make(space, key, client_id)
        was_kept, session.expiry_s = session.is_kept, expiry_s
        session.will, session.left_at, session.link = None, 0.0, link
        session.comings += 1
        space.connected += 1
        self._note(space, session, was_kept=was_kept)
        return session, old is not None

    def leave(self, space: Space, session: Session, *, will: Will | None) -> None:
        """The connection of a session is gone; ``will`` if it went without a word."""
        session.link = None
        space.connected -= 1
        if not session.is_kept:
            session.will = will
            self._end(space, session)
            return
        session.left_at = self._broker.clock.now()
        self._note(space, session, was_kept=True)
        delay_s = will.properties.will_delay_s or 0 if will is not None else 0
        session.will = will
        if will is not None and not delay_s:
            self._publish_will(space, session)
        elif will is not None and delay_s < session.expiry_s:
            coming = session.comings
            self._broker.alarms.after(delay_s, lambda: self._will_due(space, session, coming))
        self._await_return(space, session)

    def forget(self, space: Space, session: Session) -> None:
        """End a session for good, whoever has it."""
        if session.link is not None:
            session.link.cut(Reason.ADMINISTRATIVE)
        if not session.gone:
            self._end(space, session)

    def change_expiry(self, space: Space, session: Session, expiry_s: int) -> None:
        """A DISCONNECT may say anew how long the session is to be kept."""
        was_kept, session.expiry_s = session.is_kept, expiry_s
        self._note(space, session, was_kept=was_kept)

    def subscribe(self, space: Space, session: Session, said: Subscription, id: int) -> bool:
        """Add a subscription; say whether it is new. The change is noted, not yet safe."""
        parsed = parse_filter(said.filter)
        full = len(session.subscriptions) >= self._broker.limits.subscriptions_max
        if full and said.filter not in session.subscriptions:
            raise BadPacket(Reason.QUOTA_EXCEEDED, "this client has too many subscriptions")
        held = Held(
            session=session, subscription=said, group=parsed.group, filter=parsed.filter, id=id
        )
        if session.is_kept:
            change = Subscribed(
                app=space.app, client=session.key, filter=said.filter, options=_options(said), id=id
            )
            self._broker.committer.note(change)
        return space.subscribe(held)

    def unsubscribe(self, space: Space, session: Session, filter: str) -> bool:
        if not space.unsubscribe(session, filter):
            return False
        if session.is_kept:
            change = Unsubscribed(app=space.app, client=session.key, filter=filter)
            self._broker.committer.note(change)
        return True

    async def erase(self, app: AppId) -> None:
        """Forget an app: end its connections and sessions, drop what is retained."""
        space = self._broker.spaces.pop(app, None)
        for session in list(space.sessions.values()) if space is not None else ():
            if session.link is not None:
                session.link.cut(Reason.ADMINISTRATIVE)
            session.gone = True  # Its alarms ring for nobody.
        await self._broker.committer.flush()
        await self._store.erase(app)

    def _make(self, space: Space, key: str, client_id: str) -> Session:
        limits = self._broker.limits
        session = space.sessions[key] = Session(
            app=space.app,
            key=key,
            client_id=client_id,
            queued_max=limits.queued_max,
            queued_bytes_max=limits.queued_bytes_max,
        )
        return session

    def _note(self, space: Space, session: Session, *, was_kept: bool) -> None:
        if session.is_kept:
            change = SessionKept(
                app=space.app,
                client=session.key,
                expiry_s=session.expiry_s,
                left_at=session.left_at,
            )
            self._broker.committer.note(change)
        elif was_kept:
            dropped = SessionDropped(app=space.app, client=session.key)
            self._broker.committer.note(dropped)

    def _await_return(self, space: Space, session: Session) -> None:
        if session.expiry_s >= NEVER_S:
            return
        coming = session.comings
        left_s = session.left_at + session.expiry_s - self._broker.clock.now()
        self._broker.alarms.after(max(left_s, 0.0), lambda: self._expired(space, session, coming))

    def _expired(self, space: Space, session: Session, coming: int) -> None:
        if session.comings == coming and session.link is None and not session.gone:
            self._end(space, session)

    def _will_due(self, space: Space, session: Session, coming: int) -> None:
        if session.comings == coming and session.link is None and not session.gone:
            self._publish_will(space, session)

    def _end(self, space: Space, session: Session) -> None:
        """A session is over: its will is due at the latest now."""
        space.forget(session)
        if session.is_kept:
            dropped = SessionDropped(app=space.app, client=session.key)
            self._broker.committer.add(Step(changes=(dropped,)))
        self._publish_will(space, session)

    def _publish_will(self, space: Space, session: Session) -> None:
        will, session.will = session.will, None
        if will is not None:
            message = self._broker.will_message(session, will)
            self._broker.publish(space, Publication(message=message, client_id=session.client_id))


def _options(said: Subscription) -> int:
    return said.qos | said.no_local << 2 | said.retain_as_published << 3 | said.retain_handling << 4


def _restore_subscription(space: Space, session: Session, said: Subscribed) -> None:
    parsed = parse_filter(said.filter)
    subscription = Subscription(
        filter=said.filter,
        qos=said.options & 3,
        no_local=bool(said.options & 4),
        retain_as_published=bool(said.options & 8),
        retain_handling=said.options >> 4 & 3,
    )
    space.subscribe(
        Held(
            session=session,
            subscription=subscription,
            group=parsed.group,
            filter=parsed.filter,
            id=said.id,
        )
    )
