"""Times that come: once each, also when the clock jumps, the process dies, or a run takes long."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
import pytest

from tapwater_server.backends.memory.schedules import MemorySchedules
from tapwater_server.events.matching import errand_id
from tapwater_server.ports.bus import Dead, Done, Errand, Later, function_line
from tapwater_server.ports.schedules import Mark
from tests.unit.events.sources.ticking import DAY, HOUR, MINUTE, NOON, SHOP, House, function


async def test_a_trigger_ticks() -> None:
    house = House(function("*/5 * * * *"))
    await house.until(16 * MINUTE)
    assert await house.dues() == [
        "2027-01-15T12:05:00Z",
        "2027-01-15T12:10:00Z",
        "2027-01-15T12:15:00Z",
    ]
    first = (await house.events())[0]
    assert (first.type, first.source) == ("tapwater.schedule.tick", "/schedules/jobs/clean")
    assert msgspec.json.decode(first.data) == {
        "name": "jobs/clean",
        "due": "2027-01-15T12:05:00Z",
        "payload": None,
    }
    assert len({one.id for one in await house.events()}) == 3


async def test_several_triggers_of_one_function_are_told_apart() -> None:
    house = House(function("0 * * * *", "30 * * * *"))
    await house.until(HOUR)
    assert [one.source for one in await house.events()] == [
        "/schedules/jobs/clean#1",
        "/schedules/jobs/clean#0",
    ]


async def test_a_zone_and_its_daylight_saving() -> None:
    began = datetime.fromisoformat("2027-03-27T00:00+01:00").timestamp()
    house = House(function("30 2 * * *", tz="Europe/Berlin"), now=began)
    await house.until(3 * DAY, step_s=HOUR)
    assert await house.dues() == [
        "2027-03-27T01:30:00Z",
        "2027-03-28T01:00:00Z",
        "2027-03-29T00:30:00Z",
    ]


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("skip", ["16:00"]),
        ("once", ["15:00", "16:00"]),
        ("all", ["13:00", "14:00", "15:00", "16:00"]),
    ],
)
async def test_what_was_missed_while_down(missed: str, expected: list[str]) -> None:
    house = House(function("0 * * * *", missed=missed))
    await house.ticker.step()
    await house.clock.advance(3 * HOUR + 5 * MINUTE)
    house.start()
    await house.until(HOUR)
    assert [due[11:16] for due in await house.dues()] == expected


async def test_a_restart_within_a_minute_misses_nothing() -> None:
    house = House(function("0 * * * *", missed="skip"))
    await house.ticker.step()
    await house.clock.advance(HOUR + 20)
    house.start()
    await house.until(1)
    assert len(await house.dues()) == 1


async def test_all_of_it_has_a_ceiling() -> None:
    house = House(function("every 1s", missed="all"))
    await house.ticker.step()
    await house.clock.advance(30 * DAY)
    await house.until(0)
    dues = await house.dues()
    assert (len(dues), dues[-1]) == (100, "2027-02-14T12:00:00Z")


async def test_killed_between_telling_and_noting_it_is_told_once() -> None:
    class Dying(MemorySchedules):
        async def mark(self, marks: Sequence[Mark], *, forget: Any = ()) -> None:
            if any(one.run_at for one in marks) and not self.dead:
                self.dead = True
                raise OSError("killed")
            await super().mark(marks, forget=forget)

        dead = False

    house = House(function("0 * * * *"))
    house.schedules = Dying()
    house.start()
    await house.ticker.step()
    await house.clock.advance(HOUR)
    with pytest.raises(OSError, match="killed"):
        await house.ticker.step()
    house.start()
    await house.until(MINUTE)
    assert await house.dues() == ["2027-01-15T13:00:00Z"]


async def test_a_clock_that_jumps_back_repeats_nothing() -> None:
    house = House(function("*/10 * * * *"))
    await house.until(31 * MINUTE)
    house.clock.jump(-25 * MINUTE)
    await house.until(36 * MINUTE)
    assert [due[11:16] for due in await house.dues()] == ["12:10", "12:20", "12:30", "12:40"]


async def test_a_clock_that_was_years_ahead_does_not_stop_it() -> None:
    house = House(function("0 * * * *"), now=NOON + 1000 * DAY)
    await house.until(2 * HOUR)
    house.clock.jump(-1000 * DAY - 2 * HOUR)
    await house.until(2 * HOUR)
    assert [due[:16] for due in await house.dues()][2:] == ["2027-01-15T13:00", "2027-01-15T14:00"]


async def test_a_clock_that_jumps_forward_is_as_if_we_had_been_down() -> None:
    house = House(function("0 * * * *"))
    await house.until(MINUTE)
    house.clock.jump(5 * HOUR)
    await house.until(MINUTE)
    assert [due[11:16] for due in await house.dues()] == ["17:00"]


async def test_the_loop_itself_wakes_for_the_clock() -> None:
    house = House(function("0 * * * *"))
    await house.ticker.step()
    assert house.ticker.next_wait_s() == 30.0
    await house.clock.advance(HOUR - 5)
    assert house.ticker.next_wait_s() == 5.0


async def test_a_new_schedule_does_not_make_up_for_times_before_it() -> None:
    house = House(function("0 * * * *", missed="all"))
    await house.until(MINUTE)
    await house.clock.advance(DAY)
    house.functions = [function("*/30 * * * *", missed="all")]
    house.ticker.look_again()
    await house.until(HOUR)
    assert [due[8:16] for due in await house.dues()] == ["16T12:30", "16T13:00"]


async def test_undeployed_for_a_while_nothing_is_made_up_for() -> None:
    house = House(function("0 * * * *", missed="all"))
    await house.until(MINUTE)
    deployed, house.functions = house.functions, []
    house.ticker.look_again()
    await house.until(3 * HOUR)
    assert not house.schedules.marks()
    house.functions = deployed
    house.ticker.look_again()
    await house.until(HOUR)
    assert len(await house.dues()) == 1


async def _run_of(house: House, function: str = "shop:jobs/clean") -> Errand:
    """Do as the relay does: make the errand of the newest tick."""
    event = (await house.events())[-1]
    id = errand_id(event, function)
    return Errand(id=id, app=SHOP, line=function_line(function), function=function, body=b"1")


async def test_no_new_run_while_the_last_one_is_not_over() -> None:
    house = House(function("every 1m"))
    await house.until(MINUTE)
    await house.bus.publish([await _run_of(house)])
    await house.until(2 * MINUTE)
    assert len(await house.dues()) == 1
    line = function_line("shop:jobs/clean")
    [delivery] = await house.bus.lease(line, count_max=1, lease_s=600)
    await house.until(MINUTE)
    assert await house.bus.settle([(delivery, Later(90.0))]) == [True]
    await house.until(MINUTE)
    assert len(await house.dues()) == 1
    [delivery] = await house.bus.lease(line, count_max=1, lease_s=600) or [None]  # type: ignore[list-item]
    if delivery is None:
        await house.until(MINUTE)
        [delivery] = await house.bus.lease(line, count_max=1, lease_s=600)
    await house.bus.settle([(delivery, Done())])
    skipped = house.ticker.stats().skipped
    await house.until(MINUTE)
    assert len(await house.dues()) == 2
    assert skipped == house.ticker.stats().skipped > 0


@pytest.mark.parametrize("overlap", ["wait", "allow"])
async def test_runs_that_wait_or_overlap_are_all_told(overlap: str) -> None:
    house = House(function("every 1m", overlap=overlap))
    await house.until(MINUTE)
    await house.bus.publish([await _run_of(house)])
    await house.until(2 * MINUTE)
    assert len(await house.dues()) == 3
    keys = {one.key for one in await house.events()}
    assert keys == ({"/schedules/jobs/clean"} if overlap == "wait" else {""})


async def test_a_dead_run_is_over() -> None:
    house = House(function("every 1m"))
    await house.until(MINUTE)
    await house.bus.publish([await _run_of(house)])
    [delivery] = await house.bus.lease(function_line("shop:jobs/clean"), count_max=1, lease_s=600)
    await house.bus.settle([(delivery, Dead("gave up"))])
    await house.until(MINUTE)
    assert len(await house.dues()) == 2
