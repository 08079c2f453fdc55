"""Queues and topics of this node."""

from tapwater_server.assembly.parts.ground import Ground, Part
from tapwater_server.services.queues.forwarding import Forwarding
from tapwater_server.services.queues.http import QueuesApi
from tapwater_server.services.queues.service import QueueService
from tapwater_server.services.queues.topics import TopicService


async def open(ground: Ground) -> Part:
    """Build the service on the bus and the log."""
    stores = ground.stores
    queues = stores.queues
    service = QueueService(queues=queues, bus=stores.bus, clock=ground.clock, ids=ground.ids)
    topics = TopicService(
        queues=queues, bus=stores.bus, log=stores.eventlog, clock=ground.clock, ids=ground.ids
    )
    forwarding = Forwarding(queues=queues, moves=service, clock=ground.clock)
    return Part(
        name="queues",
        endpoints=QueuesApi(service=service, topics=topics, queues=queues).endpoints(),
        loops=(service.arrivals.run(), forwarding.run()),
        erase=queues.erase,  # The messages go with the bus.
        service=(service, topics),
    )
