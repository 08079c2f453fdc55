"""Queues and topics as the event line knows them: through their services, with their settings."""

from collections.abc import Sequence

from tapwater_server.assembly.stores import Stores
from tapwater_server.events.destinations import Chain
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.queues import sending
from tapwater_server.services.queues.service import QueueService
from tapwater_server.services.queues.topics import TopicService


def open_places(stores: Stores, *, clock: Clock, ids: IdSource) -> "ServicePlaces":
    """Build them on the node's stores."""
    queues, bus = stores.queues, stores.bus
    return ServicePlaces(
        queues=QueueService(queues=queues, bus=bus, clock=clock, ids=ids),
        topics=TopicService(queues=queues, bus=bus, log=stores.eventlog, clock=clock, ids=ids),
    )


class ServicePlaces:
    """Keeps what ``events.destinations.Places`` asks for."""

    def __init__(self, *, queues: QueueService, topics: TopicService) -> None:
        self._queues, self._topics = queues, topics

    async def send(self, app: AppId, queue: str, message: Message, chain: Chain) -> None:
        """Put a message into a queue; raises why it was refused."""
        draft = sending.Draft(message=message, id=chain.id)
        _take(await self._queues.send(app, queue, [draft], chain=_chain(chain)))

    async def announce(self, app: AppId, topic: str, message: Message, chain: Chain) -> None:
        """Publish to a topic; raises why it was refused."""
        draft = sending.Draft(message=message, id=chain.id)
        _take(await self._topics.publish(app, topic, [draft], chain=_chain(chain)))


def _chain(chain: Chain) -> sending.Chain:
    return sending.Chain(root=chain.root, depth=chain.depth, trace=chain.trace)


def _take(sent: Sequence[sending.Sent]) -> None:
    for one in sent:
        if one.error is not None:
            raise one.error
