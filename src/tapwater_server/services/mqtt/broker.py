"""The broker: sessions come and go, messages find who is to get them, promises are kept.

It has no sockets. A connection (``connection.py``) calls it, and is called back as a ``Link``.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.mqtt import (
    Change,
    MqttStore,
    Promise,
    Received,
    RetainedCleared,
    RetainedSet,
)
from tapwater_server.services.mqtt import system
from tapwater_server.services.mqtt.alarms import Alarms
from tapwater_server.services.mqtt.codec.packets import Will
from tapwater_server.services.mqtt.codec.reasons import Reason
from tapwater_server.services.mqtt.committing import Committer, Step
from tapwater_server.services.mqtt.happening import NO_CAUSE, Cause, event_of
from tapwater_server.services.mqtt.limits import BrokerLimits
from tapwater_server.services.mqtt.messages import Message, Outgoing, enqueued, keep, travelling
from tapwater_server.services.mqtt.session import Session
from tapwater_server.services.mqtt.spaces import Space

Hears = Callable[[AppId, str], bool]
STEP_S = 0.25
SYSTEM_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerStats:
    """What the broker holds and has done, over all apps."""

    connections: int
    sessions: int
    retained: int
    messages_in: int
    messages_out: int
    dropped: int
    commit_failures: int


class Publication(msgspec.Struct, kw_only=True):
    """One message on its way in. ``done`` is called when it is safe, or why it was refused;
    ``failed`` when it could not be made safe: then it must not be acknowledged."""

    message: Message
    client_id: str = ""
    cause: Cause = NO_CAUSE
    received: Received | None = None  # QoS 2 of a session that is kept
    ordered: bool = False  # behind others of the same sender that are not safe yet
    done: Callable[[Reason], None] | None = None
    failed: Callable[[], None] | None = None


class Broker:
    """All apps' topics, each app's apart."""

    def __init__(
        self,
        *,
        store: MqttStore,
        log: EventLog,
        hears: Hears,
        clock: Clock,
        ids: IdSource,
        limits: BrokerLimits,
        version: str = "",
    ) -> None:
        self.clock, self.ids, self.limits, self.version = clock, ids, limits, version
        self.committer = Committer(store=store, log=log)
        self.alarms = Alarms(clock)
        self.spaces: dict[AppId, Space] = {}
        self.began_at = clock.monotonic()
        self._hears = hears
        self._system_at = self.began_at

    def space(self, app: AppId) -> Space:
        found = self.spaces.get(app)
        if found is None:
            found = self.spaces[app] = Space(app)
        return found

    async def run(self) -> None:
        """Ring the alarms, until cancelled."""
        while True:
            self.step()
            await self.clock.sleep(STEP_S)

    def step(self) -> None:
        self.alarms.step()
        self.committer.try_again()
        if self.clock.monotonic() - self._system_at >= SYSTEM_EVERY_S:
            self._system_at = self.clock.monotonic()
            for space in self.spaces.values():
                self._tell_system(space)

    def message(self, **said: object) -> Message:
        """Make a message that was published now."""
        return Message(id=self.ids.fresh(), published_at=self.clock.now(), **said)  # type: ignore[arg-type]

    def will_message(self, session: Session, will: Will) -> Message:
        expiry_s = will.properties.message_expiry_s
        return self.message(
            topic=will.topic,
            payload=will.payload,
            qos=will.qos,
            retain=will.retain,
            publisher=session.key,
            properties=travelling(will.properties),
            expires_at=self.clock.now() + expiry_s if expiry_s is not None else 0.0,
        )

    def publish(self, space: Space, publication: Publication) -> None:
        """Take a message in: make safe what must be, then deliver it, then say so."""
        message = publication.message
        space.messages_in += 1
        refused = self._refuse(space, message)
        if refused is not None:
            if publication.done is not None:
                publication.done(refused)
            return
        outgoing = self._prepare(space, message)
        event = self._event(space, publication)
        changes = self._changes(space, publication, outgoing, event)
        if message.qos == 0:
            self._deliver(space, message, outgoing)
            if changes or event is not None:
                self.committer.add(Step(changes=changes, event=event, size=message.size()))
            if publication.done is not None:
                publication.done(Reason.SUCCESS)
            return
        reason = Reason.SUCCESS if outgoing or event else Reason.NO_MATCHING_SUBSCRIBERS
        if not changes and event is None and not publication.ordered:
            self._accepted(space, publication, outgoing, reason)
            return
        self.committer.add(
            Step(
                changes=changes,
                event=event,
                promised=publication.received is not None,
                size=message.size(),
                done=lambda: self._accepted(space, publication, outgoing, reason),
                failed=lambda: self._failed(publication, outgoing),
            )
        )

    def send_to(
        self,
        space: Space,
        session: Session | None,
        message: Message,
        *,
        qos: int,
        ids: tuple[int, ...],
    ) -> None:
        """Send one session what is retained."""
        if session is None or session.gone:
            return
        outgoing = session.prepare(message, qos=qos, retain=True, ids=ids)
        if outgoing is None:
            space.dropped += 1
            return
        if qos and session.is_kept:
            # Its packet identifier must not be forgotten once the client knows it.
            self.committer.add(
                Step(
                    changes=(enqueued(space.app, session.key, outgoing),),
                    size=message.size(),
                    done=lambda: session.enqueue(outgoing),
                    failed=lambda: session.give_back(outgoing),
                )
            )
        else:
            session.enqueue(outgoing)

    def _refuse(self, space: Space, message: Message) -> Reason | None:
        if not message.retain or not message.payload:
            return None
        limits, held = self.limits, space.retained
        if message.topic not in held and len(held) >= limits.retained_max:
            return Reason.QUOTA_EXCEEDED
        if space.retained_bytes + message.size() > limits.retained_bytes_max:
            return Reason.QUOTA_EXCEEDED
        return None

    def _prepare(self, space: Space, message: Message) -> Sequence[tuple[Session, Outgoing]]:
        prepared = []
        for aim in space.aims(message):
            outgoing = aim.session.prepare(message, qos=aim.qos, retain=aim.retain, ids=aim.ids)
            if outgoing is not None:
                prepared.append((aim.session, outgoing))
            elif aim.session.link is not None or aim.qos:
                space.dropped += 1
        return prepared

    def _event(self, space: Space, publication: Publication) -> Event | None:
        message = publication.message
        if message.topic[:1] == "$" or not self._hears(space.app, message.topic):
            return None
        return event_of(
            space.app,
            message,
            qos=message.qos,
            cause=publication.cause,
            client=publication.client_id,
        )

    def _changes(
        self,
        space: Space,
        publication: Publication,
        outgoing: Sequence[tuple[Session, Outgoing]],
        event: Event | None,
    ) -> Sequence[Change]:
        message = publication.message
        changes: list[Change] = [
            enqueued(space.app, session.key, one)
            for session, one in outgoing
            if one.qos and session.is_kept
        ]
        if message.retain and message.payload:
            changes.append(RetainedSet(app=space.app, message=keep(message)))
        elif message.retain:
            changes.append(RetainedCleared(app=space.app, topic=message.topic))
        if publication.received is not None:
            body = msgspec.json.encode(event) if event is not None else b""
            promise = Promise(id=message.id, app=space.app, body=body) if event else None
            changes.append(dataclasses.replace(publication.received, promise=promise))
        return changes

    def _accepted(
        self,
        space: Space,
        publication: Publication,
        outgoing: Sequence[tuple[Session, Outgoing]],
        reason: Reason,
    ) -> None:
        self._deliver(space, publication.message, outgoing)
        if publication.done is not None:
            publication.done(reason)

    def _deliver(
        self, space: Space, message: Message, outgoing: Sequence[tuple[Session, Outgoing]]
    ) -> None:
        if message.retain:
            space.retain(message)
        for session, one in outgoing:
            if not session.gone:
                session.enqueue(one)

    def _failed(
        self, publication: Publication, outgoing: Sequence[tuple[Session, Outgoing]]
    ) -> None:
        for session, one in outgoing:
            session.give_back(one)
        if publication.failed is not None:
            publication.failed()

    def _tell_system(self, space: Space) -> None:
        for topic, payload in self.system_topics(space):
            message = self.message(topic=topic, payload=payload)
            self._deliver(space, message, self._prepare(space, message))

    def system_topics(self, space: Space) -> Sequence[tuple[str, bytes]]:
        """What stands below $SYS/ for the clients of an app."""
        uptime_s = self.clock.monotonic() - self.began_at
        return system.topics(space, version=self.version, uptime_s=uptime_s)

    def stats(self) -> BrokerStats:
        spaces = self.spaces.values()
        return BrokerStats(
            connections=sum(space.connected for space in spaces),
            sessions=sum(len(space.sessions) for space in spaces),
            retained=sum(len(space.retained) for space in spaces),
            messages_in=sum(space.messages_in for space in spaces),
            messages_out=sum(space.messages_out for space in spaces),
            dropped=sum(space.dropped for space in spaces),
            commit_failures=self.committer.failures,
        )
