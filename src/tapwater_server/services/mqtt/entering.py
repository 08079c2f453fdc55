"""CONNECT and CONNACK: who it is, which session they get, what both sides may do."""

from collections.abc import Callable

from msgspec import Struct

from tapwater_server.services.mqtt.access import Door, Visitor
from tapwater_server.services.mqtt.broker import Broker
from tapwater_server.services.mqtt.codec.packets import (
    NONE,
    V5,
    Connack,
    Connect,
    Properties,
)
from tapwater_server.services.mqtt.codec.reasons import BadPacket, Reason
from tapwater_server.services.mqtt.connection import Connection
from tapwater_server.services.mqtt.sending import Sender
from tapwater_server.services.mqtt.session import Session
from tapwater_server.services.mqtt.sessions import Sessions
from tapwater_server.services.mqtt.spaces import Space

CLIENT_ID_BYTES_MAX = 256


class Entered(Struct, frozen=True, kw_only=True):
    """A client that was let in."""

    visitor: Visitor
    space: Space
    session: Session
    sender: Sender
    wants_reasons: bool


class Entry:
    """Answers one CONNECT."""

    def __init__(
        self,
        *,
        connection: Connection,
        broker: Broker,
        sessions: Sessions,
        door: Door,
        cut: Callable[[Reason], None],
    ) -> None:
        self._connection, self._broker = connection, broker
        self._sessions, self._door, self._cut = sessions, door, cut

    def enter(self, connect: Connect) -> Entered | None:
        """Let a client in, or say in a CONNACK why not, and close."""
        self._connection.version = connect.version
        try:
            return self._enter(connect)
        except BadPacket as error:
            said = NONE
            if connect.properties.request_problem_information != 0:
                said = Properties(reason_string=error.why)
            self._connection.send(Connack(reason=error.reason, properties=said))
            self._connection.close()
            return None

    def _enter(self, connect: Connect) -> Entered:
        client_id, is_assigned = self._client_id(connect)
        if connect.properties.authentication_method is not None:
            raise BadPacket(Reason.BAD_AUTHENTICATION_METHOD, "use a user name and a password")
        visitor = self._door.admit(connect)
        self._check_will(connect, visitor)
        space = self._broker.space(visitor.app)
        sender = self._sender(connect, visitor, space)
        expiry_s = self._expiry_s(connect)
        session, present = self._sessions.open(
            space,
            visitor.key(client_id),
            client_id=client_id,
            clean=connect.clean_start,
            expiry_s=expiry_s,
            link=sender,
        )
        sender.session = session
        self._tell(connect, session, present=present, is_assigned=is_assigned)
        return Entered(
            visitor=visitor,
            space=space,
            session=session,
            sender=sender,
            wants_reasons=connect.properties.request_problem_information != 0,
        )

    def _client_id(self, connect: Connect) -> tuple[str, bool]:
        if len(connect.client_id.encode()) > CLIENT_ID_BYTES_MAX:
            why = f"a client identifier has at most {CLIENT_ID_BYTES_MAX} bytes"
            raise BadPacket(Reason.BAD_CLIENT_ID, why)
        if connect.client_id:
            return connect.client_id, False
        if connect.version < V5 and not connect.clean_start:
            raise BadPacket(Reason.BAD_CLIENT_ID, "a session to come back to needs an identifier")
        return f"tapwater-{self._broker.ids.fresh()}", True

    def _check_will(self, connect: Connect, visitor: Visitor) -> None:
        will = connect.will
        if will is None:
            return
        if will.topic.startswith("$") or not self._door.may_publish(visitor, will.topic):
            raise BadPacket(Reason.NOT_AUTHORIZED, "the will is for a topic it may not be on")

    def _expiry_s(self, connect: Connect) -> int:
        longest = self._broker.limits.session_expiry_s_max
        if connect.version >= V5:
            return min(connect.properties.session_expiry_s or 0, longest)
        return 0 if connect.clean_start else longest

    def _sender(self, connect: Connect, visitor: Visitor, space: Space) -> Sender:
        said, limits = connect.properties, self._broker.limits
        door = self._door
        checks = not visitor.who.is_trusted(visitor.app)
        self._connection.packet_bytes_max = said.packet_bytes_max or 0
        return Sender(
            connection=self._connection,
            broker=self._broker,
            space=space,
            version=connect.version,
            window=min(said.receive_maximum or 65_535, limits.window_max),
            aliases_max=min(said.topic_alias_maximum or 0, limits.topic_aliases_max),
            packet_bytes_max=said.packet_bytes_max or 0,
            may_read=(lambda topic: door.may_read(visitor, topic)) if checks else None,
            cut=self._cut,
        )

    def _tell(
        self, connect: Connect, session: Session, *, present: bool, is_assigned: bool
    ) -> None:
        connection, limits = self._connection, self._broker.limits
        connection.connected = True
        connection.keep_alive_s = connect.keep_alive_s
        properties = NONE
        if connect.version >= V5:
            wanted, longest = connect.keep_alive_s, limits.keep_alive_s_max
            ours = longest if longest and not 0 < wanted <= longest else None
            if ours is not None:
                connection.keep_alive_s = ours
            asked_s = connect.properties.session_expiry_s or 0
            properties = Properties(
                session_expiry_s=session.expiry_s if session.expiry_s != asked_s else None,
                receive_maximum=limits.receive_max,
                packet_bytes_max=limits.packet_bytes_max,
                assigned_client_id=session.client_id if is_assigned else None,
                topic_alias_maximum=limits.topic_aliases_max,
                server_keep_alive_s=ours,
                response_information=self._response_information(connect, session),
            )
        connection.send(Connack(session_present=present, properties=properties))

    def _response_information(self, connect: Connect, session: Session) -> str | None:
        """Suggest a topic for answers, to those who ask for one."""
        if connect.properties.request_response_information != 1:
            return None
        return f"responses/{session.client_id.replace('+', '_').replace('#', '_')}"
