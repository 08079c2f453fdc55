"""SQS on the queues of this node."""

import asyncio

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.clouds.aws.sqs.book import QueueBook
from tapwater_server.clouds.aws.sqs.holding import Holder
from tapwater_server.clouds.aws.sqs.messages import MessageOperations
from tapwater_server.clouds.aws.sqs.mover import Mover
from tapwater_server.clouds.aws.sqs.moves import MoveOperations
from tapwater_server.clouds.aws.sqs.queues import QueueOperations
from tapwater_server.clouds.aws.sqs.receiving import Receiver
from tapwater_server.clouds.aws.sqs.sending import Sender
from tapwater_server.clouds.aws.sqs.service import SqsService
from tapwater_server.clouds.aws.sqs.targets import QueueTargets


async def open_sqs(ground: AwsGround) -> AwsPart:
    """Build the service on the bus and what is known of queues."""
    node = ground.node
    stores, clock, ids = node.stores, node.clock, node.ids
    queue_service, _ = ground.parts["queues"]
    book = QueueBook(queues=stores.queues, facts=stores.facts, bus=stores.bus, clock=clock)
    sender = Sender(bus=stores.bus, clock=clock, ids=ids)
    begun = asyncio.Event()
    service = SqsService(
        messages=MessageOperations(
            book=book,
            sender=sender,
            receiver=Receiver(
                bus=stores.bus, book=book, arrivals=queue_service.arrivals, clock=clock
            ),
            holder=Holder(bus=stores.bus, clock=clock),
            clock=clock,
        ),
        queues=QueueOperations(book=book, clock=clock),
        moves=MoveOperations(book=book, facts=stores.facts, clock=clock, ids=ids, begun=begun),
    )
    mover = Mover(bus=stores.bus, book=book, facts=stores.facts, clock=clock, begun=begun)
    return AwsPart(
        names=("sqs",),
        service=service,
        loops=(mover.run(),),
        targets={"sqs": QueueTargets(book=book, sender=sender)},
    )
