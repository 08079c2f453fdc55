"""Schedules that were made without a deploy: whom they tell, once or often, paused, many."""

from collections.abc import Sequence
from dataclasses import replace

import msgspec
import pytest

from tapwater_server.model.function import Function
from tapwater_server.model.schedule import Missed, Overlap, TargetKind
from tapwater_server.ports.bus import function_line, queue_line
from tests.unit.events.sources.ticking import HOUR, MINUTE, NOON, SHOP, House, function


async def test_a_schedule_of_the_api_calls_a_function() -> None:
    house = House()
    await house.put(TargetKind.FUNCTION, "jobs/clean", times="every 1m", payload=b'{"a":1}')
    await house.until(MINUTE)
    [delivery] = await house.bus.lease(function_line("shop:jobs/clean"), count_max=9, lease_s=9)
    told = msgspec.json.decode(delivery.errand.body)
    assert told["type"] == "tapwater.schedule.tick"
    assert told["source"] == "/schedules/it"
    assert told["data"] == {"name": "it", "due": "2027-01-15T12:01:00Z", "payload": {"a": 1}}
    assert await house.events() == []
    await house.until(MINUTE)
    assert house.ticker.stats().skipped == 1


async def test_a_schedule_fills_a_queue_and_a_topic_and_makes_events() -> None:
    house = House()
    await house.put(TargetKind.QUEUE, "emails", name="q", times="every 1m", payload=b"[1]")
    await house.put(TargetKind.TOPIC, "news", name="t", times="every 1m", payload=b"[2]")
    await house.put(TargetKind.EVENT, "shop.closed", name="e", times="every 1m", payload=b"[3]")
    await house.until(2 * MINUTE)
    messages = await house.bus.lease(queue_line(SHOP, "emails"), count_max=9, lease_s=9)
    assert [one.errand.body for one in messages] == [b"[1]"] * 2
    events = sorted((one.type, one.source, one.data) for one in await house.events())
    assert events == [
        ("shop.closed", "/schedules/e", b"[3]"),
        ("shop.closed", "/schedules/e", b"[3]"),
        ("tapwater.topic.message", "/topics/news", b"[2]"),
        ("tapwater.topic.message", "/topics/news", b"[2]"),
    ]


async def test_what_is_due_once_runs_once_and_is_gone() -> None:
    house = House()
    await house.put(TargetKind.QUEUE, "emails", at=NOON + 90.5)
    await house.until(MINUTE)
    assert await house.bus.ready() == []
    await house.until(MINUTE)
    assert len(await house.bus.lease(queue_line(SHOP, "emails"), count_max=9, lease_s=9)) == 1
    assert not house.schedules.all()
    assert not house.schedules.marks()


@pytest.mark.parametrize(("missed", "runs"), [(Missed.SKIP, 0), (Missed.ONCE, 1), (Missed.ALL, 1)])
async def test_what_is_due_once_while_down(missed: Missed, runs: int) -> None:
    house = House()
    await house.put(TargetKind.QUEUE, "emails", at=NOON + HOUR, missed=missed)
    await house.clock.advance(2 * HOUR)
    house.start()
    await house.until(MINUTE)
    found = await house.bus.lease(queue_line(SHOP, "emails"), count_max=9, lease_s=9)
    assert len(found) == runs
    assert not house.schedules.all()


async def test_paused_and_resumed() -> None:
    house = House()
    schedule = await house.put(TargetKind.EVENT, "a.b", times="every 1m", missed=Missed.ALL)
    await house.until(MINUTE)
    await house.schedules.put(replace(schedule, paused=True))
    await house.until(10 * MINUTE)
    assert len(await house.events()) == 1
    await house.schedules.put(replace(schedule, id="new", since=house.clock.now()))
    await house.until(2 * MINUTE)
    assert len(await house.events()) == 3


async def test_run_now_is_besides_its_times() -> None:
    house = House()
    schedule = await house.put(TargetKind.EVENT, "a.b", times="0 0 1 1 *", overlap=Overlap.ALLOW)
    await house.ticker.step()
    first, second = await house.ticker.run_now(schedule), await house.ticker.run_now(schedule)
    assert [one.id for one in await house.events()] == [first, second]
    assert len({first, second}) == 2


async def test_one_that_cannot_be_read_stops_no_other() -> None:
    house = House(function("every 1m", name="jobs/a"), function("every 1m", tz="Mars/X"))
    await house.until(MINUTE)
    assert [one.source for one in await house.events()] == ["/schedules/jobs/a"]


async def test_ten_thousand_cost_nothing_while_idle() -> None:
    house = House()
    for number in range(10_000):
        await house.put(TargetKind.EVENT, "a.b", name=f"s{number}", times=f"{number % 60} 3 * * *")
    await house.ticker.step()
    assert house.ticker.stats().schedules == 10_000
    assert await house.ticker.step() == 0
    assert house.ticker.next_wait_s() == 30.0


async def test_a_change_of_one_is_no_look_at_all_others() -> None:
    house = House(function("0 * * * *"))
    looks: list[int] = []
    deployed = house.functions

    def functions() -> Sequence[Function]:
        looks.append(1)
        return deployed

    house.functions = ()
    house.ticker._functions = functions
    await house.put(TargetKind.EVENT, "a.b", name="first", times="every 1m")
    await house.ticker.step()
    assert len(looks) == 1
    second = await house.put(TargetKind.EVENT, "a.b", name="second", times="every 1m")
    await house.ticker.step()
    await house.schedules.remove(SHOP, "first")
    await house.schedules.put(replace(second, id="other", times="every 2m"))
    await house.until(2 * MINUTE)
    assert len(looks) == 1
    assert [one.source for one in await house.events()] == ["/schedules/second"]
    house.ticker.look_again()
    await house.until(HOUR)
    assert len(looks) == 2
    assert "/schedules/jobs/clean" in {one.source for one in await house.events()}
