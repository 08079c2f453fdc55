"""The scheduler over days, on a clock wound by hand: from zero, to many, and back."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tapwater.runtime import wire
from tapwater.runtime.wire import Frame, Kind
from tapwater_server.model.errors import Conflict
from tapwater_server.model.function import Revision
from tapwater_server.model.ids import AppId, RevisionId
from tapwater_server.model.invocation import Invocation
from tapwater_server.testing.clock import settle
from tapwater_server.testing.guests import ScriptedGuest, echo, silent
from tapwater_server.testing.world import World, a_function


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


async def test_from_zero_at_once_and_back_to_zero(world: World) -> None:
    watched = world.start(a_function())
    await settle()
    assert watched.ending == "ok"
    assert watched.outcome is not None
    assert watched.outcome.usage.cold
    await world.run(58.0, step_s=1.0)
    assert len(world.sandbox.alive()) == 1
    await world.run(5.0, step_s=1.0)
    assert world.sandbox.alive() == []
    assert world.scheduler.stats().instances == 0
    assert world.scheduler.stats().memory_held_bytes == 0


async def test_a_crowd_gets_as_many_instances_as_allowed(world: World) -> None:
    world.sandbox.script = world.taking(lambda _: 10.0)
    calls = [world.start(a_function(instances_max=7)) for _ in range(10)]
    for _ in range(3):
        await settle()
    assert len(world.sandbox.alive()) == 7
    await world.run(25.0, step_s=0.5)
    assert [call.ending for call in calls] == ["ok"] * 10
    assert len(world.sandbox.guests) == 7


async def test_no_more_starts_at_a_time_than_allowed() -> None:
    world = World(starts_in_flight_max=3)
    world.sandbox.fork_gate = asyncio.Event()
    calls = [world.start(a_function()) for _ in range(10)]
    await settle()
    assert world.scheduler.stats().starting == 3
    world.sandbox.fork_gate.set()
    for _ in range(10):
        await settle()
    assert [call.ending for call in calls] == ["ok"] * 10
    await world.close()


async def test_short_calls_wait_for_a_seat_rather_than_for_a_process(world: World) -> None:
    world.sandbox.script = world.taking(lambda _: 0.0001)
    function = a_function()
    for _ in range(20):
        world.start(function)
        await world.run(0.1)
    before = len(world.sandbox.guests)
    calls = [world.start(function) for _ in range(10)]
    await world.run(0.5)
    assert [call.ending for call in calls] == ["ok"] * 10
    assert len(world.sandbox.guests) <= before + 1


async def test_the_least_instances_are_kept_ready(world: World) -> None:
    function = a_function(instances_min=2)
    revision = Revision(
        id=RevisionId("r1"),
        app=AppId("shop"),
        number=1,
        created_at=0.0,
        bundle="b",
        layer="",
        python="3.11",
        functions=(function,),
    )
    world.scheduler.serve([revision])
    await world.run(1.5)
    assert len(world.sandbox.alive()) == 2
    warm = world.start(function)
    await settle()
    assert warm.outcome is not None
    assert not warm.outcome.usage.cold
    await world.run(300.0, step_s=1.0)
    assert len(world.sandbox.alive()) == 2
    world.sandbox.guests[0].kill()
    await world.run(2.0)
    assert len(world.sandbox.alive()) == 2
    world.scheduler.serve([])
    await world.run(3.0)
    assert world.sandbox.alive() == []


async def test_what_is_called_by_the_clock_is_warm_before_the_call(world: World) -> None:
    function = a_function()
    for _ in range(15):
        world.start(function)
        await world.run(600.0, step_s=2.0)
    guests = len(world.sandbox.guests)
    call = world.start(function)
    await settle()
    assert call.outcome is not None
    assert not call.outcome.usage.cold
    assert guests >= 15  # It was not simply kept alive in between.


async def test_an_old_revision_drains(world: World) -> None:
    world.sandbox.script = world.taking(lambda _: 5.0)
    function = a_function()
    old = world.start(function, revision="r1")
    await settle()
    world.scheduler.retire(RevisionId("r1"))
    new = world.start(function, revision="r2")
    await world.run(2.0)
    assert len(world.sandbox.alive()) == 2
    await world.run(6.0)
    assert (old.ending, new.ending) == ("ok", "ok")
    assert len(world.sandbox.alive()) == 1


async def test_idle_instances_make_room_for_who_waits() -> None:
    world = World(memory_budget_bytes=150 << 20)
    world.sandbox.script = echo
    for guest in range(2):
        world.start(a_function(f"a/{guest}"))
        await world.run(0.2)
    world.sandbox.script = world.taking(lambda _: 1.0)
    calls = [world.start(a_function("b/new", memory_bytes=512 << 20)) for _ in range(1)]
    await world.run(3.0)
    assert [call.ending for call in calls] == ["ok"]
    assert world.scheduler.stats().evicted >= 1
    await world.close()


async def test_a_loud_function_cannot_starve_a_quiet_one() -> None:
    world = World(memory_budget_bytes=640 << 20)  # ten instances of 64 MiB
    world.sandbox.script = world.taking(lambda _: 1.0)
    loud = a_function("a/loud", instances_max=100, waiting_max=1000, waiting_s_max=1000.0)
    crowd = [world.start(loud) for _ in range(300)]
    await world.run(0.5)
    quiet = world.start(a_function("a/quiet"))
    await world.run(3.0)
    assert quiet.ending == "ok"
    assert quiet.outcome is not None
    assert quiet.outcome.usage.queue_s <= 1.2  # One loud call's length, and not the whole crowd's.
    assert sum(call.ending == "ok" for call in crowd) < 200
    await world.close()


async def test_a_machine_short_of_memory_gives_up_idle_instances_then_zygotes() -> None:
    left = [10 << 30]
    world = World(available=lambda: left[0], memory_reserve_bytes=1 << 30)
    world.start(a_function("a/one"))
    await world.run(1.5)
    assert len(world.sandbox.alive()) == 1
    left[0] = 100 << 20
    await world.run(2.5)
    assert world.sandbox.alive() == []
    assert world.zygotes.stats().open == 0
    await world.close()


async def test_an_instance_that_dies_while_others_wait_is_replaced(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            if wire.read_invoke(frame.payload).body == b"die":
                guest.kill()
            else:
                guest.answer(frame.call)

    world.sandbox.script = play
    function = a_function(instances_max=1)
    calls = [world.start(function, body=body) for body in (b"die", b"", b"die", b"")]
    for _ in range(10):
        await settle()
    assert [call.ending for call in calls] == ["crashed", "ok", "crashed", "ok"]


async def test_stopping_lets_calls_finish_and_refuses_new_ones(world: World) -> None:
    world.sandbox.script = world.taking(lambda _: 2.0)
    running = world.start(a_function())
    await settle()
    stopping = asyncio.ensure_future(world.scheduler.stop(drain_s=10.0))
    await settle()
    late = world.start(a_function())
    await world.clock.advance(3.0)
    await stopping
    assert (running.ending, late.ending) == ("ok", "overloaded")
    assert world.sandbox.alive() == []


async def test_freezing_between_calls(world: World) -> None:
    function = a_function(freeze=True)
    world.start(function)
    await settle()
    assert world.sandbox.guests[0].frozen
    second = world.start(function)
    assert not world.sandbox.guests[0].frozen
    await settle()
    assert second.ending == "ok"
    await world.run(65.0, step_s=1.0)
    assert world.sandbox.guests[0].died is not None


class Doubling:
    async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
        if name != "double":
            raise Conflict(f"{caller.function.id} may not {name}")
        return b"%d" % (2 * int(body))


async def test_a_function_asks_the_host() -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            guest.say(
                wire.pack_ask(frame.call, 1, wire.read_invoke(frame.payload).path.decode(), b"21")
            )
        elif frame.kind == Kind.ANSWER:
            guest.answer(frame.call, wire.read_answer(frame.payload)[2])

    world = World(script=play, bindings=Doubling())
    fine, refused = world.start(a_function(), path="double"), world.start(a_function(), path="rob")
    for _ in range(3):
        await settle()
    assert fine.content == b"42"
    assert b"may not rob" in refused.content
    await world.close()


async def test_a_flood_of_questions_ends_the_instance() -> None:
    class Deaf:
        async def ask(self, caller: Invocation, name: str, body: bytes) -> bytes:
            await asyncio.get_running_loop().create_future()
            raise AssertionError

    def play(guest: ScriptedGuest, frame: Frame) -> None:
        guest.say(b"".join(wire.pack_ask(frame.call, ask, "x", b"") for ask in range(100)))

    world = World(script=play, bindings=Deaf())
    watched = world.start(a_function())
    await settle()
    assert watched.ending == "broken"
    await world.close()


async def test_logs_have_ceilings(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            line = wire.pack(Kind.LOG, frame.call, b"\x02" + b"a" * 60_000)
            guest.say(line * 40)
            guest.answer(frame.call)

    world.sandbox.script = play
    watched = world.start(a_function())
    for _ in range(10):
        await settle()
    assert watched.ending == "ok"
    assert max(len(line.text) for line in world.lines) < 20_000
    assert len(world.lines) < 20
    assert world.lines[-1].level == "platform"
    assert "dropped" in world.lines[-1].text
    assert world.lines[0].invocation != ""


async def test_a_flood_of_logs_ends_the_instance(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            guest.say(wire.pack(Kind.LOG, frame.call, b"\x02" + b"a" * 1_000_000) * 20)

    world.sandbox.script = play
    watched = world.start(a_function())
    for _ in range(60):
        await settle()
    assert watched.ending == "broken"


async def test_a_guest_that_does_not_read_is_ended(world: World) -> None:
    world.sandbox.script = silent
    function = a_function(timeout_s=None)
    watched = world.start(function)
    await settle()
    guest = world.sandbox.guests[0]
    guest.deafen()
    again = watched.call
    assert again is not None
    again.cancel("gone")
    await world.run(1.0)
    assert watched.ending == "cancelled"
    assert guest.died is not None


async def test_an_idle_instance_that_hangs_up_is_not_used_again(world: World) -> None:
    function = a_function()
    world.start(function)
    await settle()
    world.sandbox.guests[0].hang_up()
    await settle()
    second = world.start(function)
    await settle()
    assert second.ending == "ok"
    assert len(world.sandbox.guests) == 2
    await world.run(1.0)
    assert len(world.sandbox.alive()) == 1


async def test_two_crowds_beside_many_idle_functions_both_grow() -> None:
    world = World(starts_in_flight_max=2, memory_budget_bytes=8 << 30)
    for number in range(40):
        world.start(a_function(f"idle/{number}"))
        await world.run(0.05)
    world.sandbox.script = world.taking(lambda _: 100.0)
    one, other = a_function("a/one", instances_max=30), a_function("a/other", instances_max=30)
    for function in (one, other):
        for _ in range(30):
            world.start(function, body=b"crowd")
    await world.run(2.0)
    lanes = {lane.function: lane for lane in world.scheduler.stats().lanes}
    assert (lanes["a/one"].busy, lanes["a/other"].busy) == (30, 30)
    await world.close()


async def test_a_zygote_given_up_at_the_wrong_moment_is_opened_again(world: World) -> None:
    function = a_function()
    world.start(function)
    await settle()
    world.sandbox.guests[0].kill()
    await settle()
    # Closed by relief between get() and fork(): the scheduler holds one that cannot fork.
    before = world.sandbox.opened[0]
    world.sandbox.fork_gate = asyncio.Event()
    call = world.start(function)
    await settle()
    await world.zygotes.relieve(1)
    assert before.closed
    world.sandbox.fork_gate.set()
    await settle()
    assert call.ending == "ok"
    assert len(world.sandbox.opened) == 2


async def test_every_bad_end_leaves_a_sentence_in_the_log(world: World) -> None:
    world.sandbox.script = silent
    late = world.start(a_function(timeout_s=1.0))
    await world.run(2.0)
    assert late.outcome is not None
    lines = [line for line in world.lines if line.invocation]
    assert [line.text for line in lines] == [late.outcome.message]
    assert "time limit" in lines[0].text
