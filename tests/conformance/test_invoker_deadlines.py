"""INV-4 of the scheduler: deadlines, and callers who have gone, end calls; neighbours go on."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tapwater.runtime import wire
from tapwater.runtime.wire import Frame, Kind
from tapwater_server.model.function import Style
from tapwater_server.model.limits import COMING_S_MAX, KILL_GRACE_S
from tapwater_server.testing.clock import settle
from tapwater_server.testing.guests import ScriptedGuest, silent
from tapwater_server.testing.world import World, a_function


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


async def test_inv_4_the_deadline_ends_a_call_that_never_ends(world: World) -> None:
    world.sandbox.script = silent
    watched = world.start(a_function(timeout_s=3.0))
    await world.run(2.9)
    assert watched.ending == ""
    await world.run(0.1 + KILL_GRACE_S + 0.2)
    assert watched.ending == "timed_out"
    assert world.sandbox.guests[0].died is not None


@pytest.mark.parametrize(("took_ms", "most_s"), [(2_000, 5.0), (99_000, 3.0 + COMING_S_MAX)])
async def test_inv_4_a_runtime_of_its_own_may_come_up_first(
    world: World, took_ms: int, most_s: float
) -> None:
    """... but not for longer than that has a ceiling."""

    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            guest.say(wire.pack_coming(frame.call, None))
            guest.say(wire.pack_coming(frame.call, took_ms))

    world.sandbox.script = play
    function = replace(a_function(timeout_s=3.0), style=Style.FOREIGN)
    watched = world.start(function)
    await world.run(most_s - 0.1)
    assert watched.ending == ""
    await world.run(0.1 + KILL_GRACE_S + 0.2)
    assert watched.ending == "timed_out"


async def test_inv_4_a_guest_that_ends_by_itself_in_time_lives(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.CANCEL:
            guest.say(wire.pack(Kind.FAIL, frame.call, b'{"ending":"cancelled","message":"ok"}'))

    world.sandbox.script = play
    late = world.start(a_function(timeout_s=1.0))
    await world.run(1.2)
    gone = world.start(a_function(timeout_s=1.0))
    await settle()
    assert gone.call is not None
    gone.call.cancel("closed the window")
    await settle()
    assert late.ending == "timed_out"
    assert gone.ending == "cancelled"
    assert gone.outcome is not None
    assert gone.outcome.message == "closed the window"
    assert len(world.sandbox.alive()) == 1


async def test_inv_4_cancel_ends_a_call_that_does_not_listen(world: World) -> None:
    world.sandbox.script = silent
    watched = world.start(a_function(timeout_s=None))
    await settle()
    assert watched.call is not None
    watched.call.cancel("gone")
    await world.run(KILL_GRACE_S + 0.2)
    assert watched.ending == "cancelled"


async def test_inv_4_cancel_while_waiting_ends_at_once(world: World) -> None:
    world.sandbox.script = silent
    function = a_function(instances_max=1)
    world.start(function)
    await settle()
    waiting = world.start(function)
    assert waiting.call is not None
    waiting.call.cancel("gone")
    assert waiting.ending == "cancelled"


async def test_inv_4_with_many_seats_the_neighbours_of_a_late_call_finish(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE and wire.read_invoke(frame.payload).path != b"/slow":
            world.clock.at(2.0, lambda: guest.answer(frame.call, b"late but fine"))

    world.sandbox.script = play
    function = a_function(concurrency=2, timeout_s=3.0, instances_max=1)
    slow = world.start(function, path="/slow")
    await world.run(2.0)
    quick = world.start(function, path="/quick")
    await world.run(3.0)
    assert slow.ending == "timed_out"
    assert (quick.ending, quick.content) == ("ok", b"late but fine")
    await world.run(1.0)
    assert world.sandbox.guests[0].died is not None
