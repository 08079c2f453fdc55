"""ports/listening.py and ports/timetables.py: what all rooms that keep them have in common."""

from collections.abc import Callable
from typing import Any

import pytest

from tapwater_server.clouds.aws.events.records import Rule
from tapwater_server.clouds.aws.events.store import Store as RuleStore
from tapwater_server.clouds.aws.events.timing import RuleTimes
from tapwater_server.clouds.aws.lambda_events.calls import AsyncCalls
from tapwater_server.clouds.aws.lambda_events.ends import Ends
from tapwater_server.clouds.aws.lambda_events.later import LaterCalls
from tapwater_server.clouds.aws.lambda_events.mappings import KIND, EventSource, mapping_value
from tapwater_server.clouds.aws.lambda_events.queue_lines import QueueLines
from tapwater_server.clouds.aws.post.parcels import Chain, Parcel, Post, errand_of
from tapwater_server.clouds.aws.s3_events.configuration import KIND as WISHES
from tapwater_server.clouds.aws.s3_events.notifying import Notifying
from tapwater_server.clouds.aws.scheduler.checks import planned_of
from tapwater_server.clouds.aws.scheduler.store import Store as PlanStore
from tapwater_server.clouds.aws.scheduler.timing import PlannedTimes
from tapwater_server.model.blob import About, Blob, Cause
from tapwater_server.model.blob_events import STORED, blob_event
from tapwater_server.ports.bus import Errand, queue_line
from tapwater_server.ports.facts import Put
from tapwater_server.ports.listening import Listeners, Listening, Serving
from tapwater_server.ports.timetables import Timetable, Timetables
from tests.unit.clouds.aws.lambda_events.kit import ACCOUNT, FN, Door, House, answered

QUEUE = ACCOUNT.arn("sqs", "jobs")
NOW = 1_800_000_000.0


class Room:
    """One kind of listeners: what makes them serve a line, an errand of that line."""

    def __init__(self, house: House, listeners: Listeners, line: str, errand: Errand) -> None:
        self.house, self.listeners = house, listeners
        self.line, self.errand = line, errand


async def _calls(house: House) -> Room:
    listeners = AsyncCalls(
        callees=house.callees,
        ends=Ends(targets=house.targets, clock=house.clock),
        clock=house.clock,
    )
    later = LaterCalls(callees=house.callees, bus=house.bus, ids=house.ids)
    await later.call(ACCOUNT, FN, b"1")
    (leased,) = await house.bus.lease("f:fn:handler", count_max=1, lease_s=0.001)
    await house.clock.advance(1.0)
    return Room(house, listeners, "f:fn:handler", leased.errand)


async def _lines(house: House) -> Room:
    mapping = EventSource(
        id="m", source=QUEUE, function=FN, account=ACCOUNT.id, region=ACCOUNT.region
    )
    put = Put(kind=KIND, key="m", value=mapping_value(mapping))
    await house.facts.change(ACCOUNT.space, [put])
    listeners = QueueLines(
        facts=house.facts,
        callees=house.callees,
        queues=house.queues,
        receipt=lambda delivery: "r",
        worn=lambda account, queue, delivery: None,
        clock=house.clock,
        ids=house.ids,
    )
    line = queue_line("aws", "jobs")
    errand = Errand(id="m1", app="aws", line=line, body=b"hi")
    await house.publish(errand)
    return Room(house, listeners, line, errand)


async def _post(house: House) -> Room:
    listeners = Post(targets=house.targets, clock=house.clock, ids=house.ids)
    parcel = Parcel(id="p", account=ACCOUNT.id, region="r", to=QUEUE, body="1", source="s")
    errand = errand_of(parcel, ACCOUNT.home, Chain())
    await house.publish(errand)
    return Room(house, listeners, errand.line, errand)


ROOMS: dict[str, Callable[[House], Any]] = {"calls": _calls, "lines": _lines, "post": _post}


@pytest.fixture(params=sorted(ROOMS))
async def room(request: pytest.FixtureRequest) -> Room:
    made: Room = await ROOMS[request.param](House())
    return made


async def test_lsn_1_serving_changes_nothing(room: Room) -> None:
    first, second = room.listeners.serving(room.line), room.listeners.serving(room.line)
    assert isinstance(first, Serving)
    assert first == second
    assert room.listeners.serving("q:other:line") is None
    assert room.listeners.serving("f:other:function") is None


async def test_lsn_2_an_event_heard_again_gives_the_same_errands() -> None:
    house = House()
    xml = (
        f"<N><QueueConfiguration><Queue>{QUEUE}</Queue><Event>s3:ObjectCreated:*</Event>"
        "</QueueConfiguration><EventBridgeConfiguration/></N>"
    )
    await house.facts.change(ACCOUNT.space, [Put(kind=WISHES, key="b", value={"xml": xml})])
    listening = Listening()
    listening.add(Notifying(facts=house.facts, accounts=lambda app: ACCOUNT))
    blob = Blob(bucket="b", key="k", version="null", size=1, etag="e", stored_at=1.0, about=About())
    event = blob_event(STORED, ACCOUNT.home, blob, Cause(), id="01E", at=1.0)
    first, second = listening.heard(event), listening.heard(event)
    assert len({one.id for one in first}) == 2
    assert list(first) == list(second)


async def test_lsn_3_every_delivery_gets_a_settlement(room: Room) -> None:
    leased = await room.house.bus.lease(room.line, count_max=5, lease_s=60.0)
    serving = room.listeners.serving(room.line)
    assert serving is not None
    settled = await serving.listener.deliver(leased, Door(answered(None)))
    assert len(settled) == len(leased) == 1


async def test_lsn_4_who_watches_is_told_of_what_changes() -> None:
    house = House()
    room = await _lines(house)
    listening, told = Listening(), list[int]()
    listening.add(room.listeners)
    listening.watch(lambda: told.append(1))
    assert isinstance(room.listeners, QueueLines)
    room.listeners.changed()
    assert told == [1]
    assert listening.serving(room.line) == room.listeners.serving(room.line)


async def _rules(house: House) -> tuple[Timetable, Callable[[], Any]]:
    store = RuleStore(facts=house.facts)
    rule = Rule(
        name="r",
        bus="default",
        account=ACCOUNT.id,
        region="us-east-1",
        schedule="rate(1 minute)",
        since=NOW,
    )
    return RuleTimes(store=store), lambda: store.put_rule(ACCOUNT, rule)


async def _plans(house: House) -> tuple[Timetable, Callable[[], Any]]:
    store = PlanStore(facts=house.facts)
    said = {
        "Name": "s",
        "ScheduleExpression": "rate(1 minute)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": QUEUE, "RoleArn": "arn:aws:iam::000000000000:role/x"},
        "ActionAfterCompletion": "DELETE",
    }
    planned = planned_of(said, ACCOUNT, before=None, id="i", now=NOW)
    return PlannedTimes(store=store), lambda: store.put(ACCOUNT.space, planned)


@pytest.fixture(params=[_rules, _plans])
async def table(request: pytest.FixtureRequest) -> tuple[Timetables, Callable[[], Any]]:
    made, put = await request.param(House())
    timetables = Timetables()
    timetables.add(made)
    return timetables, put


Table = tuple[Timetables, Callable[[], Any]]


async def test_ttb_1_what_is_there_is_found_by_its_key(table: Table) -> None:
    timetables, put = table
    assert list(timetables.all()) == []
    await put()
    (timed,) = timetables.all()
    found = timetables.timed(timed.app, timed.key)
    assert found is not None
    assert (found.key, found.said) == (timed.key, timed.said)
    assert timetables.timed(timed.app, "another") is None


async def test_ttb_2_one_time_makes_one_errand(table: Table) -> None:
    timetables, put = table
    await put()
    (timed,) = timetables.all()
    assert timed.errand(NOW + 60) == timed.errand(NOW + 60)
    assert timed.errand(NOW + 60).id != timed.errand(NOW + 120).id


async def test_ttb_3_who_watches_is_told_the_key(table: Table) -> None:
    timetables, put = table
    told: list[tuple[str, str]] = []
    timetables.watch(lambda app, key: told.append((app, key)))
    await put()
    (timed,) = timetables.all()
    assert told == [(timed.app, timed.key)]


async def test_ttb_4_what_is_over_can_be_over_twice(table: Table) -> None:
    timetables, put = table
    await put()
    (timed,) = timetables.all()
    for _ in range(2):
        await timetables.over(timed)
