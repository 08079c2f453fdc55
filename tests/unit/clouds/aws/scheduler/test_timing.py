"""Schedules: what is due when, what their targets are sent, and what becomes of them after."""

import json
from typing import Any

import msgspec
import pytest

from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.post.parcels import Parcel
from tapwater_server.clouds.aws.scheduler.checks import planned_of
from tapwater_server.clouds.aws.scheduler.records import Planned
from tapwater_server.clouds.aws.scheduler.store import Store
from tapwater_server.clouds.aws.scheduler.timing import PlannedTimes, errand_at
from tests.unit.clouds.aws.lambda_events.kit import ACCOUNT, FN

QUEUE, FIFO = ACCOUNT.arn("sqs", "jobs"), ACCOUNT.arn("sqs", "jobs.fifo")
BUS = ACCOUNT.arn("events", "event-bus/default")
NOW = 1_800_000_000.0  # 2027-01-15 08:00 UTC
ROLE = "arn:aws:iam::000000000000:role/x"


def said(**more: Any) -> dict[str, Any]:
    target = {"Arn": QUEUE, "RoleArn": ROLE, **more.pop("target", {})}
    return {
        "Name": "s",
        "ScheduleExpression": "rate(1 hour)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
        **more,
    }


def planned(before: Planned | None = None, *, id: str = "i1", **more: Any) -> Planned:
    return planned_of(said(**more), ACCOUNT, before=before, id=id, now=NOW)


def parcel(planned: Planned, due: float = NOW) -> Parcel:
    return msgspec.json.decode(errand_at(planned, ACCOUNT.home, due).body, type=Parcel)


class Rig:
    def __init__(self) -> None:
        self.store = Store(facts=MemoryFacts())
        self.times = PlannedTimes(store=self.store)

    async def dues(self, planned: Planned, count: int = 2) -> list[float]:
        await self.store.put(ACCOUNT.space, planned)
        found = next(iter(self.times.all()))
        at, dues = found.since, list[float]()
        for _ in range(count):
            due = found.next_after(at)
            if due is None:
                break
            dues.append(due - NOW)
            at = due
        return dues


async def test_a_rate_begins_at_once_or_at_its_start() -> None:
    assert await Rig().dues(planned()) == [0, 3600]
    assert await Rig().dues(planned(StartDate=NOW + 600)) == [600, 4200]
    assert await Rig().dues(planned(EndDate=NOW + 60)) == [0]


async def test_a_single_time_comes_once_in_its_zone_also_if_it_is_past() -> None:
    once = "at(2027-01-15T10:00:00)"
    assert await Rig().dues(planned(ScheduleExpression=once)) == [7200]
    berlin = planned(ScheduleExpression=once, ScheduleExpressionTimezone="Europe/Berlin")
    assert await Rig().dues(berlin) == [3600]
    past = planned(ScheduleExpression="at(2027-01-15T07:00:00)")
    assert await Rig().dues(past) == [-3600]


def test_the_target_gets_its_input_as_it_is() -> None:
    one = parcel(planned(target={"Input": '{ "a":1 }', "DeadLetterConfig": {"Arn": FIFO}}))
    assert (one.to, one.body, one.dead_letters) == (QUEUE, '{ "a":1 }', FIFO)
    assert one.retries_max == 185
    told = parcel(planned(target={"Input": "<aws.scheduler.scheduled-time>"}))
    assert told.body == "2027-01-15T08:00:00Z"


def test_a_time_made_again_is_the_same_and_another_one_is_not() -> None:
    one = planned()
    assert parcel(one).id == parcel(one).id
    assert parcel(one).id != parcel(one, NOW + 1).id
    assert parcel(one).id != parcel(planned(id="i2")).id


def test_a_flexible_window_chooses_a_moment_within_it() -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10}
    errand = errand_at(planned(FlexibleTimeWindow=window), ACCOUNT.home, NOW)
    assert NOW <= errand.not_before <= NOW + 600
    assert errand_at(planned(), ACCOUNT.home, NOW).not_before == 0.0


def test_buses_queues_and_universal_targets() -> None:
    event = {"DetailType": "t", "Source": "me"}
    on_bus = parcel(
        planned(target={"Arn": BUS, "EventBridgeParameters": event, "Input": '{"a": 1}'})
    )
    told = json.loads(on_bus.body)
    assert (told["detail-type"], told["source"], told["detail"]) == ("t", "me", {"a": 1})
    fifo = parcel(planned(target={"Arn": FIFO, "SqsParameters": {"MessageGroupId": "g"}}))
    assert fifo.group == "g"
    call = {
        "Arn": "arn:aws:scheduler:::aws-sdk:lambda:invoke",
        "Input": json.dumps({"FunctionName": "fn", "Payload": '{"x": 1}'}),
    }
    assert (parcel(planned(target=call)).to, parcel(planned(target=call)).body) == (FN, '{"x": 1}')
    send = {
        "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        "Input": json.dumps({"QueueUrl": "http://x/000000000000/jobs", "MessageBody": "hi"}),
    }
    assert (parcel(planned(target=send)).to, parcel(planned(target=send)).body) == (QUEUE, "hi")


@pytest.mark.parametrize(
    "wrong",
    [
        {"Name": "a b"},
        {"ScheduleExpression": "rate(1 hours)"},
        {"ScheduleExpression": "at(2027-02-30T00:00:00)"},
        {"ScheduleExpressionTimezone": "Mars/Base"},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 9999}},
        {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
        {"EndDate": NOW - 5},
        {"StartDate": NOW + 50, "EndDate": NOW + 40},
        {"target": {"Arn": "no"}},
        {"target": {"Arn": "arn:aws:ecs:us-east-1:000000000000:cluster/x"}},
        {"target": {"Arn": "arn:aws:sqs:us-east-1:999999999999:jobs"}},
        {"target": {"Arn": FIFO}},
        {"target": {"Arn": BUS}},
        {"target": {"EcsParameters": {"TaskDefinitionArn": "x"}}},
        {"target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": "[]"}},
        {"target": {"Arn": "arn:aws:scheduler:::aws-sdk:ec2:stopInstances"}},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(AwsError) as refused:
        planned(**wrong)
    assert refused.value.code == "ValidationException"


def test_a_change_of_the_target_alone_keeps_the_times() -> None:
    before = planned()
    same = planned_of(said(target={"Input": "1"}), ACCOUNT, before=before, id="i2", now=NOW + 9)
    assert (same.id, same.since, same.changed_at) == ("i1", NOW, NOW + 9)
    other = planned_of(
        said(ScheduleExpression="rate(2 hours)"), ACCOUNT, before=before, id="i2", now=NOW + 9
    )
    assert (other.id, other.since, other.made_at) == ("i2", NOW + 9, NOW)


async def test_what_is_to_go_goes_when_it_is_over_unless_it_was_changed() -> None:
    rig = Rig()
    kept, gone = planned(), planned(Name="gone", ActionAfterCompletion="DELETE")
    for one in (kept, gone):
        await rig.store.put(ACCOUNT.space, one)
    found = list(rig.times.all())
    changed = planned(Name="gone", ActionAfterCompletion="DELETE", id="i9")
    for timed in found:
        await rig.times.over(timed)
    assert [one.name for one in rig.store.all(ACCOUNT.space)] == ["s"]
    await rig.store.put(ACCOUNT.space, changed)
    for timed in found:
        await rig.times.over(timed)
    assert len(rig.store.all(ACCOUNT.space)) == 2
