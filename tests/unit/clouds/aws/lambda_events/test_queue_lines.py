"""Messages of queues and the functions mapped to them: batches, failures, order, filters."""

import json
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.lambda_events.mappings import (
    KIND,
    EventSource,
    mapping_value,
)
from tapwater_server.clouds.aws.lambda_events.queue_lines import QueueLines
from tapwater_server.ports.bus import (
    Dead,
    Delivery,
    Done,
    Errand,
    Later,
    Returned,
    Settlement,
    queue_line,
)
from tapwater_server.ports.facts import Drop, Put
from tapwater_server.ports.queues import QueueSettings
from tests.unit.clouds.aws.lambda_events.kit import (
    ACCOUNT,
    FN,
    Door,
    House,
    answered,
    failed,
    throttled,
)

JOBS, FIFO = queue_line("aws", "jobs"), queue_line("aws", "jobs.fifo")
ATTEMPTS = 3


def worn(account: Account, queue: str, delivery: Delivery) -> Settlement | None:
    return Dead("received too often") if delivery.begun > ATTEMPTS else None


class Rig(House):
    def __init__(self) -> None:
        super().__init__()
        self.lines = QueueLines(
            facts=self.facts,
            callees=self.callees,
            queues=self.queues,
            receipt=lambda delivery: f"handle-{delivery.errand.id}",
            worn=worn,
            clock=self.clock,
            ids=self.ids,
        )

    async def map(self, queue: str = "jobs", **more: Any) -> EventSource:
        mapping = EventSource(
            id=more.pop("id", "m1"),
            source=ACCOUNT.arn("sqs", queue),
            function=more.pop("function", FN),
            account=ACCOUNT.id,
            region=ACCOUNT.region,
            **more,
        )
        put = Put(kind=KIND, key=mapping.id, value=mapping_value(mapping))
        await self.facts.change(ACCOUNT.space, [put])
        self.lines.changed()
        return mapping

    async def send(self, *bodies: Any, line: str = JOBS, key: str = "") -> None:
        for body in bodies:
            id = self.ids.fresh()
            raw = body if isinstance(body, str) else json.dumps(body)
            await self.publish(Errand(id=id, app="aws", line=line, body=raw.encode(), key=key))

    async def step(self, door: Door, *, line: str = JOBS, **more: Any) -> list[Settlement]:
        return list(await self.deliver(self.lines, line, door, **more))


async def test_a_batch_is_told_as_sqs_events_are() -> None:
    rig, door = Rig(), Door(answered(None))
    await rig.map()
    await rig.send("one", "two")
    assert await rig.step(door) == [Done(), Done()]
    first, second = door.events()[0]["Records"]
    assert (first["body"], second["body"]) == ("one", "two")
    assert first["eventSourceARN"] == ACCOUNT.arn("sqs", "jobs")
    assert first["receiptHandle"].startswith("handle-")
    assert first["attributes"]["ApproximateReceiveCount"] == "1"
    assert door.told[0].event == "aws:sqs"


async def test_a_failed_batch_is_hidden_for_the_queues_time() -> None:
    rig = Rig()
    await rig.map()
    await rig.queues.configure(ACCOUNT.home, "jobs", QueueSettings(visibility_s=45.0))
    await rig.send("one", "two")
    assert await rig.step(Door(failed())) == [Later(45.0, "Unhandled")] * 2


async def test_what_fails_for_the_last_time_goes_where_dead_letters_go() -> None:
    rig = Rig()
    await rig.map()
    await rig.send("one")
    for _ in range(ATTEMPTS - 1):
        assert isinstance((await rig.step(Door(failed())))[0], Later)
        await rig.clock.advance(60.0)
    assert await rig.step(Door(failed())) == [Dead("received too often")]


async def test_only_those_reported_come_again() -> None:
    rig = Rig()
    await rig.map(report=True)
    await rig.send("one", "two", "three")

    class Picky(Door):
        async def __call__(self, told: Any) -> Any:
            await super().__call__(told)
            records = json.loads(told.body)["Records"]
            return answered({"batchItemFailures": [{"itemIdentifier": records[1]["messageId"]}]})

    settled = await rig.step(Picky(answered(None)))
    assert [type(one) for one in settled] == [Done, Later, Done]


async def test_reports_that_nobody_asked_for_count_for_nothing() -> None:
    rig = Rig()
    await rig.map()
    await rig.send("one")
    assert await rig.step(Door(answered({"batchItemFailures": [{"itemIdentifier": "x"}]}))) == [
        Done()
    ]


async def test_reports_that_make_no_sense_mean_all() -> None:
    rig = Rig()
    await rig.map(report=True)
    answers: tuple[Any, ...] = (
        {"batchItemFailures": [{"itemIdentifier": "strange"}]},
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{}]},
        {"batchItemFailures": "all"},
        [1],
    )
    for answer in answers:
        await rig.send("one", "two")
        settled = await rig.step(Door(answered(answer)))
        assert [type(one) for one in settled] == [Later, Later]
        await rig.clock.advance(60.0)
        await rig.step(Door(answered(None)))


async def test_in_a_fifo_queue_what_follows_a_failure_of_its_group_waits() -> None:
    rig = Rig()
    await rig.map("jobs.fifo", report=True)
    await rig.send("a1", line=FIFO, key="a")
    await rig.send("b1", line=FIFO, key="b")
    await rig.send("a2", line=FIFO, key="a")
    serving = rig.lines.serving(FIFO)
    assert serving is not None
    assert serving.together

    class First(Door):
        async def __call__(self, told: Any) -> Any:
            await super().__call__(told)
            records = json.loads(told.body)["Records"]
            bad = next(one for one in records if one["body"] == "a1")
            return answered({"batchItemFailures": [{"itemIdentifier": bad["messageId"]}]})

    door = First(answered(None))
    settled = await rig.step(door, line=FIFO, together=True)
    told = [one["body"] for one in door.events()[0]["Records"]]
    ended = dict(zip(told, settled, strict=True))
    assert isinstance(ended["b1"], Done)
    assert all(isinstance(one, Later) for name, one in ended.items() if name != "b1")


async def test_filters_let_through_what_fits_and_drop_the_rest() -> None:
    rig, door = Rig(), Door(answered(None))
    await rig.map(filters=['{"body": {"kind": ["x"]}}'])
    await rig.send({"kind": "x"}, {"kind": "y"}, "text")
    assert await rig.step(door) == [Done(), Done(), Done()]
    assert [json.loads(one["body"]) for one in door.events()[0]["Records"]] == [{"kind": "x"}]
    await rig.send({"kind": "y"})
    await rig.step(door)
    assert len(door.told) == 1  # Nothing was left to tell.


async def test_what_throttles_waits_and_uses_no_attempt() -> None:
    rig = Rig()
    await rig.map()
    await rig.send("one")
    assert await rig.step(Door(throttled())) == [Returned(3.0)]
    await rig.clock.advance(3.0)
    rig.callees.full = True
    assert await rig.step(Door(failed())) == [Returned(1.0)]


async def test_who_is_disabled_removed_or_without_a_function_leaves_the_messages() -> None:
    rig = Rig()
    assert rig.lines.serving(JOBS) is None
    mapping = await rig.map()
    assert rig.lines.serving(JOBS) is not None
    rig.callees.gone = True
    assert rig.lines.serving(JOBS) is None
    rig.callees.gone = False
    await rig.map(enabled=False)
    assert rig.lines.serving(JOBS) is None
    await rig.facts.change(ACCOUNT.space, [Drop(kind=KIND, key=mapping.id)])
    rig.lines.changed()
    assert rig.lines.serving(JOBS) is None
    await rig.send("one")
    assert await rig.step(Door(answered(1))) == [Returned()]


async def test_several_mappings_of_a_queue_have_their_turns() -> None:
    rig, door = Rig(), Door(answered(None))
    await rig.map()
    await rig.map(id="m2", function=f"{FN}:live", size=1)
    serving = []
    for body in ("one", "two"):
        found = rig.lines.serving(JOBS)
        assert found is not None
        serving.append(found.size)
        await rig.send(body)
        await rig.step(door)
    assert serving == [10, 1]


async def test_seats_are_no_more_than_the_mapping_allows() -> None:
    rig = Rig()
    await rig.map()
    free = rig.lines.serving(JOBS)
    await rig.map(concurrency=2)
    few = rig.lines.serving(JOBS)
    assert free is not None
    assert few is not None
    assert (free.seats, few.seats) == (7, 2)


async def test_what_is_too_much_for_one_event_comes_in_two() -> None:
    rig, door = Rig(), Door(answered(None))
    await rig.map(size=10)
    await rig.send(*['"' * 1_000_000] * 4)  # Two bytes each, as JSON.
    settled = await rig.step(door)
    assert [type(one) for one in settled] == [Done, Done, Done, Returned]


async def test_messages_keep_their_chain() -> None:
    rig = Rig()
    await rig.map()
    errand = Errand(id="e", app="aws", line=JOBS, body=b"x", root="start", depth=4)
    await rig.publish(errand, replace(errand, id="f", depth=2))
    await rig.step(Door(answered(None)))
    assert (rig.callees.requests[0].root, rig.callees.requests[0].depth) == ("start", 4)
