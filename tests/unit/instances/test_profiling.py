"""Stacks of instances, added up; and what hostile ones may not do."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from tapwater.runtime.wire import Decoder, Kind, WireError
from tapwater_server.instances.lifecycle import State
from tapwater_server.instances.profiling import DEPTH_MAX, PROFILES_MAX, REPORT_BYTES_MAX, Profiler
from tapwater_server.instances.speech import Speech as RealSpeech
from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import AppId, FunctionId, InstanceId
from tapwater_server.model.profile import Mode, Profile, ProfileAsked
from tapwater_server.testing.clock import ManualClock

TOTAL = FunctionId(AppId("shop"), "orders/total")


class Speech:
    stacks: Any = None


class Guest:
    """An instance that was told things, and answers when the test says so."""

    def __init__(self) -> None:
        self.state, self.speech, self.guest = State.IDLE, Speech(), self
        self.nudged = 0
        self.told: list[dict[str, Any]] = []

    def nudge(self) -> None:
        self.nudged += 1

    def write(self, frames: bytes) -> None:
        for kind, number, payload in Decoder().feed(frames):
            assert (kind, number) == (Kind.PROFILE, 0)
            self.told.append(json.loads(payload))

    def say(self, *stacks: tuple[str, Any], last: bool = False, **changes: Any) -> None:
        number = self.told[-1]["number"]
        said = {"number": number, "looks": 5, "last": last, "stacks": stacks, **changes}
        self.speech.stacks(json.dumps(said).encode())


class Bench:
    """A profiler over guests."""

    def __init__(self, *guests: Guest) -> None:
        self.clock, self.guests = ManualClock(), list(guests)
        self.profiler = Profiler(instances_of=self.of, clock=self.clock)

    def of(self, function: FunctionId) -> Iterator[Guest]:
        assert function.app == "shop"
        yield from self.guests

    def begin(self, **changes: Any) -> asyncio.Task[Profile]:
        asked = ProfileAsked(**{"function": TOTAL, "seconds": 2.0, **changes})
        return asyncio.ensure_future(self.profiler.profile(asked))


async def test_prf_1_all_are_asked_also_those_that_come_later() -> None:
    first, second = Guest(), Guest()
    bench = Bench(first)
    taking = bench.begin(rate=50.0, mode=Mode.CPU)
    await bench.clock.advance(1.0)
    bench.guests.append(second)
    await bench.clock.advance(0.1)
    assert first.told[0] == {"number": 1, "seconds": 2.0, "rate": 50.0, "mode": "cpu"}
    assert (first.nudged, second.nudged) == (1, 1)
    assert second.told[0]["seconds"] == pytest.approx(1.0, abs=0.1)
    first.say(("a;b", 2.0))
    first.say(("a;b", 1.0), ("a", 1.0), last=True)
    second.say(("a;b", 4.0), last=True)
    await bench.clock.advance(1.0)
    profile = await taking
    assert profile.stacks == {("a", "b"): 7.0, ("a",): 1.0}
    assert (profile.instances, profile.reports, profile.looks) == (2, 3, 15)


async def test_prf_2_it_ends_though_an_instance_says_nothing_or_dies() -> None:
    silent, dead = Guest(), Guest()
    bench = Bench(silent, dead)
    taking = bench.begin()
    await bench.clock.advance(0.5)
    dead.say(("a", 1.0))
    dead.state = State.GONE
    await bench.clock.advance(10.0)
    assert (await taking).stacks == {("a",): 1.0}


@pytest.mark.parametrize(
    "said",
    [
        b"nonsense",
        b"[]",
        b"[" * 100_000,
        b'{"number":1,"looks":1,"last":false,"stacks":[["a"]]}',
        b'{"number":1,"looks":1,"last":false,"stacks":[["a",-1]]}',
        b'{"number":1,"looks":1,"last":false,"stacks":[["a",1e300]]}',
        b"\xff\xfe",
    ],
)
async def test_prf_3_what_is_no_report_breaks_the_protocol(said: bytes) -> None:
    guest = Guest()
    bench = Bench(guest)
    taking = bench.begin()
    await bench.clock.advance(0.1)
    with pytest.raises(WireError):
        guest.speech.stacks(said)
    await bench.clock.advance(10.0)
    assert (await taking).stacks == {}


async def test_prf_3_there_is_an_end_of_reports_also_of_late_ones() -> None:
    guest = Guest()
    bench = Bench(guest)
    taking = bench.begin()
    await bench.clock.advance(0.1)
    await bench.clock.advance(10.0)
    await taking
    large = json.dumps({"number": 1, "looks": 0, "last": False, "stacks": []}).encode()
    large += b" " * (1 << 20)
    for _ in range(REPORT_BYTES_MAX // len(large)):
        guest.speech.stacks(large)
    with pytest.raises(WireError):
        guest.speech.stacks(large)


async def test_prf_3_deep_stacks_are_cut_and_other_numbers_ignored() -> None:
    guest = Guest()
    bench = Bench(guest)
    taking = bench.begin()
    await bench.clock.advance(0.1)
    guest.say((";".join(["f" * 1000] * 1000), 1.0))
    guest.say(("other", 1.0), number=99)
    guest.say(last=True)
    await bench.clock.advance(10.0)
    ((stack, _),) = (await taking).stacks.items()
    assert (len(stack), len(stack[0])) == (DEPTH_MAX, 200)


async def test_prf_4_who_goes_away_ends_it() -> None:
    guest = Guest()
    bench = Bench(guest)
    taking = bench.begin()
    await bench.clock.advance(0.1)
    taking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await taking
    assert guest.told[-1]["seconds"] == 0.0
    guest.say(("late", 1.0), number=1)  # Harmless.
    again = bench.begin()
    await bench.clock.advance(0.1)
    assert guest.told[-1]["number"] == 2
    await bench.clock.advance(10.0)
    assert (await again).stacks == {}


async def test_only_so_many_at_a_time() -> None:
    bench = Bench()
    others = [FunctionId(AppId("shop"), f"f{n}") for n in range(PROFILES_MAX)]
    taking = [bench.begin(function=one) for one in others]
    await bench.clock.advance(0.1)
    for function in (TOTAL, others[0]):
        with pytest.raises(Conflict):
            await bench.begin(function=function)
    await bench.clock.advance(10.0)
    await asyncio.gather(*taking)


async def test_prf_3_stacks_that_nobody_asked_for_break_the_protocol() -> None:
    speech = RealSpeech(
        function=TOTAL, instance=InstanceId("i"), clock=ManualClock(), logs=lambda _: None
    )
    with pytest.raises(WireError, match="nobody asked"):
        speech.hear(Kind.STACKS, b"{}", None)
    heard: list[bytes] = []
    speech.stacks = heard.append
    speech.hear(Kind.STACKS, b"{}", None)
    assert heard == [b"{}"]
