"""What is remembered of one client: subscriptions, what it is to get, what it has sent. No I/O."""

from collections import deque
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from tapwater_server.model.ids import AppId
from tapwater_server.services.mqtt.codec.packets import Subscription, Will
from tapwater_server.services.mqtt.codec.reasons import Reason
from tapwater_server.services.mqtt.messages import Message, Outgoing

_PACKET_ID_MAX = 65_535


class Link(Protocol):
    """The connection a session has at the moment."""

    def pump(self) -> None:
        """Send what may be sent now."""
        ...

    def direct(self, outgoing: Outgoing) -> bool:
        """Send a message of QoS 0 at once; False if the peer is slow."""
        ...

    def cut(self, reason: Reason) -> None:
        """End it, and with it what the session has of it."""
        ...


class Held(Struct, frozen=True, kw_only=True):
    """A subscription of a session. ``group`` is set where it is shared."""

    session: "Session"
    subscription: Subscription
    group: str
    filter: str  # without the share
    id: int = 0


class Session:
    """One client of one app. Everything here fits the ceilings it was made with."""

    def __init__(
        self, *, app: AppId, key: str, client_id: str, queued_max: int, queued_bytes_max: int
    ) -> None:
        self.app, self.key, self.client_id = app, key, client_id
        self.expiry_s = 0
        self.left_at = 0.0  # seconds since the epoch, while it has no link
        self.link: Link | None = None
        self.will: Will | None = None  # one that waits for its delay
        self.comings = 0  # rises with each link: an alarm set before is void
        self.gone = False
        self.subscriptions: dict[str, Held] = {}
        self.received: set[int] = set()  # QoS 2 from the client, not yet finished
        self.dropped = 0
        self._queued_max, self._queued_bytes_max = queued_max, queued_bytes_max
        self._queue: deque[Outgoing] = deque()
        self._sent: dict[int, Outgoing] = {}
        self._taken: set[int] = set()
        self._bytes = 0
        self._last_id = 0

    @property
    def is_kept(self) -> bool:
        """It outlives its connection, and so is written down."""
        return self.expiry_s > 0

    def waiting(self) -> int:
        return len(self._queue)

    def under_way(self) -> int:
        return len(self._sent)

    def prepare(
        self, message: Message, *, qos: int, retain: bool, ids: tuple[int, ...]
    ) -> Outgoing | None:
        """Take a place for a message; None if there is none, or nobody to send QoS 0 to."""
        if qos == 0 and self.link is None:
            return None
        if self._is_full(message):
            self.dropped += 1
            return None
        packet_id = self._take_id() if qos else 0
        return Outgoing(message=message, qos=qos, packet_id=packet_id, retain=retain, ids=ids)

    def _is_full(self, message: Message) -> bool:
        promised = len(self._taken) - len(self._sent)
        return (
            max(promised, len(self._queue)) >= self._queued_max
            or self._bytes + message.size() > self._queued_bytes_max
        )

    def _take_id(self) -> int:
        id = self._last_id
        while True:
            id = id % _PACKET_ID_MAX + 1
            if id not in self._taken:
                break
        self._last_id = id
        self._taken.add(id)
        return id

    def give_back(self, outgoing: Outgoing) -> None:
        """Forget a place that was taken: the message could not be kept."""
        self._taken.discard(outgoing.packet_id)

    def enqueue(self, outgoing: Outgoing) -> None:
        """Put a message at the end, and let the link send."""
        link = self.link
        if outgoing.qos == 0 and not self._queue and (link is None or link.direct(outgoing)):
            return  # It is sent, or nobody is there any more to send it to.
        self._queue.append(outgoing)
        self._bytes += outgoing.message.size()
        if self.link is not None:
            self.link.pump()

    def take(self, *, window: int) -> Outgoing | None:
        """Give the next message to send, if the window allows one."""
        if not self._queue:
            return None
        head = self._queue[0]
        if head.qos and len(self._sent) >= window:
            return None
        self._queue.popleft()
        self._bytes -= head.message.size()
        if head.qos:
            self._sent[head.packet_id] = head
        return head

    def settle(self, packet_id: int) -> bool:
        """The client has it, or never will: its identifier is free again."""
        if self._sent.pop(packet_id, None) is None:
            return False
        self._taken.discard(packet_id)
        return True

    def sent(self, packet_id: int) -> Outgoing | None:
        return self._sent.get(packet_id)

    def release(self, outgoing: Outgoing) -> None:
        """The client has a message of QoS 2: never send it again."""
        outgoing.released = True

    def rewind(self) -> Sequence[int]:
        """A new link: what was sent and not answered is sent again, first, in its order.

        Gives the identifiers for which only a PUBREL is to be sent.
        """
        released = [id for id, one in self._sent.items() if one.released]
        again = [one for one in self._sent.values() if not one.released]
        for one in again:
            one.dup = True
            self._bytes += one.message.size()
            del self._sent[one.packet_id]
        # Of QoS 0, nothing is owed to somebody who was away.
        later = [one for one in self._queue if one.qos]
        self._bytes -= sum(one.message.size() for one in self._queue if not one.qos)
        self._queue = deque([*again, *later])
        return released

    def restore(self, outgoing: Outgoing) -> None:
        """Put back what was kept on disk. Whether it was sent before, nobody knows any more."""
        self._taken.add(outgoing.packet_id)
        self._last_id = max(self._last_id, outgoing.packet_id)
        outgoing.dup = True
        if outgoing.released:
            self._sent[outgoing.packet_id] = outgoing
        else:
            self._queue.append(outgoing)
            self._bytes += outgoing.message.size()
