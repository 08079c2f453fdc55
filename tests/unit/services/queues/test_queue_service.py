"""Queues on the reference bus: what is sent is received once, hidden, given up on, moved."""

import asyncio

import msgspec
import pytest

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.queues import MemoryQueues
from tapwater_server.model.errors import Invalid, NotFound
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message
from tapwater_server.ports.queues import QueueSettings
from tapwater_server.services.queues.forwarding import Forwarding
from tapwater_server.services.queues.sending import Chain, Draft, Sent
from tapwater_server.services.queues.service import QueueService, Received
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP, OTHER = AppId("shop"), AppId("other")
MIB = 1 << 20


class House:
    """A queue service in memory, and short ways to use it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.queues = MemoryQueues()
        self.bus = MemoryBus(clock=self.clock)
        self.service = QueueService(
            queues=self.queues, bus=self.bus, clock=self.clock, ids=CountingIds()
        )

    async def send(self, *said: object, queue: str = "emails", **more: object) -> list[Sent]:
        drafts = [Draft(message=Message(body=msgspec.json.encode(one)), **more) for one in said]  # type: ignore[arg-type]
        return list(await self.service.send(SHOP, queue, drafts, chain=Chain()))

    async def receive(
        self, *, queue: str = "emails", count: int = 10, wait_s: float = 0.0, **more: float
    ) -> list[Received]:
        visibility_s = more.get("visibility_s")
        found = await self.service.receive(
            SHOP,
            queue,
            count=count,
            wait_s=wait_s,
            visibility_s=visibility_s,
            bytes_max=int(more.get("bytes_max", MIB)),
        )
        return list(found)

    async def bodies(self, **more: float) -> list[object]:
        return [msgspec.json.decode(one.message.body) for one in await self.receive(**more)]  # type: ignore[arg-type]


@pytest.fixture
def house() -> House:
    return House()


async def test_sent_received_deleted(house: House) -> None:
    [sent] = await house.send({"to": "ada"})
    [got] = await house.receive()
    assert (got.id, got.attempt, got.message.body) == (sent.id, 1, b'{"to":"ada"}')
    assert await house.receive() == []
    assert await house.service.delete(SHOP, "emails", [got.receipt]) == [True]
    await house.clock.advance(3600)
    assert await house.receive() == []


async def test_what_nobody_deletes_comes_back_and_a_late_receipt_says_so(house: House) -> None:
    await house.send(1)
    [first] = await house.receive(visibility_s=10)
    await house.clock.advance(11)
    [second] = await house.receive()
    assert second.attempt == 2
    assert await house.service.delete(SHOP, "emails", [first.receipt, second.receipt]) == [
        False,
        True,
    ]


async def test_a_receipt_is_no_key_to_another_queue(house: House) -> None:
    await house.send(1)
    [got] = await house.receive()
    assert await house.service.delete(SHOP, "other", [got.receipt]) == [False]
    assert await house.service.delete(OTHER, "emails", [got.receipt]) == [False]
    with pytest.raises(NotFound):
        await house.service.message(OTHER, "emails", got.id)
    assert await house.service.delete(SHOP, "emails", [got.receipt]) == [True]


@pytest.mark.parametrize("receipt", ["", "x", "no receipt", "ü", "A" * 4000, "kwECAw"])
async def test_no_receipt_at_all(house: House, receipt: str) -> None:
    with pytest.raises(Invalid, match="receipt"):
        await house.service.delete(SHOP, "emails", [receipt])


async def test_hidden_for_longer_then_given_back(house: House) -> None:
    await house.send(1)
    [got] = await house.receive(visibility_s=10)
    assert await house.service.hide(SHOP, "emails", [got.receipt], visibility_s=100) == [True]
    await house.clock.advance(50)
    assert await house.receive() == []
    assert await house.service.hide(SHOP, "emails", [got.receipt], visibility_s=0) == [True]
    [again] = await house.receive()
    assert again.attempt == 2
    assert await house.service.hide(SHOP, "emails", [got.receipt], visibility_s=5) == [False]


async def test_a_long_poll_is_answered_when_a_message_comes(house: House) -> None:
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(house.service.arrivals.run())
        poll = group.create_task(house.receive(wait_s=20))
        await house.clock.advance(3)
        assert not poll.done()
        await house.send("now", queue="other")
        await house.clock.advance(1)
        assert not poll.done()
        await house.send("now")
        await house.clock.advance(0)
        assert [one.message.body for one in await poll] == [b'"now"']
        watch.cancel()


async def test_a_long_poll_hears_of_what_was_delayed_and_ends(house: House) -> None:
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(house.service.arrivals.run())
        await house.send("later", delay_s=5.0)
        poll = group.create_task(house.receive(wait_s=20))
        await house.clock.advance(4)
        assert not poll.done()
        await house.clock.advance(2)
        assert poll.done()
        empty = group.create_task(house.receive(wait_s=20))
        await house.clock.advance(19.9)
        assert not empty.done()
        await house.clock.advance(0.2)
        assert await empty == []
        watch.cancel()


async def test_messages_with_one_key_come_one_after_the_other(house: House) -> None:
    await house.send(1, 2, key="ada")
    await house.send(3, key="bob")
    first = await house.receive()
    assert [one.message.body for one in first] == [b"1", b"3"]
    assert await house.receive() == []
    await house.service.delete(SHOP, "emails", [first[0].receipt])
    assert await house.bodies() == [2]


async def test_an_ordered_queue_orders_what_has_no_key(house: House) -> None:
    await house.queues.configure(SHOP, "emails", QueueSettings(ordered=True))
    await house.send(1, 2)
    [first] = await house.receive()
    assert await house.receive() == []
    await house.service.delete(SHOP, "emails", [first.receipt])
    assert await house.bodies() == [2]


async def test_higher_priority_first(house: House) -> None:
    await house.send("low", priority=-1)
    await house.send("high", priority=7)
    assert await house.bodies() == ["high", "low"]


async def test_a_dedupe_id_counts_for_its_time_and_no_longer(house: House) -> None:
    [first] = await house.send(1, dedupe="order-7")
    seconds = await house.send(1, 1, dedupe="order-7")
    assert [(one.id, one.duplicate) for one in seconds] == [(first.id, True)] * 2
    await house.clock.advance(299)
    assert (await house.send(1, dedupe="order-7"))[0].duplicate
    await house.clock.advance(2)
    assert not (await house.send(1, dedupe="order-7"))[0].duplicate
    assert await house.bodies() == [1, 1]


async def test_a_dedupe_id_counts_wherever_its_time_begins(house: House) -> None:
    await house.clock.advance(200)
    [first] = await house.send(1, dedupe="order-7")
    await house.clock.advance(150)
    assert (await house.send(1, dedupe="order-7"))[0] == Sent(id=first.id, duplicate=True)
    await house.clock.advance(151)
    assert not (await house.send(1, dedupe="order-7"))[0].duplicate


async def test_two_of_one_dedupe_id_in_one_batch_are_one(house: House) -> None:
    sent = await house.send(1, 2, dedupe="x")
    assert sent[0].id == sent[1].id
    assert [one.duplicate for one in sent] == [False, True]
    assert await house.bodies() == [1]


async def test_deleted_counts_as_sent(house: House) -> None:
    await house.send(1, dedupe="x")
    [got] = await house.receive()
    await house.service.delete(SHOP, "emails", [got.receipt])
    assert (await house.send(1, dedupe="x"))[0].duplicate


async def test_given_up_on_after_so_many_times(house: House) -> None:
    await house.queues.configure(SHOP, "emails", QueueSettings(attempts_max=2))
    await house.send("poison")
    for _ in range(2):
        assert await house.bodies() == ["poison"]
        await house.clock.advance(31)
    await house.send("good")
    assert await house.bodies() == ["good"]
    [dead] = await house.service.peek(SHOP, "emails", state="dead", after="", count=10)
    assert dead.reason == "received 2 times and never deleted"
    assert await house.service.redrive(SHOP, "emails", ["no such"]) == 0
    assert await house.service.redrive(SHOP, "emails", []) == 1
    assert await house.bodies() == ["poison"]


async def test_dead_letters_move_to_their_queue(house: House) -> None:
    await house.queues.configure(SHOP, "emails", QueueSettings(attempts_max=1, dead_letters="lost"))
    await house.send("poison")
    assert await house.bodies() == ["poison"]
    await house.clock.advance(31)
    assert await house.bodies() == []
    [moved] = await house.receive(queue="lost")
    assert moved.message.body == b'"poison"'
    assert moved.message.attributes["dead-from"] == "emails"
    assert moved.message.attributes["dead-reason"] == "received 1 times and never deleted"
    stats = await house.service.stats(SHOP)
    assert (stats["emails"].dead, stats["lost"].leased) == (0, 1)


async def test_expired_messages_are_moved_too(house: House) -> None:
    await house.queues.configure(SHOP, "emails", QueueSettings(retention_s=60, dead_letters="lost"))
    await house.send("old")
    await house.clock.advance(61)
    assert await house.bodies() == []
    forwarding = Forwarding(queues=house.queues, moves=house.service, clock=house.clock)
    assert await forwarding.step() == 1
    assert await forwarding.step() == 0
    assert [one.message.body for one in await house.receive(queue="lost")] == [b'"old"']


async def test_purged_but_not_what_somebody_has(house: House) -> None:
    await house.send(1, 2, 3)
    [taken] = await house.receive(count=1)
    assert await house.service.purge(SHOP, "emails") == 2
    assert await house.service.delete(SHOP, "emails", [taken.receipt]) == [True]


async def test_removed_whole(house: House) -> None:
    await house.queues.configure(SHOP, "emails", QueueSettings(attempts_max=1))
    await house.send(1, 2)
    await house.service.remove(SHOP, "emails")
    assert await house.service.stats(SHOP) == {}
    assert await house.bodies() == []


async def test_as_many_as_fit_and_the_rest_is_not_lost(house: House) -> None:
    await house.send("a" * 400, "b" * 400, "c" * 400)
    assert len(await house.receive(bytes_max=900)) == 2
    [third] = await house.receive(bytes_max=10)
    assert third.attempt == 1


async def test_each_of_a_batch_stands_or_falls_by_itself(house: House) -> None:
    drafts = [
        Draft(message=Message(body=b"1")),
        Draft(message=Message(body=b"x" * (MIB + 1))),
        Draft(message=Message(body=b"2"), priority=101),
        Draft(message=Message(body=b"3", attributes={"bad name": ""})),
        Draft(message=Message(body=b"4"), delay_s=-1),
        Draft(message=Message(body=b"5", content_type="no such\r\n")),
        Draft(message=Message(body=b"6")),
    ]
    sent = await house.service.send(SHOP, "emails", drafts, chain=Chain())
    assert [one.error.code if one.error else "" for one in sent] == [
        "",
        "too_large",
        "invalid",
        "invalid",
        "invalid",
        "invalid",
        "",
    ]
    assert await house.bodies() == [1, 6]


@pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "ü", "x" * 81, "a\n"])
async def test_names(house: House, name: str) -> None:
    with pytest.raises(Invalid, match="not the name of a queue"):
        await house.send(1, queue=name)


@pytest.mark.parametrize(
    "more", [{"count": 0}, {"count": 101}, {"wait_s": 21}, {"wait_s": -1}, {"visibility_s": 50_000}]
)
async def test_ceilings(house: House, more: dict[str, float]) -> None:
    with pytest.raises(Invalid):
        await house.receive(**more)  # type: ignore[arg-type]
