"""Messages to one client: windows, topic aliases, sizes, expiry; as fast as it takes them."""

import math
from collections.abc import Callable, Sequence

from tapwater_server.ports.mqtt import Settled
from tapwater_server.services.mqtt import system
from tapwater_server.services.mqtt.broker import Broker
from tapwater_server.services.mqtt.codec.packets import (
    NONE,
    V5,
    Ack,
    Kind,
    Properties,
    Publish,
    Subscription,
)
from tapwater_server.services.mqtt.codec.reasons import Reason
from tapwater_server.services.mqtt.codec.topics import matches
from tapwater_server.services.mqtt.codec.writing import write_publish
from tapwater_server.services.mqtt.connection import Connection
from tapwater_server.services.mqtt.messages import Message, Outgoing
from tapwater_server.services.mqtt.session import Session
from tapwater_server.services.mqtt.spaces import Space


class Sender:
    """The link of a session while it is connected."""

    def __init__(
        self,
        *,
        connection: Connection,
        broker: Broker,
        space: Space,
        version: int,
        window: int,
        aliases_max: int,
        packet_bytes_max: int,
        may_read: Callable[[str], bool] | None,
        cut: Callable[[Reason], None],
    ) -> None:
        self.session: Session | None = None
        self.cut = cut
        self._connection, self._broker, self._space = connection, broker, space
        self._version, self._window = version, window
        self._aliases_max, self._packet_bytes_max = aliases_max, packet_bytes_max
        self._may_read = may_read
        self._aliases: dict[str, int] = {}

    def resume(self) -> None:
        """Send again what was not answered on an earlier connection."""
        assert self.session is not None
        for packet_id in self.session.rewind():
            self._connection.send(Ack(kind=Kind.PUBREL, packet_id=packet_id))
        self.pump()

    def pump(self) -> None:
        session = self.session
        while session is not None and session.link is self and not self._connection.slow:
            outgoing = session.take(window=self._window)
            if outgoing is None:
                return
            if not self._send(outgoing) and outgoing.qos:
                self._give_up(session, outgoing)

    def direct(self, outgoing: Outgoing) -> bool:
        if self._connection.slow or self.session is None:
            return False
        self._send(outgoing)
        return True

    def send_retained(self, said: Subscription, ids: Sequence[int]) -> None:
        """Send what is retained and a new subscription hears."""
        for message in self._retained(said.filter):
            if not message.has_expired(self._broker.clock.now()):
                self._broker.send_to(
                    self._space,
                    self.session,
                    message,
                    qos=min(said.qos, message.qos),
                    ids=tuple(ids),
                )

    def _retained(self, filter: str) -> Sequence[Message]:
        found = self._space.retained.match(filter)
        if filter.startswith(system.PREFIX):
            for topic, payload in self._broker.system_topics(self._space):
                if matches(filter, topic):
                    found.append(self._broker.message(topic=topic, payload=payload))
        return found

    def _give_up(self, session: Session, outgoing: Outgoing) -> None:
        """What cannot be sent counts as sent and answered."""
        session.settle(outgoing.packet_id)
        if session.is_kept:
            settled = Settled(app=session.app, client=session.key, packet_id=outgoing.packet_id)
            self._broker.committer.note(settled)

    def _send(self, outgoing: Outgoing) -> bool:
        """Write a message, unless it expired, is too large or is not for these ears."""
        message = outgoing.message
        if message.expires_at and message.has_expired(self._broker.clock.now()):
            return False
        if self._may_read is not None and not self._may_read(message.topic):
            return False
        topic, properties = message.topic, NONE
        fresh_alias = False
        if self._version >= V5:
            alias = self._aliases.get(topic) if self._aliases_max else None
            if alias is not None:
                topic = ""
            elif len(self._aliases) < self._aliases_max:
                alias, fresh_alias = len(self._aliases) + 1, True
            properties = self._properties(outgoing, alias)
        packet = Publish(
            topic=topic,
            payload=message.payload,
            qos=outgoing.qos,
            retain=outgoing.retain,
            dup=outgoing.dup,
            packet_id=outgoing.packet_id,
            properties=properties,
        )
        data = write_publish(packet, self._version)
        if 0 < self._packet_bytes_max < len(data):
            return False
        if fresh_alias:
            self._aliases[message.topic] = len(self._aliases) + 1
        self._connection.write(data)
        self._space.messages_out += 1
        self._space.client_messages += 1
        return True

    def _properties(self, outgoing: Outgoing, alias: int | None) -> Properties:
        message = outgoing.message
        said = message.properties
        if alias is None and not outgoing.ids and not message.expires_at:
            return said
        left_s = None
        if message.expires_at:
            left_s = max(1, math.floor(message.expires_at - self._broker.clock.now()))
        return Properties(
            payload_format=said.payload_format,
            message_expiry_s=left_s,
            content_type=said.content_type,
            response_topic=said.response_topic,
            correlation_data=said.correlation_data,
            subscription_ids=outgoing.ids,
            topic_alias=alias,
            user=said.user,
        )
