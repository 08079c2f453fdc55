"""The event line without a platform: a bus, a scripted door, and what becomes of errands."""

import asyncio
import json

from tapwater.runtime.wire import Frame, Kind
from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.events.dispatcher import Dispatcher
from tapwater_server.events.retry import RetryPolicy
from tapwater_server.model.errors import NotFound
from tapwater_server.model.ids import InvocationId, RevisionId
from tapwater_server.model.invocation import Invocation, Verb
from tapwater_server.ports.bus import Delivery, Errand
from tapwater_server.testing.clock import CountingIds, ManualClock, settle
from tapwater_server.testing.guests import ScriptedGuest
from tapwater_server.testing.world import World, a_function


class Line:
    """A dispatcher on top of a scripted world."""

    def __init__(self, world: World, *, attempts_max: int = 3) -> None:
        self.clock: ManualClock = world.clock
        self.bus = MemoryBus(clock=world.clock)
        self.function = a_function()
        self.gone = False
        self.dispatcher = Dispatcher(
            bus=self.bus,
            invoker=world.scheduler,
            translate=self.translate,
            clock=world.clock,
            ids=CountingIds(),
            policy=RetryPolicy(attempts_max=attempts_max, delay_s=1.0),
        )

    def translate(self, delivery: Delivery) -> Invocation:
        if self.gone:
            raise NotFound("the function is not deployed any more")
        return Invocation(
            id=InvocationId(f"i{delivery.attempt}"),
            revision=RevisionId("r1"),
            function=self.function,
            verb=Verb.EVENT,
            body=delivery.errand.body,
            arrived_at=self.clock.monotonic(),
        )

    async def publish(self, id: str = "e1") -> None:
        errand = Errand(id=id, app="shop", function="shop:orders/send", body=b'{"n":1}')
        await self.bus.publish([errand])

    async def state(self, id: str = "e1") -> str:
        state = await self.bus.state(id)
        assert state is not None
        return state.state


async def served(line: Line, world: World, *, seconds: float) -> None:
    """Let the dispatcher run for some wound time."""
    running = asyncio.ensure_future(line.dispatcher.run())
    await settle()
    await world.run(seconds, step_s=0.25)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def fails(guest: ScriptedGuest, frame: Frame) -> None:
    if frame.kind == Kind.INVOKE:
        guest.answer(frame.call, b"no", status=500)


def hangs(guest: ScriptedGuest, frame: Frame) -> None:
    """Never answers."""


async def test_an_errand_that_went_well_is_done_and_keeps_its_result() -> None:
    world = World()
    line = Line(world)
    await line.publish()
    await served(line, world, seconds=1.0)
    state = await line.bus.state("e1")
    assert state is not None
    assert (state.state, state.attempt) == ("done", 1)
    assert json.loads(state.result) == {"status": 200, "body": '{"n":1}'}
    await world.close()


async def test_a_poison_errand_ends_as_a_dead_letter() -> None:
    world = World(script=fails)
    line = Line(world)
    await line.publish()
    await served(line, world, seconds=30.0)
    [letter] = await line.bus.dead(app="shop", count_max=10)
    assert (letter.attempt, letter.state) == (3, "dead")
    assert "status 500" in letter.reason
    assert line.dispatcher.stats().retried == 2
    await world.close()


async def test_an_errand_for_a_function_that_is_gone_is_buried() -> None:
    world = World()
    line = Line(world)
    line.gone = True
    await line.publish()
    await served(line, world, seconds=1.0)
    [letter] = await line.bus.dead(app="shop", count_max=10)
    assert letter.reason == "the function is not deployed any more"
    await world.close()


async def test_a_stop_uses_no_attempt() -> None:
    world = World(script=hangs)
    line = Line(world)
    await line.publish()
    await served(line, world, seconds=1.0)
    state = await line.bus.state("e1")
    assert state is not None
    assert (state.state, state.attempt) == ("waiting", 0)
    await world.close()
