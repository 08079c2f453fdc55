"""FIFO queues: groups in order, one at a time, each message once."""

import json

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tests.unit.clouds.aws.sqs.kit import ACCOUNT, House


@pytest.fixture
def house() -> House:
    return House()


async def send(
    house: House, url: str, body: str, *, group: str = "g", dedupe: str = ""
) -> dict[str, str]:
    said = {"MessageDeduplicationId": dedupe} if dedupe else {}
    sent = await house.ask(
        "SendMessage", QueueUrl=url, MessageBody=body, MessageGroupId=group, **said
    )
    assert isinstance(sent, dict)
    return sent


async def test_a_group_comes_in_order_and_only_to_one(house: House) -> None:
    url = await house.queue("jobs.fifo", ContentBasedDeduplication="true", VisibilityTimeout="5")
    for body in "abc":
        await send(house, url, body)
    await send(house, url, "x", group="h")
    first = await house.receive(url, MaxNumberOfMessages=2)
    assert [one["Body"] for one in first] == ["a", "b"]
    assert [one["Body"] for one in await house.receive(url)] == ["x"]
    await house.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert await house.receive(url) == []
    await house.clock.advance(6)
    assert [one["Body"] for one in await house.receive(url)] == ["b", "c", "x"]


async def test_sequence_numbers_rise(house: House) -> None:
    url = await house.queue("jobs.fifo", ContentBasedDeduplication="true")
    sent = [await send(house, url, body) for body in "abc"]
    numbers = [one["SequenceNumber"] for one in sent]
    assert numbers == sorted(set(numbers))
    assert all(len(number) == 20 for number in numbers)
    found = await house.receive(url)
    assert [one["Attributes"]["SequenceNumber"] for one in found] == numbers


async def test_the_same_within_five_minutes_is_one(house: House) -> None:
    url = await house.queue("jobs.fifo")
    first = await send(house, url, "a", dedupe="1")
    await house.clock.advance(290)
    again = await send(house, url, "b", dedupe="1")
    assert (again["MessageId"], again["SequenceNumber"]) == (
        first["MessageId"],
        first["SequenceNumber"],
    )
    await house.clock.advance(20)
    later = await send(house, url, "c", dedupe="1")
    assert later["MessageId"] != first["MessageId"]
    assert [one["Body"] for one in await house.receive(url)] == ["a", "c"]


async def test_deleted_it_is_still_the_same(house: House) -> None:
    url = await house.queue("jobs.fifo")
    await send(house, url, "a", dedupe="1")
    [got] = await house.receive(url)
    await house.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    await send(house, url, "a", dedupe="1")
    assert await house.receive(url) == []


async def test_a_queue_made_anew_knows_nothing_of_the_old_one(house: House) -> None:
    url = await house.queue("jobs.fifo")
    await send(house, url, "a", dedupe="1")
    await house.ask("DeleteQueue", QueueUrl=url)
    await house.clock.advance(1)
    await house.queue("jobs.fifo")
    await send(house, url, "b", dedupe="1")
    assert [one["Body"] for one in await house.receive(url)] == ["b"]


async def test_by_group_if_so_asked(house: House) -> None:
    url = await house.queue(
        "jobs.fifo", DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId"
    )
    for group in ("g", "h", "g"):
        await send(house, url, group, group=group, dedupe="1")
    assert [one["Body"] for one in await house.receive(url)] == ["g", "h"]


async def test_an_attempt_that_is_made_again_gets_the_same(house: House) -> None:
    url = await house.queue("jobs.fifo", ContentBasedDeduplication="true")
    await send(house, url, "a")
    [first] = await house.receive(url, ReceiveRequestAttemptId="1")
    [again] = await house.receive(url, ReceiveRequestAttemptId="1")
    assert again["MessageId"] == first["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "1"
    assert await house.receive(url, ReceiveRequestAttemptId="2") == []
    await house.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert await house.receive(url, ReceiveRequestAttemptId="1") == []


async def test_a_handle_ends_with_its_time(house: House) -> None:
    url = await house.queue("jobs.fifo", ContentBasedDeduplication="true", VisibilityTimeout="5")
    await send(house, url, "a")
    [got] = await house.receive(url)
    await house.clock.advance(6)
    with pytest.raises(AwsError, match="expired"):
        await house.ask("DeleteMessage", QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    with pytest.raises(AwsError, match="expired"):
        await house.ask(
            "ChangeMessageVisibility",
            QueueUrl=url,
            ReceiptHandle=got["ReceiptHandle"],
            VisibilityTimeout=5,
        )


async def test_without_group_or_deduplication_nothing_is_sent(house: House) -> None:
    url = await house.queue("jobs.fifo")
    with pytest.raises(AwsError, match="MessageGroupId"):
        await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
    with pytest.raises(AwsError, match="ContentBasedDeduplication"):
        await send(house, url, "a")
    with pytest.raises(AwsError, match="queue type"):
        await house.ask(
            "SendMessage",
            QueueUrl=url,
            MessageBody="a",
            DelaySeconds=1,
            MessageGroupId="g",
            MessageDeduplicationId="1",
        )


async def test_a_group_goes_on_when_its_first_is_a_dead_letter(house: House) -> None:
    await house.queue("dead.fifo")
    policy = {"deadLetterTargetArn": ACCOUNT.arn("sqs", "dead.fifo"), "maxReceiveCount": 1}
    url = await house.queue(
        "jobs.fifo",
        ContentBasedDeduplication="true",
        VisibilityTimeout="1",
        RedrivePolicy=json.dumps(policy),
    )
    await send(house, url, "a")
    assert len(await house.receive(url)) == 1
    await send(house, url, "b")
    await house.clock.advance(2)
    assert [one["Body"] for one in await house.receive(url)] == ["b"]
