"""Storage is billed by the hour, and no stopped week, jumped clock or restart is."""

from tapwater_server.backends.memory.keeping import MemoryKeeping
from tapwater_server.backends.memory.meter import MemoryMeter
from tapwater_server.model.ids import AppId
from tapwater_server.ports.meter import Use
from tapwater_server.services.billing.storing import Storing
from tapwater_server.testing.clock import ManualClock

SHOP = AppId("shop")
HOUR_S = 3600.0


class World:
    def __init__(self) -> None:
        self.clock, self.meter = ManualClock(), MemoryMeter()
        self.documents, self.blobs = {SHOP: 1000}, {SHOP: 50}
        self.keeping = MemoryKeeping(documents=lambda: self.documents, blobs=lambda: self.blobs)
        self.uses: list[Use] = []
        self.meter.when_used(self.uses.append)
        self.storing = Storing(keeping=self.keeping, meter=self.meter, clock=self.clock)

    def billed(self) -> list[tuple[str, float]]:
        found = [(one.quantity, one.amount) for one in self.uses]
        self.uses.clear()
        return found


async def test_an_hour_of_keeping() -> None:
    world = World()
    assert await world.storing.step() == 1
    assert world.billed() == [], "nobody knows how long it was there"
    await world.clock.advance(HOUR_S / 2)
    await world.storing.step()
    assert world.billed() == [("doc_byte_hours", 500.0), ("blob_byte_hours", 25.0)]


async def test_a_stopped_week_is_two_hours_at_most() -> None:
    world = World()
    await world.storing.step()
    await world.clock.advance(7 * 24 * HOUR_S)
    again = Storing(keeping=world.keeping, meter=world.meter, clock=world.clock)
    await again.step()
    assert world.billed() == [("doc_byte_hours", 2000.0), ("blob_byte_hours", 100.0)]


async def test_a_clock_put_back_bills_nothing_and_then_goes_on() -> None:
    world = World()
    await world.storing.step()
    await world.keeping.looked(world.clock.now() + 1e9)  # As if it had been a far future.
    await world.storing.step()
    assert world.billed() == []
    await world.clock.advance(HOUR_S)
    await world.storing.step()
    assert world.billed() == [("doc_byte_hours", 1000.0), ("blob_byte_hours", 50.0)]
