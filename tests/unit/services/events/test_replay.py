"""A replay goes on after a short page: large events come a few at a time."""

from collections.abc import Sequence

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.backends.memory.registry import MemoryRegistry
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Errand
from tapwater_server.services.events.service import EventService, Wanted
from tapwater_server.testing.clock import CountingIds, ManualClock

SHOP = AppId("shop")


class OneEach:
    """Each event is told to one function."""

    def errands(self, event: Event, *, function: str = "", salt: str = "") -> Sequence[Errand]:
        return [Errand(id=f"{event.id}-{salt}", app=SHOP, line="f:shop:a", body=b"")]


async def test_a_short_page_is_not_the_end() -> None:
    clock = ManualClock()
    log = MemoryEventLog(clock=clock)
    await log.append(
        [Event(id=f"e{n}", app=SHOP, type="a", source="/x", data=bytes(1 << 20)) for n in range(40)]
    )
    service = EventService(
        log=log,
        bus=MemoryBus(clock=clock),
        matching=OneEach(),
        registry=MemoryRegistry(),
        clock=clock,
        ids=CountingIds(),
    )
    told = await service.replay(Wanted(app=SHOP), function="")
    assert (told.events, told.deliveries, told.complete) == (40, 40, True)
    listed, more = await service.after(Wanted(app=SHOP), after=None, count_max=100)
    assert (len(listed), more) == (40, None)
    newest = await service.newest(Wanted(app=SHOP), count_max=100)
    assert [one.event.id for one in newest] == [f"e{n}" for n in reversed(range(40))]
