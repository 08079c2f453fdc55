"""Messages of standard queues: taken, refused, hidden, moved, and shared with native code."""

import asyncio
import json
from typing import Any

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.sqs.receiving import IN_FLIGHT_MAX
from tapwater_server.model.message import Message
from tapwater_server.services.queues.sending import Chain, Draft
from tests.unit.clouds.aws.sqs.kit import ACCOUNT, House


@pytest.fixture
def house() -> House:
    return House()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"MessageBody": ""}, "MissingRequiredParameterException"),
        ({"MessageBody": "a\x00b"}, "InvalidMessageContents"),
        ({"MessageBody": "a￿b"}, "InvalidMessageContents"),
        ({"MessageBody": "a" * (1 << 20) + "b"}, "InvalidParameterValueException"),
        ({"MessageBody": "a", "DelaySeconds": 901}, "InvalidParameterValueException"),
        ({"MessageBody": "a", "MessageDeduplicationId": "1"}, "InvalidParameterValueException"),
        ({"MessageBody": "a", "MessageGroupId": "ü"}, "InvalidParameterValueException"),
        ({"MessageBody": 7}, "SerializationException"),
    ],
)
async def test_what_cannot_be_sent(house: House, said: dict[str, Any], code: str) -> None:
    url = await house.queue()
    with pytest.raises(AwsError) as refused:
        await house.ask("SendMessage", QueueUrl=url, **said)
    assert refused.value.code == code
    assert await house.receive(url) == []


@pytest.mark.parametrize(
    "attribute",
    [
        {"DataType": ""},
        {"DataType": "Text", "StringValue": "x"},
        {"DataType": "String"},
        {"DataType": "String", "StringValue": ""},
        {"DataType": "Number", "StringValue": "seven"},
        {"DataType": "Binary", "StringValue": "eA=="},
        {"DataType": "Binary", "BinaryValue": "no base64!"},
    ],
)
async def test_malformed_attributes(house: House, attribute: dict[str, str]) -> None:
    url = await house.queue()
    with pytest.raises(AwsError, match="attribute"):
        await house.ask(
            "SendMessage", QueueUrl=url, MessageBody="a", MessageAttributes={"a": attribute}
        )


@pytest.mark.parametrize("name", ["", ".a", "a.", "a..b", "AWS.a", "amazon.b", "a b", "ä"])
async def test_malformed_names_of_attributes(house: House, name: str) -> None:
    url, good = await house.queue(), {"DataType": "String", "StringValue": "x"}
    with pytest.raises(AwsError, match="name"):
        await house.ask(
            "SendMessage", QueueUrl=url, MessageBody="a", MessageAttributes={name: good}
        )


async def test_a_batch_is_taken_and_refused_one_by_one(house: House) -> None:
    url = await house.queue()
    entries = [
        {"Id": "a", "MessageBody": "1"},
        {"Id": "b", "MessageBody": "2", "DelaySeconds": -1},
        {"Id": "c", "MessageBody": "3"},
    ]
    said = await house.ask("SendMessageBatch", QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in said["Successful"]] == ["a", "c"]
    [failed] = said["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == (
        "b",
        "InvalidParameterValue",
        True,
    )
    assert sorted(one["Body"] for one in await house.receive(url)) == ["1", "3"]


async def test_received_again_when_it_was_hidden_long_enough(house: House) -> None:
    url = await house.queue(VisibilityTimeout="10")
    await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
    began = house.clock.now()
    [first] = await house.receive(url)
    assert await house.receive(url) == []
    await house.clock.advance(11)
    [again] = await house.receive(url)
    assert again["MessageId"] == first["MessageId"]
    assert again["ReceiptHandle"] != first["ReceiptHandle"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["Attributes"]["ApproximateFirstReceiveTimestamp"] == str(int(began * 1000))
    await house.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    await house.clock.advance(11)
    assert await house.receive(url) == []  # Also an old handle deletes.


async def test_visibility_is_changed_and_ended(house: House) -> None:
    url = await house.queue()
    await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
    [got] = await house.receive(url, VisibilityTimeout=5)
    of = {"QueueUrl": url, "ReceiptHandle": got["ReceiptHandle"]}
    await house.ask("ChangeMessageVisibility", **of, VisibilityTimeout=100)
    await house.clock.advance(50)
    assert await house.receive(url) == []
    await house.ask("ChangeMessageVisibility", **of, VisibilityTimeout=0)
    with pytest.raises(AwsError, match="in flight"):
        await house.ask("ChangeMessageVisibility", **of, VisibilityTimeout=10)
    [again] = await house.receive(url)
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    with pytest.raises(AwsError, match="43200"):
        await house.ask("ChangeMessageVisibility", **of, VisibilityTimeout=43201)
    with pytest.raises(AwsError, match="beyond the limit"):
        await house.ask("ChangeMessageVisibility", **of, VisibilityTimeout=43200)
    await house.ask("DeleteMessage", **of)
    with pytest.raises(AwsError, match="does not exist"):
        await house.ask("ChangeMessageVisibility", **of, VisibilityTimeout=10)


@pytest.mark.parametrize("handle", ["x", "é", "AAAA", "lgE=", "A" * 3000])
async def test_a_handle_that_is_none(house: House, handle: str) -> None:
    url = await house.queue()
    with pytest.raises(AwsError) as refused:
        await house.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=handle)
    assert refused.value.code == "ReceiptHandleIsInvalid"


async def test_a_handle_opens_no_other_queue(house: House) -> None:
    url, other = await house.queue(), await house.queue("other")
    await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
    [got] = await house.receive(url, VisibilityTimeout=5)
    await house.ask("DeleteMessage", QueueUrl=other, ReceiptHandle=got["ReceiptHandle"])
    await house.clock.advance(6)
    assert len(await house.receive(url)) == 1


async def test_a_long_poll_ends_with_a_message(house: House) -> None:
    url = await house.queue()
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(house.native.arrivals.run())
        poll = group.create_task(house.receive(url, WaitTimeSeconds=20))
        await house.clock.advance(3)
        assert not poll.done()
        await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
        await house.clock.advance(0)
        assert [one["Body"] for one in await poll] == ["a"]
        watch.cancel()


async def test_who_went_away_takes_no_message(house: House) -> None:
    url = await house.queue()
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(house.native.arrivals.run())
        poll = group.create_task(house.receive(url, WaitTimeSeconds=20))
        await house.clock.advance(1)
        poll.cancel()
        await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
        await house.clock.advance(0)
        watch.cancel()
    [got] = await house.receive(url)
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"


async def test_dead_letters_move_with_their_ids(house: House) -> None:
    dead = await house.queue("dead")
    policy = {"deadLetterTargetArn": ACCOUNT.arn("sqs", "dead"), "maxReceiveCount": "2"}
    url = await house.queue(VisibilityTimeout="1", RedrivePolicy=json.dumps(policy))
    sent = await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
    for _ in range(2):
        assert len(await house.receive(url)) == 1
        await house.clock.advance(2)
    assert await house.receive(url) == []
    [got] = await house.receive(dead)
    assert got["MessageId"] == sent["MessageId"]
    assert got["Attributes"]["DeadLetterQueueSourceArn"] == ACCOUNT.arn("sqs", "jobs")
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    sources = await house.ask("ListDeadLetterSourceQueues", QueueUrl=dead)
    assert sources["queueUrls"] == [url]


async def test_kept_for_the_retention_and_then_gone(house: House) -> None:
    url = await house.queue(MessageRetentionPeriod="60")
    await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
    await house.clock.advance(61)
    assert await house.receive(url) == []
    stats = (await house.native.stats(ACCOUNT.home))["jobs"]
    assert (stats.waiting, stats.dead) == (0, 0)


async def test_purged_also_of_what_is_in_flight(house: House) -> None:
    url = await house.queue(VisibilityTimeout="5")
    for body in "abc":
        await house.ask("SendMessage", QueueUrl=url, MessageBody=body)
    await house.receive(url, MaxNumberOfMessages=1)
    await house.ask("PurgeQueue", QueueUrl=url)
    await house.clock.advance(6)
    assert await house.receive(url) == []
    with pytest.raises(AwsError, match="every 60 seconds"):
        await house.ask("PurgeQueue", QueueUrl=url)
    await house.clock.advance(60)
    await house.ask("PurgeQueue", QueueUrl=url)


async def test_only_so_many_in_flight(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapwater_server.clouds.aws.sqs.receiving.IN_FLIGHT_MAX", 2)
    assert IN_FLIGHT_MAX == 120_000
    url = await house.queue()
    for body in "abc":
        await house.ask("SendMessage", QueueUrl=url, MessageBody=body)
    [first] = await house.receive(url, MaxNumberOfMessages=1)
    await house.receive(url, MaxNumberOfMessages=1)
    with pytest.raises(AwsError) as refused:
        await house.receive(url, MaxNumberOfMessages=1)
    assert (refused.value.code, refused.value.status) == ("OverLimit", 403)
    await house.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert len(await house.receive(url, MaxNumberOfMessages=1)) == 1


async def test_native_code_and_clients_share_messages(house: House) -> None:
    url = await house.queue()
    await house.ask(
        "SendMessage",
        QueueUrl=url,
        MessageBody="hello",
        MessageAttributes={"color": {"DataType": "String", "StringValue": "red"}},
    )
    [got] = await house.native.receive(
        ACCOUNT.home, "jobs", count=10, wait_s=0, visibility_s=None, bytes_max=1 << 20
    )
    assert (got.message.body, dict(got.message.attributes)) == (b"hello", {"color": "red"})
    assert got.message.content_type.startswith("text/plain")
    drafts = [
        Draft(message=Message(body=b'{"n":1}', attributes={"shop": "7"}), key="ada"),
        Draft(message=Message(body=b"\xff\0", content_type="application/octet-stream")),
    ]
    await house.native.send(ACCOUNT.home, "jobs", drafts, chain=Chain())
    found = await house.receive(url, MessageAttributeNames=["All"])
    assert [one["Body"] for one in found] == ['{"n":1}', "/wA="]
    assert found[0]["MessageAttributes"]["shop"]["StringValue"] == "7"
    assert found[0]["Attributes"]["MessageGroupId"] == "ada"
    said = found[1]["MessageAttributes"]
    assert said["content-transfer-encoding"]["StringValue"] == "base64"
    assert said["content-type"]["StringValue"] == "application/octet-stream"


async def test_a_queue_that_only_native_code_uses_is_there(house: House) -> None:
    await house.native.send(
        ACCOUNT.home, "native", [Draft(message=Message(body=b"1"))], chain=Chain()
    )
    url = (await house.ask("GetQueueUrl", QueueName="native"))["QueueUrl"]
    [got] = await house.receive(url)
    assert got["Body"] == "1"
    assert len(got["MessageId"]) == 36


async def test_a_content_type_says_what_native_code_reads(house: House) -> None:
    url = await house.queue()
    json_said = {"content-type": {"DataType": "String", "StringValue": "application/json"}}
    await house.ask("SendMessage", QueueUrl=url, MessageBody='{"a":1}', MessageAttributes=json_said)
    [got] = await house.native.receive(
        ACCOUNT.home, "jobs", count=1, wait_s=0, visibility_s=0.001, bytes_max=1 << 20
    )
    assert got.message.content_type == "application/json"
    await house.clock.advance(1)
    [seen] = await house.receive(url, MessageAttributeNames=["content-type"])
    assert seen["MessageAttributes"] == json_said
