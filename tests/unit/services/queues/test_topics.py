"""Topics on the reference log and bus: one event for functions, one message for each queue."""

import pytest

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.queues import MemoryQueues
from tapwater_server.model.errors import Invalid
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message, unpack
from tapwater_server.ports.bus import Errand, queue_line
from tapwater_server.ports.queues import QueueSettings
from tapwater_server.services.queues.sending import Chain, Draft
from tapwater_server.services.queues.topics import TopicService
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")
CHAIN = Chain(root="first", depth=3, trace="00-aa-bb-01")


class House:
    """Topics in memory."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.queues = MemoryQueues()
        self.bus, self.log = MemoryBus(clock=self.clock), MemoryEventLog(clock=self.clock)
        self.topics = self.make(self.log)

    def make(self, log: MemoryEventLog) -> TopicService:
        return TopicService(
            queues=self.queues, bus=self.bus, log=log, clock=self.clock, ids=CountingIds()
        )

    async def events(self) -> list[Event]:
        return [one.event for one in await self.log.read(after=0, count_max=100)]

    async def lying(self, queue: str) -> list[Errand]:
        leased = await self.bus.lease(queue_line(SHOP, queue), count_max=100, lease_s=1)
        return [one.errand for one in leased]


@pytest.fixture
def house() -> House:
    return House()


def draft(body: bytes = b"1", *, dedupe: str = "", key: str = "", **attributes: str) -> Draft:
    return Draft(message=Message(body=body, attributes=attributes), dedupe=dedupe, key=key)


async def test_an_event_for_functions_and_a_message_for_each_queue(house: House) -> None:
    for queue in ("archive", "stats"):
        await house.queues.subscribe(SHOP, "orders", queue)
    [sent] = await house.topics.publish(SHOP, "orders", [draft(key="7", shop="x")], chain=CHAIN)
    [event] = await house.events()
    assert (event.id, event.type, event.source) == (
        sent.id,
        "tapwater.topic.message",
        "/topics/orders",
    )
    assert (event.data, event.key, event.extensions) == (b"1", "7", {"shop": "x"})
    assert (event.root, event.depth, event.trace) == ("first", 3, "00-aa-bb-01")
    for queue in ("archive", "stats"):
        [errand] = await house.lying(queue)
        assert (errand.id, errand.key, errand.root) == (f"{sent.id}.{queue}", "7", "first")
        message = unpack(errand.body, errand.attributes)
        assert message.attributes == {"shop": "x", "topic": "orders"}


async def test_the_settings_of_the_queue_hold(house: House) -> None:
    await house.queues.subscribe(SHOP, "orders", "slow")
    await house.queues.configure(SHOP, "slow", QueueSettings(delay_s=60))
    await house.topics.publish(SHOP, "orders", [draft()], chain=Chain())
    assert await house.lying("slow") == []
    await house.clock.advance(61)
    assert len(await house.lying("slow")) == 1


async def test_a_dedupe_id_is_taken_once(house: House) -> None:
    await house.queues.subscribe(SHOP, "orders", "archive")
    drafts = [draft(dedupe="7"), draft(dedupe="7")]
    first, second = await house.topics.publish(SHOP, "orders", drafts, chain=Chain())
    [third] = await house.topics.publish(SHOP, "orders", [draft(dedupe="7")], chain=Chain())
    assert first.id == second.id == third.id
    assert [first.duplicate, second.duplicate, third.duplicate] == [False, True, True]
    assert len(await house.events()) == 1
    assert len(await house.lying("archive")) == 1
    await house.clock.advance(301)
    [later] = await house.topics.publish(SHOP, "orders", [draft(dedupe="7")], chain=Chain())
    assert not later.duplicate


async def test_published_again_after_a_crash_in_the_middle_it_is_whole(house: House) -> None:
    class Dying(MemoryEventLog):
        async def append(self, events: object) -> int:
            raise OSError("killed")

    await house.queues.subscribe(SHOP, "orders", "archive")
    with pytest.raises(OSError, match="killed"):
        await house.make(Dying(clock=house.clock)).publish(
            SHOP, "orders", [draft(dedupe="7")], chain=Chain()
        )
    [sent] = await house.topics.publish(SHOP, "orders", [draft(dedupe="7")], chain=Chain())
    assert not sent.duplicate
    assert len(await house.events()) == len(await house.lying("archive")) == 1


async def test_what_an_event_cannot_carry_is_refused_by_itself(house: House) -> None:
    drafts = [draft(), draft(BadName="x"), draft(source="x"), draft(b"x" * (2 << 20))]
    sent = await house.topics.publish(SHOP, "orders", drafts, chain=Chain())
    assert [one.error.code if one.error else "" for one in sent] == [
        "",
        "invalid",
        "invalid",
        "too_large",
    ]
    assert len(await house.events()) == 1
    with pytest.raises(Invalid, match="not the name of a topic"):
        await house.topics.publish(SHOP, "a b", [draft()], chain=Chain())
