"""Calls sent ahead: begun by who claims them, never stuck behind a long one, never run twice."""

from collections.abc import AsyncIterator

import pytest

from tapwater.runtime.hello import HELLO_AHEAD
from tapwater.runtime.invoke_view import InvokeView
from tapwater.runtime.wire import Frame, Kind
from tapwater_server.model.function import Function
from tapwater_server.model.limits import KILL_GRACE_S
from tapwater_server.ports.sandbox import Death, Died
from tapwater_server.testing.clock import settle
from tapwater_server.testing.guests import ScriptedGuest
from tapwater_server.testing.world import World, a_function


class Guests:
    """Scripted guests that run one call at a time, as the real blocking loop does."""

    def __init__(self) -> None:
        self.begun: list[tuple[ScriptedGuest, int]] = []  # who began which call, in order
        self.slow = False  # calls end only when ``finish`` says so
        self._queues: dict[ScriptedGuest, list[Frame]] = {}
        self._running: dict[ScriptedGuest, int] = {}

    def play(self, guest: ScriptedGuest, frame: Frame) -> None:
        if guest not in self._queues:
            self._queues[guest] = []
            guest.say(HELLO_AHEAD)
        if frame.kind == Kind.INVOKE:
            self._queues[guest].append(frame)
            self._go_on(guest)

    def finish(self, guest: ScriptedGuest) -> None:
        guest.answer(self._running.pop(guest))
        self._go_on(guest)

    def _go_on(self, guest: ScriptedGuest) -> None:
        queue = self._queues[guest]
        while guest not in self._running and queue:
            frame = queue.pop(0)
            invoke = InvokeView(frame.payload)
            if invoke.ahead and not guest.claims.take(frame.call, invoke.pipe):
                continue
            self.begun.append((guest, frame.call))
            if self.slow:
                self._running[guest] = frame.call
            else:
                guest.answer(frame.call)


@pytest.fixture
def guests() -> Guests:
    return Guests()


@pytest.fixture
async def world(guests: Guests) -> AsyncIterator[World]:
    world = World(script=guests.play)
    yield world
    await world.close()


async def warmed(world: World, guests: Guests, *, instances_max: int = 4) -> Function:
    """A function that is known to be quick, with one instance, which has said hello."""
    function = a_function(instances_max=instances_max, timeout_s=2.0)
    for _ in range(3):
        world.start(function)
        await settle()
    [lane] = world.scheduler._lanes.values()
    lane.load.quiet_s = lane.load.service_s = 0.0001
    lane.load.start_s = 0.05
    world.scheduler.step()
    assert lane.quick
    guests.slow = True
    guests.begun.clear()
    return function


def claim(guest: ScriptedGuest, frame: Frame) -> bool:
    """Begin a call that came ahead, without a word to the host."""
    return guest.claims.take(frame.call, InvokeView(frame.payload).pipe)


async def test_the_next_call_comes_ahead_and_runs_after(world: World, guests: Guests) -> None:
    function = await warmed(world, guests)
    first, second = world.start(function), world.start(function)
    await settle()
    [guest] = world.sandbox.guests
    assert [frame.kind for frame in guest.heard[-2:]] == [Kind.INVOKE, Kind.INVOKE]
    assert len(guests.begun) == 1
    guests.finish(guest)
    await settle()
    assert (first.ending, second.ending) == ("ok", "")
    assert len(guests.begun) == 2
    guests.finish(guest)
    await settle()
    assert second.ending == "ok"


async def test_behind_a_long_call_nobody_is_kept(world: World, guests: Guests) -> None:
    function = await warmed(world, guests)
    first, second = world.start(function), world.start(function)
    await settle()
    await world.run(0.1)
    assert len(world.sandbox.guests) == 2
    ours, other = world.sandbox.guests
    assert [guest for guest, _ in guests.begun] == [ours, other]
    guests.finish(other)
    await settle()
    assert (first.ending, second.ending) == ("", "ok")
    guests.finish(ours)
    await settle()
    assert first.ending == "ok"
    # What was taken back stands in the guest's socket still; it is passed over, and not run.
    assert len(guests.begun) == 2


async def test_a_claimed_call_cannot_be_taken_back(world: World, guests: Guests) -> None:
    """The guest has begun it, and the word of the first's end is still on its way to us."""
    function = await warmed(world, guests)
    first, second = world.start(function), world.start(function)
    await settle()
    [guest] = world.sandbox.guests
    assert claim(guest, guest.heard[-1])
    await world.run(0.2)
    assert len(world.sandbox.guests) == 1
    assert (first.ending, second.ending) == ("", "")
    guests.finish(guest)
    await settle()
    guests.finish(guest)
    await settle()
    assert (first.ending, second.ending) == ("ok", "ok")


async def test_a_death_takes_only_what_was_begun(world: World, guests: Guests) -> None:
    function = await warmed(world, guests)
    first, second = world.start(function), world.start(function)
    await settle()
    [guest] = world.sandbox.guests
    guest.die(Died(death=Death.SIGNALLED, detail=11))
    await world.run(0.1)
    assert first.ending == "crashed"
    [(_, _), (other, _)] = guests.begun
    guests.finish(other)
    await settle()
    assert second.ending == "ok"


async def test_a_death_after_the_claim_ends_both(world: World, guests: Guests) -> None:
    function = await warmed(world, guests)
    first, second = world.start(function), world.start(function)
    await settle()
    [guest] = world.sandbox.guests
    assert claim(guest, guest.heard[-1])
    guest.die(Died(death=Death.SIGNALLED, detail=11))
    await world.run(0.1)
    assert (first.ending, second.ending) == ("crashed", "crashed")


async def test_a_caller_who_leaves_is_never_run(world: World, guests: Guests) -> None:
    function = await warmed(world, guests)
    first, second = world.start(function), world.start(function)
    await settle()
    assert second.call is not None
    second.call.cancel("gone")
    await settle()
    assert second.ending == "cancelled"
    [guest] = world.sandbox.guests
    guests.finish(guest)
    await settle()
    assert first.ending == "ok"
    third = world.start(function)
    await settle()
    guests.finish(guest)
    await settle()
    assert third.ending == "ok"
    assert len(guests.begun) == 2


async def test_numbers_do_not_mix_after_a_call_was_taken_back(world: World, guests: Guests) -> None:
    """The claim of a later call must not start an earlier one that was taken back."""
    function = await warmed(world, guests, instances_max=1)
    first, second = world.start(function), world.start(function)
    await settle()
    assert second.call is not None
    second.call.cancel("gone")
    third = world.start(function)
    await settle()
    [guest] = world.sandbox.guests
    for _ in range(2):
        guests.finish(guest)
        await settle()
    numbers = [frame.call for frame in guest.heard if frame.kind == Kind.INVOKE][-3:]
    assert (first.ending, second.ending, third.ending) == ("ok", "cancelled", "ok")
    assert [number for _, number in guests.begun] == [numbers[0], numbers[2]]


async def test_a_full_house_waits_and_then_comes_ahead(world: World, guests: Guests) -> None:
    function = await warmed(world, guests, instances_max=1)
    watched = [world.start(function) for _ in range(5)]
    await settle()
    [guest] = world.sandbox.guests
    for _ in range(5):
        guests.finish(guest)
        await settle()
    assert [one.ending for one in watched] == ["ok"] * 5
    assert len({number for _, number in guests.begun}) == 5


async def test_the_deadline_counts_from_the_beginning(world: World, guests: Guests) -> None:
    function = await warmed(world, guests, instances_max=1)
    assert function.limits.timeout_s is not None
    first, second = world.start(function), world.start(function)
    await settle()
    [guest] = world.sandbox.guests
    await world.run(function.limits.timeout_s + KILL_GRACE_S + 0.3)
    assert first.ending == "timed_out"
    assert guest.died is not None
    await world.run(0.2)
    fresh = world.sandbox.guests[-1]
    assert fresh is not guest
    guests.finish(fresh)
    await settle()
    assert second.ending == "ok"


async def test_a_claim_of_the_call_before_is_not_taken_for_this_ones(
    world: World, guests: Guests
) -> None:
    """The guest has answered and not yet claimed its next call; the one after is taken back."""
    function = await warmed(world, guests, instances_max=1)
    first, second = world.start(function), world.start(function)
    await settle()
    [guest] = world.sandbox.guests
    _, ahead = [frame for frame in guest.heard if frame.kind == Kind.INVOKE][-2:]
    number = guests.begun[0][1]
    guest.answer(number)  # It has answered, and the claim of the next is still in the pipe.
    await settle()
    third = world.start(function)
    await settle()
    assert third.call is not None
    third.call.cancel("gone")
    assert claim(guest, ahead)
    guest.answer(ahead.call)
    await settle()
    assert (first.ending, second.ending, third.ending) == ("ok", "ok", "cancelled")
