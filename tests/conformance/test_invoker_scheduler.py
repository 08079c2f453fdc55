"""What ports/invoker.py promises, of the scheduler. Guests play scripts; see also the Watched
exchange, which asserts INV-2 and INV-3 in every test.
"""

from collections.abc import AsyncIterator

import pytest

from tapwater.runtime import wire
from tapwater.runtime.failing import pack_fail
from tapwater.runtime.wire import Frame, Kind
from tapwater_server.model.invocation import Verb
from tapwater_server.model.limits import CHAIN_DEPTH_MAX, KILL_GRACE_S
from tapwater_server.ports.sandbox import Death, Died
from tapwater_server.testing.clock import settle
from tapwater_server.testing.guests import Script, ScriptedGuest, echo, silent
from tapwater_server.testing.world import World, a_function


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.close()


def on_invoke(*frames: bytes) -> Script:
    """A script that answers each call with these frames; 0 in place of the call's number."""

    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            number = frame.call.to_bytes(4, "little")
            guest.say(b"".join(one[:5] + number + one[9:] for one in frames))

    return play


def result(headers: wire.Headers, *, status: int = 200, more: bool = False) -> bytes:
    return wire.pack_result(0, status, headers, b"x", more=more)


async def test_inv_1_what_is_too_long_for_the_wire_is_the_callers_fault(world: World) -> None:
    watched = world.start(a_function(), query=b"x" * 70_000)
    await settle()
    assert watched.ending == "user_error"
    again = world.start(a_function(), body=b"fine")
    await settle()
    assert again.content == b"fine"
    assert len(world.sandbox.guests) == 1


async def test_inv_2_one_end_per_start_whatever_happens_after(world: World) -> None:
    function = a_function()
    watched = world.start(function, body=b"x")
    await settle()
    assert watched.ending == "ok"
    assert watched.call is not None
    watched.call.cancel("too late")
    watched.call.feed(b"x", last=True)
    watched.call.resume()
    world.sandbox.guests[0].die(Died(death=Death.SIGNALLED, detail=11))
    await settle()
    assert watched.ending == "ok"


async def test_inv_2_a_guest_that_dies_ends_its_calls_once(world: World) -> None:
    world.sandbox.script = silent
    watched = world.start(a_function())
    await settle()
    world.sandbox.guests[0].die(Died(death=Death.SIGNALLED, detail=11))
    await settle()
    assert watched.ending == "crashed"
    assert watched.outcome is not None
    assert "SIGSEGV" in watched.outcome.message
    assert any("SIGSEGV" in line.text for line in world.lines)


async def test_inv_2_out_of_memory_is_said(world: World) -> None:
    world.sandbox.script = silent
    watched = world.start(a_function(memory_bytes=64 << 20))
    await settle()
    world.sandbox.guests[0].die(Died(death=Death.OUT_OF_MEMORY))
    await settle()
    assert watched.ending == "out_of_memory"
    assert watched.outcome is not None
    assert "64 MiB" in watched.outcome.message


async def test_inv_2_a_guest_that_answers_and_dies_has_answered(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        guest.answer(frame.call, b"last words")
        guest.die(Died(death=Death.EXITED))

    world.sandbox.script = play
    watched = world.start(a_function())
    await settle()
    assert (watched.ending, watched.content) == ("ok", b"last words")


async def test_inv_2_a_guest_that_only_hangs_up_is_killed(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        guest.hang_up()

    world.sandbox.script = play
    watched = world.start(a_function())
    await settle()
    await world.run(KILL_GRACE_S + 0.2)
    assert watched.ending == "crashed"
    assert world.sandbox.guests[0].died is not None


async def test_inv_3_a_whole_answer_comes_at_once(world: World) -> None:
    watched = world.start(a_function(), body=b"hello")
    await settle()
    assert (watched.status, watched.content, watched.ending) == (200, b"hello", "ok")
    assert watched.headers == [(b"content-type", b"text/plain")]


async def test_inv_3_a_streamed_answer_comes_in_order_with_credit(world: World) -> None:
    world.sandbox.script = on_invoke(
        result([], more=True),
        wire.pack_body(0, b"y" * (wire.WINDOW_BYTES // 2), last=False),
        wire.pack_body(0, b"z", last=True),
        wire.pack_done(0),
    )
    watched = world.start(a_function())
    await settle()
    assert watched.ending == "ok"
    assert watched.content == b"x" + b"y" * (wire.WINDOW_BYTES // 2) + b"z"
    heard = world.sandbox.guests[0].heard
    assert Kind.WINDOW in {frame.kind for frame in heard}


async def test_inv_3_a_slow_caller_stops_the_credit(world: World) -> None:
    world.sandbox.script = on_invoke(
        result([], more=True), wire.pack_body(0, b"y" * wire.WINDOW_BYTES, last=False)
    )
    watched = world.start(a_function(), takes=False)
    await settle()
    guest = world.sandbox.guests[0]
    assert [frame for frame in guest.heard if frame.kind == Kind.WINDOW] == []
    assert watched.call is not None
    watched.call.resume()
    await settle()
    granted = [wire.read_u32(f.payload) for f in guest.heard if f.kind == Kind.WINDOW]
    assert sum(granted) >= wire.WINDOW_BYTES
    watched.call.cancel("enough")
    await world.run(1.0)


async def test_inv_3_a_request_body_flows_by_the_guest_s_credit(world: World) -> None:
    got: list[bytes] = []

    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.BODY:
            data, last = wire.read_body(frame.payload)
            got.append(data)
            if last:
                guest.answer(frame.call, str(sum(map(len, got))).encode())

    world.sandbox.script = play
    watched = world.start(a_function(), body=b"", body_follows=True)
    resumed: list[bool] = []
    assert watched.call is not None
    watched.call.when_writable(lambda: resumed.append(True))
    assert watched.call.feed(b"a" * wire.WINDOW_BYTES, last=False) is False  # not yet seated
    await settle()
    assert resumed == [True]
    assert watched.call.feed(b"b" * 100, last=True) is False  # no credit left
    await settle()
    assert sum(map(len, got)) == wire.WINDOW_BYTES
    world.sandbox.guests[0].say(wire.pack_window(1, 1000))
    await settle()
    assert (watched.ending, watched.content) == ("ok", str(wire.WINDOW_BYTES + 100).encode())
    assert watched.outcome is not None
    assert watched.outcome.usage.bytes_in == wire.WINDOW_BYTES + 100


async def test_inv_3_a_large_whole_body_is_cut(world: World) -> None:
    got: list[bytes] = []

    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            view = wire.read_invoke(frame.payload)
            assert view.more
            got.append(bytes(view.body))
        elif frame.kind == Kind.BODY:
            data, last = wire.read_body(frame.payload)
            got.append(data)
            guest.say(wire.pack_window(frame.call, len(data)))
            if last:
                guest.answer(frame.call)

    world.sandbox.script = play
    body = bytes(range(256)) * (12 << 10)  # 3 MiB
    watched = world.start(a_function(), body=body)
    for _ in range(20):
        await settle()
    assert watched.ending == "ok"
    assert b"".join(got) == body


async def test_inv_5_a_full_room_says_when_to_come_back(world: World) -> None:
    world.sandbox.script = silent
    function = a_function(instances_max=1, waiting_max=2)
    calls = [world.start(function) for _ in range(2)]
    await settle()
    calls += [world.start(function) for _ in range(3)]
    assert [call.ending for call in calls] == ["", "", "", "overloaded", "overloaded"]
    assert calls[-1].outcome is not None
    assert calls[-1].outcome.retry_after_s > 0


async def test_inv_5_nobody_waits_for_ever(world: World) -> None:
    world.sandbox.script = silent
    function = a_function(instances_max=1, waiting_s_max=5.0, timeout_s=None)
    world.start(function)
    await settle()
    waiting = world.start(function)
    await world.run(4.9)
    assert waiting.ending == ""
    await world.run(0.3)
    assert waiting.ending == "overloaded"


async def test_inv_6_a_free_seat_is_taken_in_the_same_stack(world: World) -> None:
    function = a_function()
    world.start(function)
    await settle()
    world.start(function)
    (instance,) = world.scheduler.stats().lanes
    assert (instance.running, instance.waiting) == (1, 0)
    await settle()


async def test_a_chain_that_is_too_long_is_refused(world: World) -> None:
    fine = world.start(a_function(), depth=CHAIN_DEPTH_MAX)
    loop = world.start(a_function(), depth=CHAIN_DEPTH_MAX + 1)
    await settle()
    assert (fine.ending, loop.ending) == ("ok", "user_error")


@pytest.mark.parametrize(("ending", "fault"), [("start_failed", True), ("user_error", False)])
async def test_a_guest_that_says_its_module_failed_is_at_fault(
    world: World, ending: str, fault: bool
) -> None:
    world.sandbox.script = on_invoke(pack_fail(0, ending, "no such luck"))
    watched = world.start(a_function())
    await settle()
    assert watched.outcome is not None
    assert (watched.ending, watched.outcome.by_function) == (ending, fault)


async def test_a_module_that_fails_is_told_and_not_tried_for_every_call(world: World) -> None:
    world.sandbox.failure = "ImportError: no module named nothing"
    first = world.start(a_function())
    await settle()
    second = world.start(a_function())
    assert (first.ending, second.ending) == ("start_failed", "start_failed")
    assert first.outcome is not None
    assert "no module named nothing" in first.outcome.message
    assert not first.outcome.by_function  # Nobody said so: it may be our fault.
    world.sandbox.failure = ""
    await world.run(1.0)
    third = world.start(a_function())
    await settle()
    assert third.ending == "ok"


async def test_a_websocket_speaks_both_ways_and_closes_with_a_code(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        if frame.kind == Kind.INVOKE:
            guest.say(wire.pack_result(frame.call, 101, [], b"", more=True))
        elif frame.kind == Kind.MESSAGE:
            message = wire.read_message(frame.payload)
            guest.say(wire.pack_message(frame.call, message))
            if message == b"bye":
                guest.say(wire.pack_done(frame.call, 1001))

    world.sandbox.script = play
    watched = world.start(a_function(timeout_s=1.0), verb=Verb.WEBSOCKET)
    assert watched.call is not None
    watched.call.send("early")
    await world.run(5.0)  # A time limit is not for connections.
    watched.call.send("héllo")
    watched.call.send(b"bye")
    await settle()
    assert watched.messages == ["early", "héllo", b"bye"]
    assert watched.outcome is not None
    assert (watched.ending, watched.outcome.status) == ("ok", 1001)


async def test_usage_says_what_was_used(world: World) -> None:
    def play(guest: ScriptedGuest, frame: Frame) -> None:
        def end() -> None:
            guest.used_s += 0.25
            guest.answer(frame.call, b"12345")

        world.clock.at(2.0, end)

    world.sandbox.script = play
    function = a_function(instances_max=1)
    first, second = world.start(function, body=b"abc"), world.start(function)
    await world.run(5.0)
    assert first.outcome is not None
    assert second.outcome is not None
    one, two = first.outcome.usage, second.outcome.usage
    assert (one.cold, two.cold) == (True, False)
    assert (one.cpu_s, two.cpu_s) == (0.25, 0.25)
    assert (one.bytes_in, one.bytes_out) == (3, 5)
    assert one.wall_s == pytest.approx(2.0)
    assert two.queue_s == pytest.approx(2.0)
    assert one.memory_peak_bytes == 10 << 20
    assert one.instance == two.instance != ""


async def test_echo_is_what_it_says(world: World) -> None:
    world.sandbox.script = echo
    calls = [world.start(a_function(), body=str(n).encode()) for n in range(50)]
    for _ in range(10):
        await settle()
    assert [call.content for call in calls] == [str(n).encode() for n in range(50)]
