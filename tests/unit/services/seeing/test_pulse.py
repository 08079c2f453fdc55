"""The numbers of the last second, and their sums."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from tapwater_server.model.ids import AppId
from tapwater_server.services.seeing.now import FunctionNow, NodeNow
from tapwater_server.services.seeing.pulse import BUSIEST_MAX, OTHER, Beat, Pulse
from tapwater_server.testing.clock import ManualClock, settle
from tests.unit.services.seeing.given import call

SHOP = AppId("shop")


def pulse_of(**functions: FunctionNow) -> Pulse:
    now = NodeNow(functions={("shop", name): one for name, one in functions.items()})
    return Pulse(now=lambda: now, clock=ManualClock())


async def second(pulse: Pulse) -> Beat:
    heard: list[Beat] = []
    pulse.when_beaten(heard.append)
    await pulse.step()
    return heard[0]


def read(event: bytes) -> Any:
    assert event.startswith(b"event: tick\ndata: ")
    assert event.endswith(b"\n\n")
    return json.loads(event.partition(b"data: ")[2])


async def test_a_second_has_what_came_in_it_and_no_more() -> None:
    pulse = pulse_of(f=FunctionNow(in_flight=2, instances=3, waiting=1))
    for n in range(3):
        pulse.note(call(f"i{n}", function="f", cold=n == 0, start_ms=5.0 if n == 0 else 0.0))
    pulse.note(call("bad", function="f", ending="crashed", fault="f1"))
    pulse.note(call("gone", function="g", ending="cancelled"))
    beat = await second(pulse)
    tick = pulse.tick(beat, SHOP, None)
    assert (tick["calls"], tick["errors"], tick["cold"]) == (5, 1, 1)
    assert (tick["in_flight"], tick["instances"], tick["waiting"]) == (2, 3, 1)
    assert 9 < tick["latency_ms"]["p50"] < 11
    assert [(line["function"], line["calls"]) for line in tick["functions"]] == [("f", 4), ("g", 1)]
    assert [one.id for one in beat.failed] == ["bad"]
    assert await pulse.step() == 0
    assert pulse.totals[SHOP, "f"].endings == {"ok": 3, "crashed": 1}
    assert pulse.totals[SHOP, "f"].starts != {}


async def test_who_watches_one_app_or_function_sees_no_other() -> None:
    pulse = pulse_of(f=FunctionNow(instances=1), g=FunctionNow(instances=5))
    pulse.note(call(function="f"))
    pulse.note(call(function="g"))
    pulse.note(call(app="other", function="f"))
    beat = await second(pulse)
    assert pulse.tick(beat, None, None)["calls"] == 3
    assert pulse.tick(beat, SHOP, None)["calls"] == 2
    assert pulse.tick(beat, SHOP, "f")["calls"] == 1
    assert pulse.tick(beat, SHOP, "f")["instances"] == 1
    assert pulse.tick(beat, AppId("nobody"), None)["functions"] == []


async def test_the_busiest_come_first_and_the_list_ends() -> None:
    pulse = pulse_of()
    for n in range(BUSIEST_MAX + 5):
        for _ in range(n + 1):
            pulse.note(call(function=f"f{n:02}"))
    lines = pulse.tick(await second(pulse), None, None)["functions"]
    assert len(lines) == BUSIEST_MAX
    assert lines[0]["function"] == f"f{BUSIEST_MAX + 4:02}"


async def test_all_who_watch_share_one_second() -> None:
    pulse = pulse_of()
    first, other = pulse.live(SHOP, None), pulse.live(None, None)
    assert read(await anext(first))["calls"] == read(await anext(other))["calls"] == 0
    waiting = [asyncio.ensure_future(next_of(one)) for one in (first, other)]
    await settle()
    pulse.note(call())
    await pulse.step()
    assert [read(await one)["calls"] for one in waiting] == [1, 1]
    await first.aclose()  # type: ignore[attr-defined]
    await other.aclose()  # type: ignore[attr-defined]


async def next_of(events: AsyncIterator[bytes]) -> bytes:
    return await anext(events)


async def test_one_who_goes_leaves_the_others_waiting() -> None:
    pulse = pulse_of()
    stays, goes = pulse.live(None, None), pulse.live(None, None)
    await anext(stays)
    await anext(goes)
    staying, going = (asyncio.ensure_future(next_of(one)) for one in (stays, goes))
    await settle()
    going.cancel()
    await settle()
    pulse.note(call())
    await pulse.step()
    assert read(await staying)["calls"] == 1


async def test_a_listener_that_fails_stops_nobody() -> None:
    pulse = pulse_of()
    heard: list[Beat] = []

    def fail(beat: Beat) -> None:
        raise ValueError("no")

    pulse.when_beaten(fail)
    pulse.when_beaten(heard.append)
    await pulse.step()
    assert len(heard) == 1


async def test_only_so_many_functions_are_counted_by_themselves() -> None:
    pulse = pulse_of()
    for n in range(5_100):
        pulse.note(call(function=f"f{n}"))
    adding = asyncio.ensure_future(pulse.step())
    clock: Any = pulse._clock
    while not adding.done():
        await clock.advance(0)
    assert len(pulse.totals) == 5_001
    assert pulse.totals[OTHER, OTHER].calls == 100


async def test_an_app_that_is_gone_is_not_counted_any_more() -> None:
    pulse = pulse_of()
    pulse.note(call())
    pulse.note(call(app="other"))
    await pulse.step()
    pulse.forget(SHOP)
    assert list(pulse.totals) == [("other", "users/hi")]


async def test_who_asks_for_errors_waits_for_those_that_came_and_for_nothing_else() -> None:
    pulse = pulse_of()
    pulse.note(call("fine"))
    await pulse.failed_told()  # Nobody's mistake: nothing to wait for.
    pulse.note(call("bad", ending="user_error", fault="f1"))
    asks = asyncio.create_task(pulse.failed_told())
    await settle()
    assert not asks.done()
    await pulse.step()
    await asks
