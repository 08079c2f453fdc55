"""The topics of one app: who subscribed to what, what is retained, who gets a message."""

from collections.abc import Sequence

from msgspec import Struct

from tapwater_server.model.ids import AppId
from tapwater_server.services.mqtt.codec.topics import parse_filter
from tapwater_server.services.mqtt.messages import Message
from tapwater_server.services.mqtt.session import Held, Session
from tapwater_server.services.mqtt.tree import FilterTree, NameTree

_REMEMBERED_MAX = 4_096  # Topics whose listeners are remembered until a subscription changes.


class Share:
    """The subscribers of one shared filter; each message goes to one of them in turn."""

    def __init__(self) -> None:
        self.members: dict[str, Held] = {}
        self._turn = 0

    def choose(self) -> Held | None:
        """Give the next one that is connected, else the next one that will come again."""
        members = list(self.members.values())
        for step in range(len(members)):
            held = members[(self._turn + step) % len(members)]
            if held.session.link is not None:
                self._turn = (self._turn + step + 1) % len(members)
                return held
        if not members:
            return None
        self._turn = (self._turn + 1) % len(members)
        return members[self._turn]


class Aim(Struct):
    """One session that gets a message: at most once, however many of its filters hear it."""

    session: Session
    qos: int
    retain: bool
    ids: tuple[int, ...] = ()


class Space:
    """One app's topics, apart from every other app's."""

    def __init__(self, app: AppId) -> None:
        self.app = app
        self.sessions: dict[str, Session] = {}
        self.retained: NameTree[Message] = NameTree()
        self.retained_bytes = 0
        self.connected = self.messages_in = self.messages_out = self.dropped = 0
        self.client_messages = 0  # from and to clients of MQTT, not yet on the bill
        self._tree: FilterTree[Held | Share] = FilterTree()
        self._remembered: dict[str, Sequence[Held | Share]] = {}

    def subscribe(self, held: Held) -> bool:
        """Add a subscription, or change it; say whether it is new."""
        self._remembered.clear()
        session, name = held.session, held.subscription.filter
        is_new = name not in session.subscriptions
        session.subscriptions[name] = held
        if not held.group:
            self._tree.add(held.filter, session.key, held)
            return is_new
        share = self._tree.find(held.filter, (held.group,))
        if not isinstance(share, Share):
            share = Share()
            self._tree.add(held.filter, (held.group,), share)
        share.members[session.key] = held
        return is_new

    def unsubscribe(self, session: Session, name: str) -> bool:
        """Take a subscription away; say whether there was one."""
        held = session.subscriptions.pop(name, None)
        if held is None:
            return False
        self._remembered.clear()
        parsed = parse_filter(name)
        if not parsed.group:
            self._tree.remove(parsed.filter, session.key)
            return True
        share = self._tree.find(parsed.filter, (parsed.group,))
        if isinstance(share, Share):
            share.members.pop(session.key, None)
            if not share.members:
                self._tree.remove(parsed.filter, (parsed.group,))
        return True

    def forget(self, session: Session) -> None:
        """Take a session and all its subscriptions away."""
        for name in tuple(session.subscriptions):
            self.unsubscribe(session, name)
        self.sessions.pop(session.key, None)
        session.gone = True

    def aims(self, message: Message) -> Sequence[Aim]:
        """Say who gets a message, and how."""
        found = self._remembered.get(message.topic)
        if found is None:
            found = self._tree.match(message.topic)
            if len(self._remembered) >= _REMEMBERED_MAX:
                self._remembered.clear()
            self._remembered[message.topic] = found
        aims: dict[str, Aim] = {}
        for one in found:
            held = one.choose() if isinstance(one, Share) else one
            if held is not None:
                _aim(held, message, aims)
        return tuple(aims.values())

    def retain(self, message: Message) -> None:
        """Keep the last message of a topic; an empty one clears it."""
        old = self.retained.remove(message.topic)
        if old is not None:
            self.retained_bytes -= old.size()
        if message.payload:
            self.retained.put(message.topic, message)
            self.retained_bytes += message.size()


def _aim(held: Held, message: Message, aims: dict[str, Aim]) -> None:
    """The highest QoS of all filters that hear it, and the identifiers of all of them."""
    said = held.subscription
    key = held.session.key
    if said.no_local and key == message.publisher:
        return
    qos = min(said.qos, message.qos)
    retain = message.retain and said.retain_as_published
    ids = (held.id,) if held.id else ()
    aim = aims.get(key)
    if aim is None:
        aims[key] = Aim(held.session, qos, retain, ids)
    else:
        aim.qos, aim.retain, aim.ids = max(aim.qos, qos), aim.retain or retain, aim.ids + ids
