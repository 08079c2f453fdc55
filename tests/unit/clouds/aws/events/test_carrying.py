"""Events on buses: which rules they fit, what targets get, and schedules of rules."""

import json
from dataclasses import replace
from typing import Any

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.backends.memory.facts import MemoryFacts
from tapwater_server.clouds.aws.events.carrying import Carrier
from tapwater_server.clouds.aws.events.records import DISABLED, Rule
from tapwater_server.clouds.aws.events.store import Store
from tapwater_server.clouds.aws.events.timing import RuleTimes
from tapwater_server.clouds.aws.post.parcels import Chain, Parcel, Post
from tapwater_server.clouds.aws.reaching import Sent
from tapwater_server.clouds.aws.shapes.bridged import bridged_event
from tapwater_server.testing.clock import CountingIds, ManualClock
from tests.unit.clouds.aws.lambda_events.kit import ACCOUNT, FN, Door, FakeTargets, answered

QUEUE, FIFO = ACCOUNT.arn("sqs", "jobs"), ACCOUNT.arn("sqs", "jobs.fifo")
BUS = ACCOUNT.arn("events", "event-bus/default")
LINE = "h:aws:aws"


def rule(name: str = "r", **more: Any) -> Rule:
    said = {"bus": "default", "pattern": '{"source": ["shop"]}', **more}
    return Rule(name=name, account=ACCOUNT.id, region=ACCOUNT.region, **said)


def event(id: str = "e1", **more: Any) -> dict[str, Any]:
    made = bridged_event(ACCOUNT, id=id, source="shop", kind="Order", at=1.0, detail={"n": 1})
    return {**made, **more}


class Rig:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bus, self.store = MemoryBus(clock=self.clock), Store(facts=MemoryFacts())
        self.carrier = Carrier(store=self.store, bus=self.bus, clock=self.clock, ids=CountingIds())
        self.targets = FakeTargets()

    async def put(self, *rules: Rule) -> None:
        for one in rules:
            await self.store.put_rule(ACCOUNT, one)

    async def parcels(self) -> list[Parcel]:
        leased = await self.bus.lease(LINE, count_max=100, lease_s=60.0)
        import msgspec

        return [msgspec.json.decode(one.errand.body, type=Parcel) for one in leased]


async def test_each_target_of_each_rule_that_fits_gets_a_parcel() -> None:
    rig = Rig()
    targets = {"1": {"Id": "1", "Arn": QUEUE}, "2": {"Id": "2", "Arn": FN, "InputPath": "$.detail"}}
    await rig.put(
        rule(targets=targets),
        rule("off", state=DISABLED, targets=targets),
        rule("other", pattern='{"source": ["bank"]}', targets=targets),
        rule("elsewhere", bus="mine", targets=targets),
    )
    await rig.carrier.put(ACCOUNT, [("default", event())], Chain(root="start", depth=2))
    first, second = sorted(await rig.parcels(), key=lambda one: one.to, reverse=True)
    assert json.loads(first.body) == event()
    assert (second.to, json.loads(second.body)) == (FN, {"n": 1})
    assert first.source == ACCOUNT.arn("events", "rule/r")
    assert first.facts["TARGET_ARN"] == QUEUE


async def test_an_event_that_comes_again_is_carried_once() -> None:
    rig = Rig()
    await rig.put(rule(targets={"1": {"Id": "1", "Arn": QUEUE}}))
    for _ in range(2):
        await rig.carrier.put(ACCOUNT, [("default", event())], Chain())
    assert len(await rig.parcels()) == 1


async def test_groups_policies_and_dead_letters_of_targets() -> None:
    rig = Rig()
    target = {
        "Id": "1",
        "Arn": FIFO,
        "SqsParameters": {"MessageGroupId": "g"},
        "RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 60},
        "DeadLetterConfig": {"Arn": QUEUE},
    }
    await rig.put(rule(targets={"1": target}))
    await rig.carrier.put(ACCOUNT, [("default", event())], Chain())
    (parcel,) = await rig.parcels()
    assert (parcel.group, parcel.dedupe != "") == ("g", True)
    assert (parcel.retries_max, parcel.age_s_max, parcel.dead_letters) == (2, 60.0, QUEUE)


async def test_buses_take_what_other_services_send() -> None:
    rig = Rig()
    await rig.put(rule(pattern='{"source": ["aws.s3"]}', targets={"1": {"Id": "1", "Arn": QUEUE}}))
    said = {"source": "aws.s3", "detail-type": "x", "detail": {}}
    await rig.carrier.send(ACCOUNT, BUS, Sent(body=json.dumps(said).encode(), source="s", id="i1"))
    (parcel,) = await rig.parcels()
    told = json.loads(parcel.body)
    assert (told["id"], told["account"], told["source"]) == ("i1", ACCOUNT.id, "aws.s3")
    assert rig.carrier.exists(ACCOUNT, BUS)
    assert not rig.carrier.exists(ACCOUNT, ACCOUNT.arn("events", "event-bus/none"))


async def test_the_time_of_a_rule_reaches_its_targets_once() -> None:
    rig = Rig()
    now = rig.clock.now()
    timed = RuleTimes(store=rig.store)
    seen: list[tuple[str, str]] = []
    timed.watch(lambda app, key: seen.append((app, key)))
    made = rule(
        pattern="", schedule="rate(1 minute)", since=now, targets={"1": {"Id": "1", "Arn": QUEUE}}
    )
    await rig.put(made)
    ((_, key),) = seen
    found = timed.timed(ACCOUNT.home, key)
    assert found is not None
    assert [one.key for one in timed.all()] == [key]
    due = found.next_after(now)
    assert due == now + 60
    await rig.bus.publish([found.errand(due), found.errand(due)])
    post = Post(targets=rig.carrier, clock=rig.clock, ids=CountingIds())
    leased = await rig.bus.lease(LINE, count_max=10, lease_s=60.0)
    for _ in range(2):
        await post.deliver(leased, Door(answered(1)))
    (parcel,) = await rig.parcels()
    told = json.loads(parcel.body)
    assert (parcel.to, told["detail-type"]) == (QUEUE, "Scheduled Event")
    assert told["resources"] == [ACCOUNT.arn("events", "rule/r")]
    await rig.put(replace(made, state=DISABLED))
    assert timed.timed(ACCOUNT.home, key) is None
