"""The event line without a platform: log and bus in memory, scripted guests, what becomes of it."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tapwater.runtime.wire import Frame
from tapwater_server.events.destinations import Chain, Places
from tapwater_server.events.matching import errand_id
from tapwater_server.model.delivering import DeliveryOptions, Pace
from tapwater_server.model.errors import Invalid, Overloaded
from tapwater_server.model.event import Event
from tapwater_server.model.function import Function, Trigger
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message
from tapwater_server.ports.bus import EXPIRED, Errand, Filter, function_line, queue_line
from tapwater_server.testing.guests import ScriptedGuest
from tests.functional.event_line import SHOP, Line, fails, hangs, on_event, reactive

Make = Callable[..., Line]


@pytest.fixture
async def make() -> AsyncIterator[Make]:
    made: list[Line] = []

    def a_line(script: Any = None, *, places: Places | None = None) -> Line:
        made.append(Line(script, places=places))
        return made[-1]

    yield a_line
    for one in made:
        await one.world.close()


async def test_an_event_goes_all_the_way_and_its_result_is_kept(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()), reactive("b", on_event("other")))
    await line.happen(data=b'{"n": 1}', subject="s")
    await line.served(1.0)
    [told] = line.told
    assert (told["id"], told["type"], told["subject"], told["data"]) == (
        "e1",
        "sold",
        "s",
        {"n": 1},
    )
    [state] = await line.bus.list(Filter(app=SHOP))
    assert (state.state, state.function, state.attempt) == ("done", "shop:a", 1)
    shown = await line.bus.state(state.id)
    assert shown is not None
    assert json.loads(shown.result) == {"status": 200, "body": '"fine"'}


async def test_read_again_after_a_crash_nothing_is_told_twice(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()))
    await line.happen()
    assert await line.line.relay.step() == 1  # Killed here: the cursor is not written.
    line.line = line.make()
    await line.served(1.0)
    assert len(line.told) == 1
    assert line.line.relay.stats().events == 1


async def test_the_cursor_is_written_and_goes_on(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()))
    await line.happen()
    await line.served(1.0)
    assert await line.log.cursor("relay") == await line.log.last()
    line.line = line.make()
    await line.served(1.0)
    assert line.line.relay.stats().events == 0


async def test_a_poison_event_ends_as_a_dead_letter(make: Make) -> None:
    line = make(fails)
    await line.deploy(reactive("a", on_event()))
    await line.happen()
    await line.served(30.0)
    [letter] = await line.dead()
    assert (letter.attempt, letter.reason) == (3, "answered with status 500 (attempt 3 of 3)")
    assert line.line.dispatcher.stats().retried == 2
    assert [(said.app, said.function, said.level) for said in line.said] == [(SHOP, "a", "error")]
    assert f"(delivery={letter.id} event={letter.event} attempts=3)" in line.said[0].text


async def test_matching_that_breaks_does_not_stop_the_log(make: Make) -> None:
    line = make()
    broken = Trigger(source="event", arguments={})  # No type: a mistake of ours.
    await line.deploy(reactive("a", on_event()))
    await line.happen("e1")
    await line.deploy(reactive("a", on_event()), reactive("broken", broken))
    await line.served(1.0)
    await line.deploy(reactive("a", on_event()))
    await line.happen("e2")
    await line.served(1.0)
    assert [one["id"] for one in line.told] == ["e2"]


async def test_a_function_that_is_gone_buries_its_errands(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()))
    await line.happen()
    await line.line.relay.step()
    await line.deploy(reactive("b", on_event()))
    await line.served(1.0)
    [letter] = await line.dead()
    assert letter.reason == "shop:a is not in the revision that is live"


async def test_a_stop_uses_no_attempt(make: Make) -> None:
    line = make(hangs)
    await line.deploy(reactive("a", on_event()))
    await line.happen()
    await line.served(1.0)
    [state] = await line.bus.list(Filter(app=SHOP))
    assert (state.state, state.attempt) == ("waiting", 0)


async def test_a_stop_gives_back_a_batch_that_is_not_full(make: Make) -> None:
    line = make()
    batch = Trigger(source="batch", arguments={"queue": "q", "size": 5, "window_s": 60.0})
    await line.deploy(reactive("a", batch))
    await line.send("m1")
    await line.served(1.0)
    [state] = await line.bus.list(Filter(app=SHOP))
    assert (state.state, state.attempt) == ("waiting", 0)


async def test_a_queue_waits_until_somebody_takes_its_messages(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()))
    await line.send("m1", b'{"to": "ada"}')
    await line.served(1.0)
    assert await line.states() == ["waiting"]
    await line.deploy(reactive("a", Trigger(source="message", arguments={"queue": "q"})))
    await line.served(1.0)
    [told] = line.told
    assert (told["type"], told["source"], told["data"]) == (
        "tapwater.queue.message",
        "/queues/q",
        {"to": "ada"},
    )


async def test_a_batch_goes_when_its_window_is_over(make: Make) -> None:
    line = make()
    batch = Trigger(source="batch", arguments={"queue": "q", "size": 5, "window_s": 2.0})
    await line.deploy(reactive("a", batch))
    for n in range(7):
        await line.send(f"m{n}")
    await line.served(1.0)
    assert [len(one["events"]) for one in line.told] == [5]
    await line.served(3.0)
    assert sorted(len(one["events"]) for one in line.told) == [2, 5]
    assert await line.states() == ["done"] * 7


async def test_a_poison_among_others_goes_alone_before_they_die_with_it(make: Make) -> None:
    def dies_of_three(guest: ScriptedGuest, frame: Frame, body: Any) -> None:
        if any(one["data"] == 3 for one in body["events"]):
            guest.answer(frame.call, b"no", status=500)
        else:
            guest.answer(frame.call, b"null")

    line = make(dies_of_three)
    options = DeliveryOptions(attempts_max=4)
    said = {"queue": "q", "size": 10, "window_s": 0.5}
    await line.deploy(reactive("a", Trigger(source="batch", arguments=said, delivery=options)))
    for n in range(5):
        await line.send(f"m{n}", b"%d" % n)
    await line.served(60.0)
    assert [one.id for one in await line.dead()] == ["m3"]
    assert await line.states() == ["dead", "done", "done", "done", "done"]


async def test_one_loud_function_does_not_starve_another(make: Make) -> None:
    line = make(hangs)
    await line.deploy(
        reactive("loud", on_event("loud"), instances_max=500),
        reactive("quiet", on_event("quiet"), instances_max=2),
    )
    for n in range(300):
        await line.happen(f"l{n}", "loud")
    await line.served(0.5)
    await line.happen("q1", "quiet")
    # How many turns of the loop it takes is not what is promised: the suite's timeout is the end.
    while "q1" not in [one["id"] for one in line.told]:
        await line.served(0.5)


async def test_no_more_run_than_the_function_can_take(make: Make) -> None:
    line = make(hangs)
    await line.deploy(reactive("a", on_event(), instances_max=3, concurrency=2))
    for n in range(30):
        await line.happen(f"e{n}")
    await line.served(2.0)
    assert len(line.told) == 6


async def test_a_rate_of_each_key(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event(pace=Pace(per_s=1.0, of_key=True))))
    for n in range(4):
        await line.happen(f"a{n}", key="ada")
        await line.happen(f"b{n}", key="bob")
    await line.served(1.5)
    assert 2 <= len(line.told) <= 6
    await line.served(10.0)
    assert len(line.told) == 8
    assert not await line.dead()


async def test_ends_are_told_before_the_delivery_is_settled(make: Make) -> None:
    """A crash between the two tells it twice, under the same name: it is there once."""
    line = make()
    options = {"on_success": "queue:ends"}
    await line.deploy(reactive("a", on_event(**options)))
    await line.happen(data=b"7")
    event = Event(id="e1", app=SHOP, type="sold", source="/s")
    await line.served(1.0)
    end = await line.bus.state(f"{errand_id(event, 'shop:a')}.done")
    assert end is not None
    said = json.loads(end.body)
    assert (said["event"]["data"], said["outcome"]["good"]) == (7, True)


async def test_a_failure_is_told_to_a_topic(make: Make) -> None:
    line = make(fails)
    listening = Trigger(source="topic", arguments={"topic": "ends"})
    await line.deploy(
        reactive("a", on_event(on_failure="topic:ends", attempts_max=1)),
        reactive("b", listening),
    )
    await line.happen()
    await line.served(2.0)
    told = next(one for one in line.told if one["type"] == "tapwater.topic.message")
    assert told["data"]["outcome"]["reason"] == "answered with status 500 (attempt 1 of 1)"


class NoPlaces:
    """Queues and topics that take nothing."""

    async def send(self, app: AppId, queue: str, message: Message, chain: Chain) -> None:
        raise Invalid("no such queue")

    async def announce(self, app: AppId, topic: str, message: Message, chain: Chain) -> None:
        raise Overloaded("full")


async def test_an_end_that_nobody_takes_is_kept_and_nothing_runs_for_ever(make: Make) -> None:
    line = make(places=NoPlaces())
    await line.deploy(
        reactive("a", on_event("a", on_success="queue:q")),
        reactive("b", on_event("b", on_success="topic:t")),
    )
    await line.happen("e1", "a")
    await line.happen("e2", "b")
    await line.served(90.0)
    assert len(line.told) == 2
    assert sorted(one.reason for one in await line.dead()) == [
        "it went well, but queue:q could not be told: no such queue",
        "it went well, but topic:t could not be told: full",
    ]


async def test_a_mistake_of_ours_does_not_come_back_for_ever(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()))
    errand = Errand(
        id="broken",
        app=SHOP,
        line=function_line("shop:a"),
        function="shop:a",
        event="e",
        body=b"{}",
        attributes=b"[nonsense",
    )
    await line.bus.publish([errand])
    await line.happen()
    await line.served(4000.0)
    [letter] = await line.dead()
    assert letter.reason.startswith("a mistake of the platform's: it broke 12 times")
    assert len(line.told) == 1


async def test_ends_that_lead_to_ends_stop(make: Make) -> None:
    line = make(fails)
    await line.deploy(reactive("a", on_event(on_failure="function:b", attempts_max=1)))
    itself = reactive("b", on_event("b", on_failure="function:b"))
    named = DeliveryOptions(attempts_max=1, on_failure="function:b")
    loop = Function(
        id=itself.id,
        kind=itself.kind,
        style=itself.style,
        file=itself.file,
        group="",
        triggers=itself.triggers,
        delivery=named,
    )
    start = reactive("a", on_event(on_failure="function:b", attempts_max=1))
    await line.deploy(start, loop)
    await line.happen()
    await line.served(10.0)
    assert len(await line.dead()) <= 18
    assert await line.states(function_line("shop:b")) == ["dead"] * 16


async def test_too_deep_is_a_dead_letter_with_the_chain(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()))
    await line.happen("first", "begun")
    await line.happen("last", root="first", depth=17)
    await line.served(1.0)
    [letter] = await line.dead()
    assert letter.reason.endswith("beginning with first: begun /s → sold /s → a")
    assert not line.told


async def test_a_large_event_is_read_from_the_log(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event()))
    await line.happen(data=json.dumps("x" * (2 << 20)).encode())
    await line.line.relay.step()
    [waiting] = await line.bus.list(Filter(app=SHOP))
    shown = await line.bus.state(waiting.id)
    assert shown is not None
    assert shown.body == b""


async def test_a_background_call_keeps_a_refusal_as_its_answer(make: Make) -> None:
    def refuses(guest: ScriptedGuest, frame: Frame, body: Any) -> None:
        guest.answer(frame.call, b"bad", status=422)

    line = make(refuses)
    await line.deploy(reactive("a", on_event()))
    errand = Errand(id="c", app=SHOP, line=function_line("shop:a"), function="shop:a", body=b"1")
    await line.bus.publish([errand])
    await line.happen()
    await line.served(1.0)
    called = await line.bus.state("c")
    assert called is not None
    assert (called.state, json.loads(called.result)["status"]) == ("done", 422)
    [letter] = await line.dead()
    assert letter.event == "e1"


async def test_what_is_too_old_is_not_begun(make: Make) -> None:
    line = make()
    await line.deploy(reactive("a", on_event(age_s_max=60.0, delay_s=120.0)))
    await line.happen()
    await line.served(125.0)
    [letter] = await line.dead()
    assert letter.reason == "it waited longer than 60 s"
    assert not line.told


@pytest.mark.parametrize("wants", [True, False])
async def test_a_message_that_expires_while_it_waits_is_told(make: Make, wants: bool) -> None:
    line = make()
    options = DeliveryOptions(on_failure="function:ops" if wants else "")
    taking = Trigger(source="message", arguments={"queue": "q"}, delivery=options)
    await line.deploy(reactive("a", taking), reactive("ops", on_event("never")))
    until = line.clock.now() + 5
    where = queue_line(SHOP, "q")
    await line.bus.publish([Errand(id="m1", app=SHOP, line=where, body=b"7", expires_at=until)])
    await line.clock.advance(6)
    await line.served(2.0)
    [letter] = await line.dead()
    assert (letter.id, letter.reason) == ("m1", EXPIRED)
    ends = [(body["data"]["event"], body["data"]["outcome"]["reason"]) for body in line.told]
    assert ends == ([(ends[0][0], EXPIRED)] if wants else [])


async def test_a_module_that_raises_uses_attempts(make: Make) -> None:
    line = make()
    line.world.sandbox.failure, line.world.sandbox.failure_by_function = "ImportError", True
    await line.deploy(reactive("a", on_event(delays_s=(1.0, 1.0))))
    await line.happen()
    await line.served(120.0)
    [letter] = await line.dead()
    assert (letter.attempt, letter.reason) == (3, "start_failed: ImportError (attempt 3 of 3)")


async def test_when_no_instance_can_be_made_for_our_fault_no_attempt_is_used(make: Make) -> None:
    line = make()
    line.world.sandbox.failure = "the disk is full"
    await line.deploy(reactive("a", on_event(delays_s=(1.0, 1.0))))
    await line.happen()
    await line.served(120.0)
    assert await line.dead() == []
    line.world.sandbox.failure = ""
    await line.served(60.0)
    [state] = await line.bus.list(Filter(app=SHOP))
    assert (state.state, state.attempt) == ("done", 1)
