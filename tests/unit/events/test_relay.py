"""What the relay reads and publishes at once, however large events are and how many hear them."""

from collections.abc import Sequence

import pytest

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.events import relay as module
from tapwater_server.events.relay import Relay
from tapwater_server.model.event import Event
from tapwater_server.ports.bus import Errand
from tapwater_server.ports.eventlog import READ_BYTES_MAX
from tapwater_server.testing.clock import ManualClock
from tests.unit.events.test_audience import SHOP, Rig, function

MIB = 1 << 20


class WatchedBus(MemoryBus):
    """Notes how large each publishing is."""

    def __init__(self, *, clock: ManualClock) -> None:
        super().__init__(clock=clock)
        self.groups: list[list[int]] = []

    async def publish(self, errands: Sequence[Errand]) -> int:
        self.groups.append([len(errand.body) for errand in errands])
        return await super().publish(errands)


def event(id: str, data: bytes) -> Event:
    return Event(id=id, app=SHOP, type="a", source="/x", data=data, content_type="application/json")


@pytest.fixture
async def rig() -> Rig:
    rig = Rig()
    await rig.deploy(*(function(name) for name in ("one", "two", "three")))
    return rig


async def test_large_events_are_read_a_few_at_a_time(rig: Rig) -> None:
    clock = ManualClock()
    log, bus = MemoryEventLog(clock=clock), WatchedBus(clock=clock)
    await log.append([event(f"e{n}", bytes(MIB)) for n in range(20)])
    relay = Relay(log=log, bus=bus, audience=rig.audience, clock=clock)
    assert [await relay.step() for _ in range(3)] == [READ_BYTES_MAX // MIB, 4, 0]
    assert relay.stats().errands == 60


async def test_what_many_hear_is_published_in_groups(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROUP_BYTES", 4_000)
    clock = ManualClock()
    log, bus = MemoryEventLog(clock=clock), WatchedBus(clock=clock)
    await log.append([event(f"e{n}", b'"%s"' % (b"x" * 1_500)) for n in range(5)])
    relay = Relay(log=log, bus=bus, audience=rig.audience, clock=clock)
    assert await relay.step() == 5
    assert [len(group) for group in bus.groups] == [3, 3, 3, 3, 3]
    assert all(sum(group[:-1]) < 4_000 for group in bus.groups)
    assert (relay.stats().errands, relay.stats().poison) == (15, 0)
