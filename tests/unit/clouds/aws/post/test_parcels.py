"""Parcels: sent, tried again, given up, and told where dead letters go."""

from typing import Any

from tapwater_server.backends.memory.bus import MemoryBus
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.post.parcels import Chain, Parcel, Post, errand_of
from tapwater_server.ports.bus import Dead, Done, Later, Settlement
from tapwater_server.testing.clock import CountingIds, ManualClock
from tests.unit.clouds.aws.lambda_events.kit import ACCOUNT, DEAD, Door, FakeTargets, answered

QUEUE = ACCOUNT.arn("sqs", "jobs")
RULE = ACCOUNT.arn("events", "rule/r")
LINE = "h:aws:aws"
BUSY, GONE = AwsError("Throttling", "slower", 429), AwsError("NoSuchQueue", "gone", 400)


def parcel(**more: Any) -> Parcel:
    said = {"id": "p1", "to": QUEUE, "body": "hi", "source": RULE, **more}
    return Parcel(account=ACCOUNT.id, region=ACCOUNT.region, **said)


class Rig:
    def __init__(self) -> None:
        self.clock, self.targets = ManualClock(), FakeTargets()
        self.bus = MemoryBus(clock=self.clock)
        self.post = Post(targets=self.targets, clock=self.clock, ids=CountingIds())

    async def send(self, parcel: Parcel, chain: Chain | None = None, **more: Any) -> None:
        await self.bus.publish([errand_of(parcel, ACCOUNT.home, chain or Chain(), **more)])

    async def step(self) -> Settlement:
        (leased,) = await self.bus.lease(LINE, count_max=1, lease_s=60.0)
        (settlement,) = await self.post.deliver([leased], Door(answered(1)))
        await self.bus.settle([(leased, settlement)])
        return settlement


async def test_a_parcel_arrives_as_it_was_sent() -> None:
    rig = Rig()
    await rig.send(
        parcel(group="g", dedupe="d", subject="s", attributes={"a": {"DataType": "String"}}),
        Chain(root="start", depth=2, trace="t"),
    )
    assert await rig.step() == Done()
    ((arn, sent),) = rig.targets.sent
    assert (arn, sent.body, sent.source, sent.id) == (QUEUE, b"hi", RULE, "p1")
    assert (sent.group, sent.dedupe, sent.subject) == ("g", "d", "s")
    assert (sent.root, sent.depth, sent.trace) == ("start", 2, "t")


async def test_what_is_refused_for_now_is_tried_again_later_and_later() -> None:
    rig = Rig()
    rig.targets.closed[QUEUE] = BUSY
    await rig.send(parcel())
    waits = []
    for _ in range(3):
        settled = await rig.step()
        assert isinstance(settled, Later)
        waits.append(settled.delay_s)
        await rig.clock.advance(settled.delay_s)
    assert waits == sorted(waits)
    rig.targets.closed.clear()
    assert await rig.step() == Done()


async def test_what_is_refused_for_good_goes_to_the_dead_letters_at_once() -> None:
    rig = Rig()
    rig.targets.closed[QUEUE] = GONE
    await rig.send(parcel(dead_letters=DEAD, facts={"RULE_ARN": RULE}))
    settled = await rig.step()
    assert isinstance(settled, Dead)
    ((arn, sent),) = rig.targets.sent
    said = {name: one["StringValue"] for name, one in sent.attributes.items()}
    assert (arn, sent.body) == (DEAD, b"hi")
    assert said == {
        "RULE_ARN": RULE,
        "ERROR_CODE": "NoSuchQueue",
        "ERROR_MESSAGE": "gone",
        "RETRY_ATTEMPTS": "0",
    }


async def test_attempts_and_age_have_their_ceilings() -> None:
    rig = Rig()
    rig.targets.closed[QUEUE] = BUSY
    await rig.send(parcel(retries_max=1, dead_letters=DEAD))
    assert isinstance(await rig.step(), Later)
    await rig.clock.advance(5.0)
    assert isinstance(await rig.step(), Dead)
    await rig.send(parcel(id="p2", age_s_max=60.0, dead_letters=DEAD))
    assert isinstance(await rig.step(), Later)
    await rig.clock.advance(61.0)
    assert isinstance(await rig.step(), Dead)
    conditions = [
        sent.attributes["EXHAUSTED_RETRY_CONDITION"]["StringValue"] for _, sent in rig.targets.sent
    ]
    assert conditions == ["MaximumRetryAttempts", "MaximumEventAgeInSeconds"]


async def test_dead_letters_that_nobody_takes_are_kept_with_both_reasons() -> None:
    rig = Rig()
    rig.targets.closed |= {QUEUE: GONE, DEAD: AwsError("NoSuchQueue", "that too", 400)}
    await rig.send(parcel(dead_letters=DEAD))
    settled = await rig.step()
    assert isinstance(settled, Dead)
    assert "gone" in settled.reason
    assert "that too" in settled.reason


async def test_a_parcel_can_wait_for_its_time() -> None:
    rig = Rig()
    await rig.send(parcel(), not_before=rig.clock.now() + 30)
    assert not await rig.bus.lease(LINE, count_max=1, lease_s=60.0)
    await rig.clock.advance(30.0)
    assert await rig.step() == Done()


def test_only_parcels_are_served() -> None:
    post = Rig().post
    assert post.serving(LINE) is not None
    assert [post.serving(line) for line in ("q:aws:aws", "f:aws:aws", "h:aws:other")] == [None] * 3
