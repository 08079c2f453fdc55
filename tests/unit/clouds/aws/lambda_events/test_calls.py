"""Calls that nobody waits for: retries, ages, destinations, dead letters, loops."""

import asyncio
import json

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.lambda_events.calls import AsyncCalls
from tapwater_server.clouds.aws.lambda_events.ends import Ends
from tapwater_server.clouds.aws.lambda_events.later import LaterCalls
from tapwater_server.clouds.aws.reaching import EVENT_BYTES_MAX, Sent
from tapwater_server.model.limits import CHAIN_DEPTH_MAX
from tapwater_server.ports.bus import Dead, Done, Errand, Later, Returned, Settlement
from tapwater_server.testing.clock import settle
from tests.unit.clouds.aws.lambda_events.kit import (
    ACCOUNT,
    DEAD,
    FN,
    Door,
    House,
    answered,
    failed,
    throttled,
)

LINE = "f:fn:handler"
DONE = ACCOUNT.arn("sqs", "done")


class Rig(House):
    def __init__(self) -> None:
        super().__init__()
        self.later = LaterCalls(callees=self.callees, bus=self.bus, ids=self.ids)
        self.calls = AsyncCalls(
            callees=self.callees,
            ends=Ends(targets=self.targets, clock=self.clock),
            clock=self.clock,
        )

    async def call(self, payload: object = 1, **more: object) -> str:
        body = json.dumps(payload).encode()
        return await self.later.call(ACCOUNT, FN, body, **more)  # type: ignore[arg-type]

    async def step(self, door: Door) -> Settlement:
        (settlement,) = await self.deliver(self.calls, LINE, door)
        return settlement


async def test_a_call_is_made_with_its_payload_and_request() -> None:
    rig, door = Rig(), Door(answered(5))
    id = await rig.call({"a": 1})
    assert isinstance(await rig.step(door), Done)
    assert door.events() == [{"a": 1}]
    assert [one.id for one in rig.callees.requests] == [id]
    assert dict(door.told[0].headers)[b"lambda-request-id"] == id.encode()
    assert rig.targets.sent == []


async def test_it_is_tried_three_times_a_minute_and_two_apart() -> None:
    rig, door = Rig(), Door(failed())
    await rig.call()
    assert await rig.step(door) == Later(60.0, "Unhandled")
    await rig.clock.advance(60.0)
    assert await rig.step(door) == Later(120.0, "Unhandled")
    await rig.clock.advance(120.0)
    assert isinstance(await rig.step(door), Dead)
    assert len({one.id for one in rig.callees.requests}) == 1  # The request stays the same.


async def test_what_throttles_uses_no_attempt_but_age() -> None:
    rig = Rig()
    rig.callees.settings = {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60}
    rig.callees.dead_letters = DEAD
    await rig.call()
    assert await rig.step(Door(throttled())) == Returned(3.0)
    await rig.clock.advance(3.0)
    rig.callees.full = True
    assert isinstance(await rig.step(Door(failed())), Returned)
    rig.callees.full = False
    await rig.clock.advance(60.0)
    assert isinstance(await rig.step(Door(answered(1))), Dead)
    ((arn, sent),) = rig.targets.sent
    assert (arn, sent.body) == (DEAD, b"1")
    assert sent.attributes["ErrorMessage"]["StringValue"] == "EventAgeExceeded"
    assert sent.attributes["ErrorCode"]["StringValue"] == "429"


async def test_good_and_bad_ends_are_told() -> None:
    rig = Rig()
    to = {"OnSuccess": {"Destination": DONE}, "OnFailure": {"Destination": DONE}}
    rig.callees.settings = {"MaximumRetryAttempts": 0, "DestinationConfig": to}
    rig.callees.dead_letters = DEAD
    await rig.call({"n": 1})
    await rig.step(Door(answered({"ok": 1})))
    await rig.call({"n": 2})
    assert isinstance(await rig.step(Door(failed())), Dead)
    (good, good_said), (bad, bad_said), (letter, payload) = rig.targets.bodies()
    assert (good, bad, letter) == ("done", "done", "dead")
    assert good_said["requestContext"]["condition"] == "Success"
    assert (good_said["requestPayload"], good_said["responsePayload"]) == ({"n": 1}, {"ok": 1})
    assert bad_said["requestContext"]["condition"] == "RetriesExhausted"
    assert bad_said["requestContext"]["approximateInvokeCount"] == 1
    assert bad_said["responsePayload"] == {"errorMessage": "no"}
    assert payload == {"n": 2}


async def test_a_bus_gets_the_record_as_an_event() -> None:
    rig = Rig()
    bus = ACCOUNT.arn("events", "event-bus/default")
    rig.callees.settings = {"DestinationConfig": {"OnSuccess": {"Destination": bus}}}
    await rig.call()
    await rig.step(Door(answered(1)))
    ((_, event),) = rig.targets.bodies()
    assert (event["source"], event["resources"]) == ("lambda", [f"{FN}:$LATEST", bus])
    assert event["detail-type"] == "Lambda Function Invocation Result - Success"
    assert event["detail"]["version"] == "1.0"


async def test_an_end_that_nobody_takes_is_kept_with_the_reason() -> None:
    rig = Rig()
    rig.callees.settings = {"DestinationConfig": {"OnSuccess": {"Destination": DONE}}}
    rig.targets.closed[DONE] = AwsError("QueueDoesNotExist", "it is gone", 400)
    await rig.call()
    settled = await rig.step(Door(answered(1)))
    assert isinstance(settled, Dead)
    assert "it is gone" in settled.reason


async def test_a_full_disk_delays_an_end_and_does_not_run_the_function_again() -> None:
    rig, door = Rig(), Door(answered(1))
    rig.callees.settings = {"DestinationConfig": {"OnSuccess": {"Destination": DONE}}}
    rig.targets.full = 3
    await rig.call()
    running = asyncio.ensure_future(rig.step(door))
    for _ in range(4):
        await settle()
        await rig.clock.advance(1.0)
    assert isinstance(await running, Done)
    assert len(door.told) == 1
    assert len(rig.targets.sent) == 1


async def test_ends_are_told_once_however_often_they_are_made() -> None:
    rig = Rig()
    rig.callees.settings = {"DestinationConfig": {"OnSuccess": {"Destination": DONE}}}
    await rig.call()
    leased = await rig.bus.lease(LINE, count_max=1, lease_s=60.0)
    for _ in range(2):
        await rig.calls.deliver(leased, Door(answered(1)))
    assert len({sent.id for _, sent in rig.targets.sent}) == 1


async def test_a_function_that_went_leaves_a_dead_letter() -> None:
    rig = Rig()
    await rig.call()
    rig.callees.gone = True
    settled = await rig.step(Door(answered(1)))
    assert isinstance(settled, Dead)
    assert rig.calls.serving(LINE) is None


async def test_one_id_is_one_call() -> None:
    rig, door = Rig(), Door(answered(1))
    first = await rig.call(id="told")
    assert await rig.call(id="told") == first
    assert await rig.call(id="other") != first
    await rig.deliver(rig.calls, LINE, door)
    assert len(door.told) == 2


async def test_loops_are_stopped_where_they_are_not_allowed() -> None:
    rig = Rig()
    await rig.call(depth=CHAIN_DEPTH_MAX)
    with pytest.raises(AwsError) as refused:
        await rig.call(depth=CHAIN_DEPTH_MAX + 1)
    assert refused.value.code == "RecursiveInvocationException"
    rig.callees.loops = True
    await rig.call(depth=CHAIN_DEPTH_MAX + 1)


async def test_the_chain_goes_on_in_what_is_told() -> None:
    rig = Rig()
    rig.callees.settings = {"DestinationConfig": {"OnSuccess": {"Destination": DONE}}}
    await rig.call(root="start", depth=3)
    await rig.step(Door(answered(1)))
    assert (rig.callees.requests[0].root, rig.callees.requests[0].depth) == ("start", 3)
    assert (rig.targets.sent[0][1].root, rig.targets.sent[0][1].depth) == ("start", 4)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"x", "InvalidRequestContentException"),
        (b"[" * 100_000, "InvalidRequestContentException"),
        (b'"' + b"a" * EVENT_BYTES_MAX + b'"', "RequestTooLargeException"),
    ],
)
async def test_payloads_that_no_function_takes_are_refused(payload: bytes, code: str) -> None:
    rig = Rig()
    with pytest.raises(AwsError) as refused:
        await rig.later.call(ACCOUNT, FN, payload)
    assert refused.value.code == code


async def test_functions_are_targets() -> None:
    rig, door = Rig(), Door(answered(1))
    await rig.later.send(ACCOUNT, FN, Sent(body=b'{"x": 1}', source="s", id="p1", depth=2))
    await rig.later.send(ACCOUNT, FN, Sent(body=b'{"x": 1}', source="s", id="p1", depth=2))
    await rig.step(door)
    assert door.events() == [{"x": 1}]
    assert rig.later.exists(ACCOUNT, FN)
    assert not rig.later.exists(ACCOUNT, ACCOUNT.arn("lambda", "function:other"))


async def test_calls_by_our_own_interface_are_made_too() -> None:
    rig, door = Rig(), Door(answered(1))
    own = Errand(id="e1", app="fn", line=LINE, body=b"{}", function="fn:handler")
    await rig.publish(own)
    assert isinstance(await rig.step(door), Done)


async def test_who_serves_the_line() -> None:
    rig = Rig()
    serving = rig.calls.serving(LINE)
    assert serving is not None
    assert (serving.app, serving.size) == ("fn", 0)
    for line in ("f:fn:other", "f:native:handler", "q:aws:jobs"):
        assert rig.calls.serving(line) is None
