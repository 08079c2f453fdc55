"""Listeners of other rooms in the event line: they take lines, call functions, hear events."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from tapwater_server.events.retry import LOST_MAX
from tapwater_server.model.errors import StorageFull
from tapwater_server.model.event import Event
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.bus import Dead, Delivery, Done, Errand, Later, Returned, Settlement
from tapwater_server.ports.listening import Door, Listening, Serving, Told
from tapwater_server.testing.clock import settle
from tests.functional.event_line import SHOP, Line, on_event, reactive

LINE = "x:shop:mine"


class Room:
    """Takes the line ``x:shop:mine`` in batches. Keeps ``Listeners`` and ``Listener``."""

    def __init__(self, line: Line, *, size: int = 0) -> None:
        self._line, self.size = line, size
        self.batches: list[list[str]] = []
        self.ends: list[Settlement | Exception] = [Done()]
        self.calls = self.together = False
        self.open = True
        self.told: Callable[[], None] = lambda: None

    def serving(self, line: str) -> Serving | None:
        if line != LINE or not self.open:
            return None
        return Serving(listener=self, app=SHOP, seats=2, size=self.size, together=self.together)

    def heard(self, event: Event) -> Sequence[Errand]:
        return [errand(f"heard.{event.id}")] if event.type == "sold" else ()

    def watch(self, told: Callable[[], None]) -> None:
        self.told = told

    async def deliver(self, deliveries: Sequence[Delivery], door: Door) -> Sequence[Settlement]:
        self.batches.append([one.errand.id for one in deliveries])
        if self.calls:
            (revision,) = self._line.registry.revisions(SHOP)
            told = Told(revision=revision, function=revision.functions[0], body=b'{"hi": 1}')
            outcome = await door(told)
            assert outcome.status == 200
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if isinstance(end, Exception):
            raise end
        return [end] * len(deliveries)


def errand(id: str, *, depth: int = 0) -> Errand:
    return Errand(id=id, app=SHOP, line=LINE, body=b"{}", depth=depth)


Open = Callable[..., tuple[Line, Room]]


@pytest.fixture
async def open_room() -> AsyncIterator[Open]:
    made: list[Line] = []

    def make(*, size: int = 0) -> tuple[Line, Room]:
        line = Line()
        made.append(line)
        room = Room(line, size=size)
        line.listening = Listening()
        line.listening.add(room)
        line.line = line.make()
        return line, room

    yield make
    for line in made:
        await line.world.close()


async def state_of(line: Line, id: str) -> tuple[str, str]:
    found = await line.bus.state(id)
    assert found is not None
    return found.state, found.reason


async def test_a_line_of_another_room_is_delivered_and_settled_as_it_says(open_room: Open) -> None:
    line, room = open_room()
    room.ends = [Later(1.0, "not yet"), Returned(1.0), Dead("no"), Done()]
    await line.bus.publish([errand("a")])
    await line.served(6.0)
    assert room.batches == [["a"]] * 3
    assert await state_of(line, "a") == ("dead", "no")
    assert any("a dead letter: no" in one.text for one in line.said)
    stats = line.line.dispatcher.stats()
    assert (stats.retried, stats.released, stats.buried) == (1, 1, 1)


async def test_batches_are_as_large_as_it_wants(open_room: Open) -> None:
    line, room = open_room(size=3)
    await line.bus.publish([errand(name) for name in "abcde"])
    await line.served(1.0)
    assert room.batches == [["a", "b", "c"], ["d", "e"]]


async def test_it_can_call_functions_through_the_door(open_room: Open) -> None:
    line, room = open_room()
    room.calls = True
    await line.deploy(reactive("one", on_event("other")))
    await line.bus.publish([errand("a")])
    await line.served(1.0)
    assert line.told == [{"hi": 1}]
    assert (await state_of(line, "a"))[0] == "done"


async def test_a_full_disk_gives_deliveries_back(open_room: Open) -> None:
    line, room = open_room()
    room.ends = [StorageFull("no room"), Done()]
    await line.bus.publish([errand("a")])
    await line.served(3.0)
    assert (await state_of(line, "a"))[0] == "done"
    assert len(room.batches) == 2


async def test_chains_that_are_too_long_and_what_was_lost_too_often_are_not_delivered(
    open_room: Open,
) -> None:
    line, room = open_room()
    await line.bus.publish([errand("deep", depth=CHAIN_DEPTH_MAX + 1), errand("lost")])
    for _ in range(LOST_MAX + 1):
        await line.bus.lease(LINE, count_max=9, lease_s=1.0)
        await line.clock.advance(2.0)
    await line.served(2.0)
    assert room.batches == []
    assert "a loop" in (await state_of(line, "deep"))[1]
    assert "lost 11 times" in (await state_of(line, "lost"))[1]


async def test_what_nobody_serves_waits_until_somebody_does(open_room: Open) -> None:
    line, room = open_room()
    room.open = False
    await line.bus.publish([errand("a")])
    running = [asyncio.ensure_future(loop) for loop in line.line.loops()]
    await settle()
    assert (await state_of(line, "a"))[0] == "waiting"
    room.open = True
    room.told()
    await line.world.run(1.0, step_s=0.25)
    assert (await state_of(line, "a"))[0] == "done"
    for one in running:
        one.cancel()


async def test_what_happens_is_heard_beside_the_functions_that_listen(open_room: Open) -> None:
    line, room = open_room()
    await line.deploy(reactive("one", on_event("sold")))
    await line.happen("e1")
    await line.happen("e2", type="other")
    await line.served(1.0)
    assert room.batches == [["heard.e1"]]
    assert len(line.told) == 1


async def test_what_must_come_in_order_comes_in_one_batch_also_after_failures(
    open_room: Open,
) -> None:
    line, room = open_room(size=5)
    room.together = True
    room.ends = [*[Later(1.0, "no")] * 3, Done()]
    large = b'"' + b"x" * 1_000_000 + b'"'
    keyed = [Errand(id=n, app=SHOP, line=LINE, body=large, key="k") for n in "abcdef"]
    await line.bus.publish(keyed)
    await line.served(8.0)
    assert room.batches == [["a", "b", "c", "d", "e"]] * 4 + [["f"]]
