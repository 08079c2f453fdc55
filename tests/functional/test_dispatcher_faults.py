"""The event line when the disk fails or the clock is set: nothing is given up, nothing is stuck."""

from collections.abc import AsyncIterator, Callable

import pytest

from tapwater_server.events.destinations import Chain, Places
from tapwater_server.model.delivering import Pace
from tapwater_server.model.errors import Overloaded, StorageFull
from tapwater_server.model.function import Trigger
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message
from tapwater_server.ports.bus import Filter
from tapwater_server.ports.eventlog import Logged
from tests.functional.event_line import SHOP, Line, on_event, reactive

Make = Callable[..., Line]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Line] = []

    def a_line(*, places: Places | None = None) -> Line:
        made.append(Line(None, places=places))
        return made[-1]

    yield a_line
    for one in made:
        await one.world.close()


class FullAtFirst:
    """Queues on a disk that is full for a while."""

    def __init__(self) -> None:
        self.full, self.sent = 5, 0

    async def send(self, app: AppId, queue: str, message: Message, chain: Chain) -> None:
        self.full -= 1
        if self.full >= 0:
            raise StorageFull("the disk is full")
        self.sent += 1

    async def announce(self, app: AppId, topic: str, message: Message, chain: Chain) -> None:
        raise AssertionError("nobody announces here")


async def test_an_end_waits_for_room_on_the_disk(make: Make) -> None:
    places = FullAtFirst()
    line = make(places=places)
    await line.deploy(reactive("a", on_event("a", on_success="queue:q")))
    await line.happen("e1", "a")
    await line.served(30.0)
    assert (places.sent, len(line.told), await line.dead()) == (1, 1, [])


async def test_a_disk_that_fails_uses_no_attempt_and_buries_nothing(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()))
    find, failing = line.log.find, [StorageFull("full"), Overloaded("the disk fails")]

    async def find_or_fail(app: AppId, id: str) -> Logged | None:
        if failing:
            raise failing.pop()
        return await find(app, id)

    monkeypatch.setattr(line.log, "find", find_or_fail)
    await line.happen()
    await line.served(30.0)
    [state] = await line.bus.list(Filter(app=SHOP))
    assert (state.state, state.attempt, len(line.told)) == ("done", 1, 1)


async def test_a_clock_set_back_holds_up_no_rate(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event("a", pace=Pace(per_s=1.0))))
    for n in range(3):
        await line.happen(f"e{n}", "a")
    line.clock.at(0.5, lambda: line.clock.jump(-3600.0))
    await line.served(10.0)
    assert len(line.told) == 3


async def test_a_clock_set_back_holds_up_no_batch(make: Make) -> None:
    line = make()
    batch = Trigger(source="batch", arguments={"queue": "q", "size": 5, "window_s": 2.0})
    await line.deploy(reactive("a", batch))
    await line.send("m1")
    line.clock.at(0.5, lambda: line.clock.jump(-3600.0))
    await line.served(5.0)
    assert len(line.told) == 1
