"""Ends and times told through the services: with the queue's settings, and once for one id."""

from tapwater_server.assembly.places import ServicePlaces
from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.queues import MemoryQueues
from tapwater_server.events.destinations import Chain
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message
from tapwater_server.ports.bus import queue_line
from tapwater_server.ports.queues import QueueSettings
from tapwater_server.services.queues.service import QueueService
from tapwater_server.services.queues.topics import TopicService
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")


async def test_told_twice_is_told_once() -> None:
    clock, ids, queues = ManualClock(), CountingIds(), MemoryQueues()
    bus, log = MemoryBus(clock=clock), MemoryEventLog(clock=clock)
    places = ServicePlaces(
        queues=QueueService(queues=queues, bus=bus, clock=clock, ids=ids),
        topics=TopicService(queues=queues, bus=bus, log=log, clock=clock, ids=ids),
    )
    await queues.configure(SHOP, "done", QueueSettings(delay_s=5))
    await queues.subscribe(SHOP, "news", "copy")
    chain = Chain(id="e1.done", root="e1", depth=2)
    for _ in range(2):
        await places.send(SHOP, "done", Message(body=b"1"), chain)
        await places.announce(SHOP, "news", Message(body=b"2"), chain)
    assert await bus.lease(queue_line(SHOP, "done"), count_max=9, lease_s=9) == []
    await clock.advance(6)
    [told] = await bus.lease(queue_line(SHOP, "done"), count_max=9, lease_s=9)
    assert (told.errand.id, told.errand.root, told.errand.depth) == ("e1.done", "e1", 2)
    [copy] = await bus.lease(queue_line(SHOP, "copy"), count_max=9, lease_s=9)
    assert copy.errand.id == "e1.done.copy"
    assert [one.event.id for one in await log.read(after=0, count_max=9)] == ["e1.done"]
