"""What a broker answers to each packet of one client."""

from collections.abc import Callable, Mapping
from typing import Any

from tapwater_server.ports.mqtt import Finished, Received, Released, Settled
from tapwater_server.services.mqtt import system
from tapwater_server.services.mqtt.access import Door, Visitor
from tapwater_server.services.mqtt.broker import Broker, Publication
from tapwater_server.services.mqtt.codec.packets import (
    NONE,
    V5,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Kind,
    Packet,
    Pingreq,
    Pingresp,
    Properties,
    Publish,
    Subscribe,
    Unsubscribe,
    Will,
)
from tapwater_server.services.mqtt.codec.reasons import FAILURE, BadPacket, Reason, protocol_error
from tapwater_server.services.mqtt.codec.topics import SHARE
from tapwater_server.services.mqtt.committing import Step
from tapwater_server.services.mqtt.connection import Connection
from tapwater_server.services.mqtt.entering import Entered, Entry
from tapwater_server.services.mqtt.interests import Interests
from tapwater_server.services.mqtt.messages import Message, travelling
from tapwater_server.services.mqtt.sending import Sender
from tapwater_server.services.mqtt.session import Session
from tapwater_server.services.mqtt.sessions import Sessions
from tapwater_server.services.mqtt.spaces import Space


class Peer:
    """One client, from its first packet to its end. A ``Hearer`` and, through ``Sender``, a
    ``Link``."""

    def __init__(
        self, connection: Connection, *, broker: Broker, sessions: Sessions, door: Door
    ) -> None:
        self._connection, self._broker = connection, broker
        self._sessions, self._door = sessions, door
        self._entered: Entered | None = None
        self._aliases: dict[int, str] = {}
        self._under_way = 0  # QoS 1 and 2 from the client, not yet acknowledged to the end
        self._pending = self._pending_bytes = 0
        self._will: Will | None = None
        self._interests = Interests(
            connection, broker=broker, sessions=sessions, door=door, is_inside=self._is_inside
        )
        self._hear: Mapping[type, Callable[[Any], None]] = {
            Publish: self._publish,
            Ack: self._ack,
            Subscribe: lambda said: self._interests.subscribe(self._inside(), said),
            Unsubscribe: lambda said: self._interests.unsubscribe(self._inside(), said),
            Pingreq: lambda _: connection.send(Pingresp()),
            Disconnect: self._disconnect,
        }

    @property
    def visitor(self) -> Visitor | None:
        return self._entered.visitor if self._entered is not None else None

    def _inside(self) -> Entered:
        assert self._entered is not None
        return self._entered

    def _is_inside(self) -> bool:
        return self._entered is not None

    @property
    def session(self) -> Session:
        return self._inside().session

    @property
    def _space(self) -> Space:
        return self._inside().space

    @property
    def _sender(self) -> Sender:
        return self._inside().sender

    def hear(self, packet: Packet) -> None:
        if self._entered is None:
            if not isinstance(packet, Connect):
                raise protocol_error("the first packet is a CONNECT")
            self._enter(packet)
            return
        heard = self._hear.get(type(packet))
        if heard is None:
            raise protocol_error("a client may not send this, or not again")
        heard(packet)

    def refuse(self, error: BadPacket) -> None:
        """Tell a client of MQTT 5 what was wrong."""
        connection = self._connection
        if not connection.connected:
            if error.reason == Reason.UNSUPPORTED_VERSION:
                connection.send(Connack(reason=error.reason))
        elif connection.version >= V5:
            said = self._explained(error.why)
            connection.send(Disconnect(reason=error.reason, properties=said))

    def pump(self) -> None:
        if self._entered is not None:
            self._sender.pump()

    def lost(self) -> None:
        """The socket is gone: the will is due, unless it was taken back."""
        self._leave()

    def _leave(self) -> None:
        entered, self._entered = self._entered, None
        if entered is not None and entered.session.link is entered.sender:
            self._sessions.leave(entered.space, entered.session, will=self._will)

    def cut(self, reason: Reason) -> None:
        """End the connection; the session is told at once, not when the socket is gone."""
        self._connection.end(reason)
        self._leave()

    def goodbye(self) -> None:
        """We stop. That is no fault of the client: its will is not published."""
        self._will = None
        self.cut(Reason.SHUTTING_DOWN)

    def _enter(self, connect: Connect) -> None:
        entry = Entry(
            connection=self._connection,
            broker=self._broker,
            sessions=self._sessions,
            door=self._door,
            cut=self.cut,
        )
        self._entered = entry.enter(connect)
        if self._entered is not None:
            self._will = connect.will
            self._under_way = len(self.session.received)
            self._sender.resume()

    def _explained(self, why: str) -> Properties:
        return Properties(reason_string=why[:256]) if self._wants_reasons() else NONE

    def _wants_reasons(self) -> bool:
        return self._entered is None or self._entered.wants_reasons

    # Messages from the client.

    def _publish(self, packet: Publish) -> None:
        topic = self._topic(packet)
        session = self.session
        if packet.qos:
            if packet.qos == 2 and packet.packet_id in session.received:
                self._again(session, packet.packet_id)
                return
            self._under_way += 1
            v5 = self._connection.version >= V5
            if v5 and self._under_way > self._broker.limits.receive_max:
                raise BadPacket(Reason.RECEIVE_MAXIMUM_EXCEEDED, "too many messages under way")
        if not self._may_publish(topic):
            if packet.qos:
                self._done(packet, Reason.NOT_AUTHORIZED)
            return
        if not self._door.has_room(self._inside().visitor):
            self._no_room(packet)
            return
        message = self._message(packet, topic)
        self._take_in(packet, message)

    def _no_room(self, packet: Publish) -> None:
        """A budget is used up. MQTT 3 cannot say so: its client keeps what was not acknowledged,
        and sends it again when it comes back.
        """
        if packet.qos and self._connection.version < V5:
            raise BadPacket(Reason.QUOTA_EXCEEDED, "a budget of the app is used up")
        if packet.qos:
            self._done(packet, Reason.QUOTA_EXCEEDED)

    def _again(self, session: Session, packet_id: int) -> None:
        """It came before; but the first one may not be safe yet, and may even fail."""

        def answer() -> None:
            if packet_id not in session.received:
                self._connection.end(Reason.IMPLEMENTATION)
            elif self._entered is not None:
                self._answer(Kind.PUBREC, packet_id, Reason.SUCCESS)

        self._broker.committer.add(Step(done=answer, failed=answer))

    def _take_in(self, packet: Publish, message: Message) -> None:
        session, received = self.session, None
        if packet.qos == 2:
            session.received.add(packet.packet_id)
            if session.is_kept:
                received = Received(app=session.app, client=session.key, packet_id=packet.packet_id)
        publication = Publication(
            message=message,
            client_id=session.client_id,
            received=received,
            ordered=self._pending > 0,
        )
        if packet.qos:
            self._pend(message.size())
            publication.done = lambda reason: self._settled(packet, message, reason)
            publication.failed = lambda: self._not_kept(session, packet, message)
        self._space.client_messages += 1
        self._broker.publish(self._space, publication)
        if self._broker.committer.bytes_waiting > self._broker.limits.committing_bytes_max:
            self._hold_up()

    def _topic(self, packet: Publish) -> str:
        alias = packet.properties.topic_alias
        if alias is None:
            return packet.topic
        if not 0 < alias <= self._broker.limits.topic_aliases_max:
            raise BadPacket(Reason.ALIAS_INVALID, f"there is no topic alias {alias}")
        if packet.topic:
            self._aliases[alias] = packet.topic
            return packet.topic
        topic = self._aliases.get(alias)
        if topic is None:
            raise BadPacket(Reason.ALIAS_INVALID, f"the topic alias {alias} was never set")
        return topic

    def _may_publish(self, topic: str) -> bool:
        if topic.startswith((system.PREFIX, SHARE)):
            return False
        return self._door.may_publish(self._inside().visitor, topic)

    def _message(self, packet: Publish, topic: str) -> Message:
        said = packet.properties
        if said.subscription_ids:
            raise protocol_error("a client does not send subscription identifiers")
        expires_at = 0.0
        if said.message_expiry_s is not None:
            expires_at = self._broker.clock.now() + said.message_expiry_s
        return self._broker.message(
            topic=topic,
            payload=packet.payload,
            qos=packet.qos,
            retain=packet.retain,
            publisher=self.session.key,
            properties=travelling(said),
            expires_at=expires_at,
        )

    def _pend(self, size: int) -> None:
        self._pending += 1
        self._pending_bytes += size
        limits = self._broker.limits
        if self._pending >= limits.pending_max or self._pending_bytes > limits.pending_bytes_max:
            self._hold_up()

    def _hold_up(self) -> None:
        """Read on only when what came is safe."""
        self._connection.hold_up(True)
        if self._pending == 0:  # Of QoS 0: nobody else would let us go on.
            go_on = lambda: self._connection.hold_up(False)  # noqa: E731
            self._broker.committer.add(Step(done=go_on, failed=go_on))

    def _settled(self, packet: Publish, message: Message, reason: Reason) -> None:
        self._pending -= 1
        self._pending_bytes -= message.size()
        if self._pending < max(self._broker.limits.pending_max // 2, 1):
            self._connection.hold_up(False)
        self._done(packet, reason)

    def _done(self, packet: Publish, reason: Reason) -> None:
        """Acknowledge a message, or say why it was not taken."""
        if self._entered is None:
            return
        if packet.qos == 1:
            self._under_way -= 1
            self._answer(Kind.PUBACK, packet.packet_id, reason)
            return
        if reason >= FAILURE:
            self._under_way -= 1
            self.session.received.discard(packet.packet_id)
        self._answer(Kind.PUBREC, packet.packet_id, reason)

    def _not_kept(self, session: Session, packet: Publish, message: Message) -> None:
        """Not safe, so not acknowledged: the client will send it again on its next connection."""
        self._pending -= 1
        self._pending_bytes -= message.size()
        session.received.discard(packet.packet_id)
        self._connection.end(Reason.IMPLEMENTATION)

    def _answer(self, kind: Kind, packet_id: int, reason: Reason) -> None:
        self._connection.send(Ack(kind=kind, packet_id=packet_id, reason=reason))

    # Acknowledgements.

    def _ack(self, packet: Ack) -> None:
        match packet.kind:
            case Kind.PUBREL:
                self._released(packet)
            case Kind.PUBREC:
                self._has_it(packet)
            case _:
                self._settle(packet.packet_id)

    def _released(self, packet: Ack) -> None:
        """The client will not send that message again: its identifier is free."""
        session, id = self.session, packet.packet_id
        if id not in session.received:
            self._answer(Kind.PUBCOMP, id, Reason.PACKET_ID_NOT_FOUND)
            return

        def finished() -> None:
            session.received.discard(id)
            if self._entered is not None:
                self._under_way = max(0, self._under_way - 1)
                self._answer(Kind.PUBCOMP, id, Reason.SUCCESS)

        if session.is_kept or self._pending:
            # If we forgot that we forgot it, we would take its next message for this one.
            changes = [Finished(app=session.app, client=session.key, packet_id=id)]
            self._broker.committer.add(
                Step(changes=changes if session.is_kept else (), done=finished)
            )
        else:
            finished()

    def _has_it(self, packet: Ack) -> None:
        session, id = self.session, packet.packet_id
        outgoing = session.sent(id)
        if outgoing is None:
            self._answer(Kind.PUBREL, id, Reason.PACKET_ID_NOT_FOUND)
            return
        if packet.reason >= FAILURE:
            self._settle(id)
            return
        session.release(outgoing)
        released = Released(app=session.app, client=session.key, packet_id=id)
        if session.is_kept:
            step = Step(changes=(released,), done=lambda: self._release(id))
            self._broker.committer.add(step)
        else:
            self._release(id)

    def _release(self, packet_id: int) -> None:
        if self._entered is not None:
            self._answer(Kind.PUBREL, packet_id, Reason.SUCCESS)

    def _settle(self, packet_id: int) -> None:
        session = self.session
        if session.settle(packet_id):
            if session.is_kept:
                settled = Settled(app=session.app, client=session.key, packet_id=packet_id)
                self._broker.committer.note(settled)
            self._sender.pump()

    def _disconnect(self, packet: Disconnect) -> None:
        expiry_s = packet.properties.session_expiry_s
        if expiry_s is not None:
            if expiry_s and not self.session.is_kept:
                raise protocol_error("a session that was not to be kept cannot be kept now")
            expiry_s = min(expiry_s, self._broker.limits.session_expiry_s_max)
            self._sessions.change_expiry(self._space, self.session, expiry_s)
        if packet.reason != Reason.DISCONNECT_WITH_WILL:
            self._will = None
        self._leave()
        self._connection.close()
