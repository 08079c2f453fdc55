"""Queues that are mapped to functions: batches, failures, redrive, order, filters, states."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functional.aws.events.kit import House, arn
from tests.functional.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture
def mapped(house: House) -> Iterator[Any]:
    """Maps queues to the function, and takes the mappings away again."""
    made: list[str] = []

    def map(url: str, **more: Any) -> dict[str, Any]:
        said: dict[str, Any] = house.lambda_.create_event_source_mapping(
            EventSourceArn=house.arn(url), FunctionName=house.function, **more
        )
        made.append(said["UUID"])
        return said

    yield map
    for id in made:
        house.lambda_.delete_event_source_mapping(UUID=id)


def test_messages_become_batches(house: House, mapped: Any) -> None:
    url = house.queue("batches")
    entries = [{"Id": str(n), "MessageBody": f"batch {n}"} for n in range(5)]
    house.sqs.send_message_batch(QueueUrl=url, Entries=entries)
    mapped(url, BatchSize=5, MaximumBatchingWindowInSeconds=1)
    until(lambda: house.told_bodies().count("batch 4") == 1, "the batch is told")
    (event,) = house.told(lambda one: "batch 4" in json.dumps(one))
    assert sorted(one["body"] for one in event["Records"]) == [f"batch {n}" for n in range(5)]
    first = event["Records"][0]
    assert first["eventSourceARN"] == house.arn(url)
    assert first["attributes"]["ApproximateReceiveCount"] == "1"
    until(lambda: house.waiting(url) == 0, "the queue is empty")


def test_what_is_reported_comes_again_and_dies_in_its_queue(house: House, mapped: Any) -> None:
    dead = house.queue("dead")
    policy = {"deadLetterTargetArn": house.arn(dead), "maxReceiveCount": 2}
    url = house.queue("partial", VisibilityTimeout="1", RedrivePolicy=json.dumps(policy))
    # A timeout longer than the visibility is refused, as on AWS.
    with pytest.raises(ClientError, match="less than Function timeout"):
        mapped(url)
    house.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "10"})
    house.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "10"})
    mapped(url, FunctionResponseTypes=["ReportBatchItemFailures"])
    house.sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    house.sqs.send_message(QueueUrl=url, MessageBody="bad one")
    house.sqs.send_message(QueueUrl=url, MessageBody="good one")
    (letter,) = house.received(dead)
    assert letter["Body"] == "bad one"
    assert letter["Attributes"]["DeadLetterQueueSourceArn"] == house.arn(url)
    assert house.told_bodies().count("bad one") == 2
    assert house.told_bodies().count("good one") == 1


def test_groups_are_told_in_order(house: House, mapped: Any) -> None:
    url = house.queue("order.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    sent = [f"order {group} {n}" for n in range(6) for group in "ab"]
    for body in sent:
        house.sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=body[6])
    mapped(url, BatchSize=4)
    until(lambda: house.waiting(url) == 0, "the queue is empty")
    until(lambda: len([b for b in house.told_bodies() if b in sent]) == 12, "all are told")
    told = [one for one in house.told_bodies() if one in sent]
    for group in "ab":
        assert [one for one in told if one[6] == group] == [one for one in sent if one[6] == group]


def test_filters_drop_what_does_not_fit(house: House, mapped: Any) -> None:
    url = house.queue("filtered")
    pattern = json.dumps({"body": {"kind": [{"prefix": "or"}]}})
    said = mapped(url, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    assert said["FilterCriteria"]["Filters"] == [{"Pattern": pattern}]
    for kind in ("order", "invoice"):
        house.sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"kind": kind, "f": 1}))
    until(lambda: house.waiting(url) == 0, "the queue is empty")
    kinds = [json.loads(body)["kind"] for body in house.told_bodies() if '"f": 1' in body]
    until(lambda: any('"order", "f": 1' in body for body in house.told_bodies()), "it is told")
    assert "invoice" not in kinds


def test_a_disabled_mapping_leaves_the_messages(house: House, mapped: Any) -> None:
    url = house.queue("paused")
    id = mapped(url, Enabled=False)["UUID"]
    assert house.lambda_.get_event_source_mapping(UUID=id)["State"] == "Disabled"
    house.sqs.send_message(QueueUrl=url, MessageBody="patience")
    assert house.waiting(url) == 1
    assert house.lambda_.update_event_source_mapping(UUID=id, Enabled=True)["State"] == "Updating"
    until(lambda: "patience" in house.told_bodies(), "it is told")


def test_mappings_are_made_listed_changed_and_removed(house: House) -> None:
    url, other = house.queue("crud"), house.queue("crud2")
    made = house.lambda_.create_event_source_mapping(
        EventSourceArn=house.arn(url), FunctionName=house.function, Tags={"a": "b"}
    )
    assert (made["State"], made["BatchSize"]) == ("Creating", 10)
    with pytest.raises(house.lambda_.exceptions.ResourceConflictException, match=made["UUID"]):
        house.lambda_.create_event_source_mapping(
            EventSourceArn=house.arn(url), FunctionName=house.function
        )
    second = house.lambda_.create_event_source_mapping(
        EventSourceArn=house.arn(other), FunctionName=house.function
    )
    found = house.lambda_.list_event_source_mappings(FunctionName=house.function)
    assert {made["UUID"], second["UUID"]} <= {one["UUID"] for one in found["EventSourceMappings"]}
    (one,) = house.lambda_.list_event_source_mappings(EventSourceArn=house.arn(url))[
        "EventSourceMappings"
    ]
    assert one["State"] == "Enabled"
    changed = house.lambda_.update_event_source_mapping(
        UUID=made["UUID"],
        BatchSize=100,
        MaximumBatchingWindowInSeconds=5,
        ScalingConfig={"MaximumConcurrency": 2},
    )
    assert (changed["BatchSize"], changed["MaximumBatchingWindowInSeconds"]) == (100, 5)
    for id in (made["UUID"], second["UUID"]):
        assert house.lambda_.delete_event_source_mapping(UUID=id)["State"] == "Deleting"
        with pytest.raises(house.lambda_.exceptions.ResourceNotFoundException):
            house.lambda_.get_event_source_mapping(UUID=id)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"BatchSize": 20}, "batch window"),
        ({"BatchSize": 20_000}, "Batch size|Value|less than or equal"),
        ({"StartingPosition": "LATEST"}, "StartingPosition"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{"}]}}, "filter pattern"),
        ({"EventSourceArn": arn("sqs", "nothing-there")}, "does not exist"),
        ({"EventSourceArn": arn("kinesis", "stream/x"), "StartingPosition": "LATEST"}, "Kinesis"),
        ({"EventSourceArn": arn("dynamodb", "table/x/stream/y")}, "DynamoDB"),
        ({"FunctionName": "no-such-function"}, "not found"),
    ],
)
def test_what_cannot_be_mapped_is_refused(house: House, said: dict[str, Any], why: str) -> None:
    url = house.queue("refused")
    asked = {"EventSourceArn": house.arn(url), "FunctionName": house.function, **said}
    with pytest.raises(ClientError, match=why):
        house.lambda_.create_event_source_mapping(**asked)
