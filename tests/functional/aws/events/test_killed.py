"""kill -9 in the middle: no call, no notification and no message is lost."""

import json

import pytest

from tests.functional.aws.conftest import client_of
from tests.functional.aws.events.kit import House
from tests.functional.aws.events.test_async import call
from tests.functional.running import Platform

pytestmark = pytest.mark.slow


def test_nothing_that_was_accepted_is_lost(own_aws: Platform) -> None:
    house = House(own_aws, client_of(own_aws), "killed")
    house.make_function(Timeout=20)
    ends, told, dead = house.queue("ends"), house.queue("told"), house.queue("dead")
    redrive = {"deadLetterTargetArn": house.arn(dead), "maxReceiveCount": 1}
    mapped = house.queue("mapped", RedrivePolicy=json.dumps(redrive))
    house.lambda_.put_function_event_invoke_config(
        FunctionName=house.function,
        DestinationConfig={"OnSuccess": {"Destination": house.arn(ends)}},
    )
    house.s3.create_bucket(Bucket="killed-photos")
    wish = {"QueueArn": house.arn(told), "Events": ["s3:ObjectCreated:*"]}
    house.s3.put_bucket_notification_configuration(
        Bucket="killed-photos", NotificationConfiguration={"QueueConfigurations": [wish]}
    )
    house.bodies(told)  # The test event.
    house.lambda_.create_event_source_mapping(
        EventSourceArn=house.arn(mapped),
        FunctionName=house.function,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    calls = {call(house, {"n": number, "sleep": 0.3}) for number in range(12)}
    keys = {f"k{number}" for number in range(30)}
    for key in sorted(keys):
        house.s3.put_object(Bucket="killed-photos", Key=key, Body=b"1")
    # Whatever fails is moved to the dead letters: there one sees that all were told.
    bodies = {f"bad {number}" for number in range(10)}
    for body in sorted(bodies):
        house.sqs.send_message(QueueUrl=mapped, MessageBody=body)

    port = own_aws.port
    own_aws.kill()
    own_aws.start(port=port)

    ended, seen = set[str](), list[str]()
    while not calls <= ended:
        ended |= {one["requestContext"]["requestId"] for one in house.bodies(ends)}
    while not keys <= set(seen):
        seen += [one["Records"][0]["s3"]["object"]["key"] for one in house.bodies(told)]
    assert ended == calls
    assert sorted(seen) == sorted(keys)  # Each once, too.
    assert {one["Body"] for one in house.received(dead, len(bodies))} == bodies
