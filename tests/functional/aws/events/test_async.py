"""Calls that nobody waits for: retries, destinations, dead letters; also through kill -9."""

import json
from typing import Any

import pytest

from tests.functional.aws.events.kit import House

pytestmark = pytest.mark.slow


def call(house: House, payload: Any, function: str = "") -> str:
    answer = house.lambda_.invoke(
        FunctionName=function or house.function,
        InvocationType="Event",
        Payload=json.dumps(payload).encode(),
    )
    assert answer["StatusCode"] == 202
    id: str = answer["ResponseMetadata"]["RequestId"]
    return id


@pytest.fixture(scope="module")
def ends(house: House) -> str:
    """A queue that hears of all ends."""
    url = house.queue("ends")
    to = {"Destination": house.arn(url)}
    house.lambda_.put_function_event_invoke_config(
        FunctionName=house.function,
        MaximumRetryAttempts=1,
        MaximumEventAgeInSeconds=3600,
        DestinationConfig={"OnSuccess": to, "OnFailure": to},
    )
    return url


def test_a_good_end_is_told(house: House, ends: str) -> None:
    id = call(house, {"n": 1})
    (said,) = house.bodies(ends)
    assert said["requestContext"]["condition"] == "Success"
    assert said["requestContext"]["requestId"] == id
    assert said["requestContext"]["functionArn"].endswith(f":function:{house.function}:$LATEST")
    assert said["requestPayload"] == {"n": 1}
    assert said["responsePayload"] == {"batchItemFailures": []}


def test_a_bad_end_is_told_after_its_attempts_and_kept(house: House, ends: str) -> None:
    id = call(house, {"fail": 1})
    (said,) = house.bodies(ends)
    context = said["requestContext"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 2)
    assert said["responsePayload"]["errorType"] == "ValueError"
    assert said["responseContext"]["functionError"] == "Unhandled"
    assert len(house.told(lambda event: event == {"fail": 1})) == 2
    dead = house.platform.api("GET", f"/apps/{house.function}/events/dead").json()
    assert id in json.dumps(dead) or "RetriesExhausted" in json.dumps(dead)


def test_a_dead_letter_queue_gets_the_payload(house: House) -> None:
    url = house.queue("letters")
    house.make_function("events-dying", DeadLetterConfig={"TargetArn": house.arn(url)})
    house.lambda_.put_function_event_invoke_config(
        FunctionName="events-dying", MaximumRetryAttempts=0
    )
    id = call(house, {"fail": 2}, "events-dying")
    (letter,) = house.received(url)
    said = {name: one["StringValue"] for name, one in letter["MessageAttributes"].items()}
    assert json.loads(letter["Body"]) == {"fail": 2}
    assert said == {"RequestID": id, "ErrorCode": "200", "ErrorMessage": "as it was told"}
