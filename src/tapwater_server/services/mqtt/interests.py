"""SUBSCRIBE and UNSUBSCRIBE of one client: what it wants to hear."""

from collections.abc import Callable

from tapwater_server.services.mqtt.access import Door
from tapwater_server.services.mqtt.broker import Broker
from tapwater_server.services.mqtt.codec.packets import (
    Suback,
    Subscribe,
    Subscription,
    Unsuback,
    Unsubscribe,
)
from tapwater_server.services.mqtt.codec.reasons import FAILURE, BadPacket, Reason, protocol_error
from tapwater_server.services.mqtt.codec.topics import SHARE, parse_filter
from tapwater_server.services.mqtt.committing import Step
from tapwater_server.services.mqtt.connection import Connection
from tapwater_server.services.mqtt.entering import Entered
from tapwater_server.services.mqtt.sessions import Sessions


class Interests:
    """Answers them; for a session that is kept, when what was asked is on disk."""

    def __init__(
        self,
        connection: Connection,
        *,
        broker: Broker,
        sessions: Sessions,
        door: Door,
        is_inside: Callable[[], bool],
    ) -> None:
        self._connection, self._broker = connection, broker
        self._sessions, self._door, self._is_inside = sessions, door, is_inside

    def subscribe(self, entered: Entered, packet: Subscribe) -> None:
        ids = packet.properties.subscription_ids
        reasons, fresh = [], []
        for said in packet.subscriptions:
            reason, is_new = self._subscribe_one(entered, said, ids[0] if ids else 0)
            reasons.append(reason)
            wants = said.retain_handling == 0 or (said.retain_handling == 1 and is_new)
            if reason < FAILURE and wants and not said.filter.startswith(SHARE):
                fresh.append(said)
        suback = Suback(packet_id=packet.packet_id, reasons=tuple(reasons))

        def subscribed() -> None:
            if self._is_inside():
                self._connection.send(suback)
                for said in fresh:
                    entered.sender.send_retained(said, ids)

        self._when_kept(entered, subscribed)

    def _subscribe_one(self, entered: Entered, said: Subscription, id: int) -> tuple[Reason, bool]:
        if said.filter.startswith(SHARE) and said.no_local:
            raise protocol_error("a shared subscription cannot leave out one's own messages")
        try:
            parsed = parse_filter(said.filter)
            if not self._door.may_read(entered.visitor, parsed.filter):
                return Reason.NOT_AUTHORIZED, False
            is_new = self._sessions.subscribe(entered.space, entered.session, said, id)
        except BadPacket as error:
            return error.reason, False
        return Reason(said.qos), is_new

    def unsubscribe(self, entered: Entered, packet: Unsubscribe) -> None:
        reasons = tuple(
            Reason.SUCCESS
            if self._sessions.unsubscribe(entered.space, entered.session, filter)
            else Reason.NO_SUBSCRIPTION_EXISTED
            for filter in packet.filters
        )

        def unsubscribed() -> None:
            if self._is_inside():
                self._connection.send(Unsuback(packet_id=packet.packet_id, reasons=reasons))

        self._when_kept(entered, unsubscribed)

    def _when_kept(self, entered: Entered, then: Callable[[], None]) -> None:
        """Call it when what was noted so far is safe; at once for a session nobody keeps."""
        if entered.session.is_kept:
            failed = lambda: self._connection.end(Reason.IMPLEMENTATION)  # noqa: E731
            self._broker.committer.add(Step(done=then, failed=failed))
        else:
            then()
