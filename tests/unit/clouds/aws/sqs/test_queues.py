"""Queues: made, described, changed, listed, tagged, allowed, removed; and tasks that move."""

import asyncio
import json
from typing import Any

import pytest

from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.ports.queues import QueueSettings
from tests.unit.clouds.aws.sqs.kit import ACCOUNT, HOST, House


@pytest.fixture
def house() -> House:
    return House()


async def attributes(house: House, url: str, *names: str) -> dict[str, str]:
    said = await house.ask("GetQueueAttributes", QueueUrl=url, AttributeNames=names or ["All"])
    return dict(said.get("Attributes", {}))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", {}),
        ("a b", {}),
        ("a" * 81, {}),
        ("a.fifo", {}),
        ("a", {"FifoQueue": "true"}),
        ("a", {"FifoQueue": "false"}),
        ("a", {"Colour": "red"}),
        ("a", {"VisibilityTimeout": "43201"}),
        ("a", {"VisibilityTimeout": "soon"}),
        ("a", {"MaximumMessageSize": "1048577"}),
        ("a", {"ContentBasedDeduplication": "true"}),
        ("a", {"Policy": "[]"}),
        ("a", {"RedrivePolicy": "{}"}),
        ("a", {"RedrivePolicy": '{"deadLetterTargetArn": "x", "maxReceiveCount": 1}'}),
        ("a", {"RedriveAllowPolicy": '{"redrivePermission": "some"}'}),
        ("a", {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}),
        ("a.fifo", {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId"}),
    ],
)
async def test_what_is_no_queue(house: House, name: str, said: dict[str, str]) -> None:
    with pytest.raises(AwsError) as refused:
        await house.ask("CreateQueue", QueueName=name, Attributes=said)
    assert refused.value.code.startswith("Invalid")
    assert await house.ask("ListQueues") == {}


async def test_made_twice_it_is_the_same_or_another(house: House) -> None:
    url = await house.queue(DelaySeconds="5")
    assert url == f"http://{HOST}/{ACCOUNT.id}/jobs"
    assert await house.queue(DelaySeconds="5") == url
    assert await house.queue() == url
    with pytest.raises(AwsError) as refused:
        await house.queue(DelaySeconds="6")
    assert refused.value.code == "QueueNameExists"


async def test_all_attributes(house: House) -> None:
    url = await house.queue("jobs.fifo", VisibilityTimeout="7", ReceiveMessageWaitTimeSeconds="3")
    said = await attributes(house, url)
    now = str(int(house.clock.now()))
    assert said == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ContentBasedDeduplication": "false",
        "CreatedTimestamp": now,
        "DeduplicationScope": "queue",
        "DelaySeconds": "0",
        "FifoQueue": "true",
        "FifoThroughputLimit": "perQueue",
        "LastModifiedTimestamp": now,
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": ACCOUNT.arn("sqs", "jobs.fifo"),
        "ReceiveMessageWaitTimeSeconds": "3",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "7",
    }
    assert await attributes(house, url, "DelaySeconds") == {"DelaySeconds": "0"}
    with pytest.raises(AwsError, match="Unknown Attribute Colour"):
        await attributes(house, url, "Colour")


async def test_messages_are_counted_by_how_they_stand(house: House) -> None:
    url = await house.queue()
    for delay in (0, 0, 9):
        await house.ask("SendMessage", QueueUrl=url, MessageBody="a", DelaySeconds=delay)
    await house.receive(url, MaxNumberOfMessages=1)
    said = await attributes(house, url)
    counts = [said[f"ApproximateNumberOfMessages{kind}"] for kind in ("", "Delayed", "NotVisible")]
    assert counts == ["1", "1", "1"]


async def test_what_is_set_is_what_native_queues_do(house: House) -> None:
    url = await house.queue()
    await house.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": ACCOUNT.arn("sqs", "dead"), "maxReceiveCount": 3})
    said = {"VisibilityTimeout": "9", "DelaySeconds": "1", "RedrivePolicy": policy}
    await house.clock.advance(5)
    await house.ask("SetQueueAttributes", QueueUrl=url, Attributes=said)
    settings = house.queues.settings(ACCOUNT.home, "jobs")
    assert settings == QueueSettings(
        visibility_s=9, delay_s=1, attempts_max=3, dead_letters="dead", dedupe_s=300
    )
    held = await attributes(house, url)
    assert {name: held[name] for name in said} == said
    assert int(held["LastModifiedTimestamp"]) == int(held["CreatedTimestamp"]) + 5
    await house.ask("SetQueueAttributes", QueueUrl=url, Attributes={"RedrivePolicy": ""})
    assert "RedrivePolicy" not in await attributes(house, url)
    assert house.queues.settings(ACCOUNT.home, "jobs").attempts_max == 0
    with pytest.raises(AwsError):
        await house.ask("SetQueueAttributes", QueueUrl=url, Attributes={"FifoQueue": "true"})


async def test_a_native_queue_shows_its_settings(house: House) -> None:
    settings = QueueSettings(visibility_s=5, attempts_max=2, dead_letters="dead")
    await house.queues.configure(ACCOUNT.home, "native", settings)
    said = await attributes(house, f"http://{HOST}/{ACCOUNT.id}/native")
    assert said["VisibilityTimeout"] == "5"
    assert json.loads(said["RedrivePolicy"])["maxReceiveCount"] == 2


async def test_who_may_send_dead_letters(house: House) -> None:
    other = json.dumps(
        {"redrivePermission": "byQueue", "sourceQueueArns": [ACCOUNT.arn("sqs", "other")]}
    )
    await house.queue("dead", RedriveAllowPolicy=other)
    policy = json.dumps({"deadLetterTargetArn": ACCOUNT.arn("sqs", "dead"), "maxReceiveCount": 3})
    with pytest.raises(AwsError, match="not allowed"):
        await house.queue("jobs", RedrivePolicy=policy)
    await house.queue("other", RedrivePolicy=policy)


async def test_listed_by_pages_and_prefix(house: House) -> None:
    for name in ("a1", "a2", "a3", "b"):
        await house.queue(name)
    first = await house.ask("ListQueues", QueueNamePrefix="a", MaxResults=2)
    assert [url[-2:] for url in first["QueueUrls"]] == ["a1", "a2"]
    rest = await house.ask(
        "ListQueues", QueueNamePrefix="a", MaxResults=2, NextToken=first["NextToken"]
    )
    assert [url[-2:] for url in rest["QueueUrls"]] == ["a3"]
    assert "NextToken" not in rest
    with pytest.raises(AwsError, match="NextToken"):
        await house.ask("ListQueues", NextToken="!")


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/{ACCOUNT.id}/jobs",
        f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT.id}/jobs",
        f"https://queue.amazonaws.com/{ACCOUNT.id}/jobs",
        f"http://sqs.us-east-1.localhost:8080/queue/us-east-1/{ACCOUNT.id}/jobs",
        "jobs",
    ],
)
async def test_all_forms_of_urls(house: House, url: str) -> None:
    await house.queue()
    await house.ask("SendMessage", QueueUrl=url, MessageBody="a")


@pytest.mark.parametrize(
    "url",
    [
        "http://nowhere",
        "http://[::1",
        f"http://{HOST}/999999999999/jobs",
        f"http://{HOST}/{ACCOUNT.id}/other",
        f"http://{HOST}/{ACCOUNT.id}/..%2Fjobs",
    ],
)
async def test_urls_of_no_queue(house: House, url: str) -> None:
    await house.queue()
    with pytest.raises(AwsError) as refused:
        await house.ask("SendMessage", QueueUrl=url, MessageBody="a")
    assert refused.value.code == "QueueDoesNotExist"


async def test_tags(house: House) -> None:
    url = await house.queue()
    await house.ask("TagQueue", QueueUrl=url, Tags={"a": "1", "b": "2"})
    await house.ask("UntagQueue", QueueUrl=url, TagKeys=["a", "none"])
    assert await house.ask("ListQueueTags", QueueUrl=url) == {"Tags": {"b": "2"}}
    with pytest.raises(AwsError, match="Too many"):
        await house.ask("TagQueue", QueueUrl=url, Tags={str(n): "" for n in range(51)})


async def test_permissions_are_statements_of_the_policy(house: House) -> None:
    url = await house.queue()
    said = {"Label": "them", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    await house.ask("AddPermission", QueueUrl=url, **said)
    [statement] = json.loads((await attributes(house, url))["Policy"])["Statement"]
    assert (statement["Sid"], statement["Action"]) == ("them", "SQS:SendMessage")
    with pytest.raises(AwsError, match="Already exists"):
        await house.ask("AddPermission", QueueUrl=url, **said)
    await house.ask("RemovePermission", QueueUrl=url, Label="them")
    assert "Policy" not in await attributes(house, url)
    with pytest.raises(AwsError, match="can't find label"):
        await house.ask("RemovePermission", QueueUrl=url, Label="them")


async def test_a_policy_of_another_form_is_none_to_add_to(house: House) -> None:
    url = await house.queue(Policy='{"Statement": 7}')
    said = {"Label": "them", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    await house.ask("AddPermission", QueueUrl=url, **said)
    assert len(json.loads((await attributes(house, url))["Policy"])["Statement"]) == 1


async def test_removed_with_all_that_is_in_it(house: House) -> None:
    url = await house.queue()
    for body in "ab":
        await house.ask("SendMessage", QueueUrl=url, MessageBody=body)
    await house.receive(url, MaxNumberOfMessages=1)
    await house.ask("DeleteQueue", QueueUrl=url)
    for action in ("DeleteQueue", "ReceiveMessage", "GetQueueAttributes"):
        with pytest.raises(AwsError) as refused:
            await house.ask(action, QueueUrl=url)
        assert refused.value.code == "QueueDoesNotExist"
    await house.queue()
    await house.clock.advance(60)
    assert await house.receive(url) == []


async def redriven(house: House, *bodies: str) -> tuple[str, str]:
    """Make a queue whose messages are in its dead-letter queue."""
    dead = await house.queue("dead")
    arn = ACCOUNT.arn("sqs", "dead")
    url = await house.queue(
        VisibilityTimeout="0",
        RedrivePolicy=json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1}),
    )
    for body in bodies:
        await house.ask("SendMessage", QueueUrl=url, MessageBody=body)
    await house.receive(url)
    assert await house.receive(url) == []
    return url, dead


async def moves(house: House) -> dict[str, Any]:
    said = await house.ask("ListMessageMoveTasks", SourceArn=ACCOUNT.arn("sqs", "dead"))
    found: dict[str, Any] = said["Results"][0]
    return found


async def test_dead_letters_go_back_to_where_they_came_from(house: House) -> None:
    url, dead = await redriven(house, "a", "b")
    await house.ask("StartMessageMoveTask", SourceArn=ACCOUNT.arn("sqs", "dead"))
    assert (await moves(house))["ApproximateNumberOfMessagesToMove"] == 2
    while await house.mover.step():
        pass
    done = await moves(house)
    assert (done["Status"], done["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 2)
    found = await house.receive(url)
    assert sorted(one["Body"] for one in found) == ["a", "b"]
    assert all("DeadLetterQueueSourceArn" not in one["Attributes"] for one in found)
    assert await house.receive(dead) == []


async def test_a_move_to_elsewhere_at_a_rate_can_be_cancelled(house: House) -> None:
    _, dead = await redriven(house, "a", "b", "c")
    other = await house.queue("other")
    started = await house.ask(
        "StartMessageMoveTask",
        SourceArn=ACCOUNT.arn("sqs", "dead"),
        DestinationArn=ACCOUNT.arn("sqs", "other"),
        MaxNumberOfMessagesPerSecond=1,
    )
    with pytest.raises(AwsError, match="already a task running"):
        await house.ask("StartMessageMoveTask", SourceArn=ACCOUNT.arn("sqs", "dead"))
    async with asyncio.TaskGroup() as group:
        moving = group.create_task(house.mover.step())
        await house.clock.advance(2)
        await moving
    said = await house.ask("CancelMessageMoveTask", TaskHandle=started["TaskHandle"])
    assert said["ApproximateNumberOfMessagesMoved"] == 1
    assert await house.mover.step() == 0
    assert (await moves(house))["Status"] == "CANCELLED"
    assert len(await house.receive(other)) == 1
    assert len(await house.receive(dead)) == 2
    with pytest.raises(AwsError, match="Only active"):
        await house.ask("CancelMessageMoveTask", TaskHandle=started["TaskHandle"])


async def test_only_dead_letter_queues_are_moved(house: House) -> None:
    await house.queue()
    with pytest.raises(AwsError, match="Dead Letter Queue"):
        await house.ask("StartMessageMoveTask", SourceArn=ACCOUNT.arn("sqs", "jobs"))
    with pytest.raises(AwsError) as refused:
        await house.ask("StartMessageMoveTask", SourceArn=ACCOUNT.arn("sqs", "none"))
    assert refused.value.code == "ResourceNotFoundException"
    with pytest.raises(AwsError, match="TaskHandle"):
        await house.ask("CancelMessageMoveTask", TaskHandle="!")


async def test_the_older_protocol(house: House) -> None:
    made = await house.form(
        "CreateQueue",
        QueueName="jobs",
        **{"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "0", "Tag.1.Key": "a"},
    )
    url = f"http://{HOST}/{ACCOUNT.id}/jobs"
    assert f"<CreateQueueResult><QueueUrl>{url}</QueueUrl></CreateQueueResult>" in made
    sent = await house.form(
        "SendMessageBatch",
        QueueUrl=url,
        **{
            "SendMessageBatchRequestEntry.1.Id": "one",
            "SendMessageBatchRequestEntry.1.MessageBody": "<a&b>\r\n",
            "SendMessageBatchRequestEntry.1.MessageAttribute.1.Name": "size",
            "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType": "Number",
            "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.StringValue": "7",
        },
    )
    assert "<SendMessageBatchResultEntry><Id>one</Id><MessageId>" in sent
    got = await house.form(
        "ReceiveMessage",
        QueueUrl=url,
        MaxNumberOfMessages="10",
        **{"AttributeName.1": "SenderId", "MessageAttributeName.1": "All"},
    )
    assert "<Body>&lt;a&amp;b&gt;&#xD;\n</Body>" in got
    assert "<Attribute><Name>SenderId</Name><Value>AIDAADA</Value></Attribute>" in got
    assert (
        "<MessageAttribute><Name>size</Name><Value><StringValue>7</StringValue>"
        "<DataType>Number</DataType></Value></MessageAttribute>" in got
    )
    gone = await house.form("ReceiveMessage", QueueUrl=f"{url}s")
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in gone
    assert "<Type>Sender</Type>" in gone


@pytest.mark.parametrize(
    "said",
    [
        {"Attribute": "x", "Attribute.1.Name": "y"},
        {"Attribute.one.Name": "y"},
        {f"Attribute.{'9' * 5000}.Name": "y"},
        {"Attribute.1.Value": "y"},
        {"A.b.c.d.e.f.g.h.i.j": "y"},
        {"MaxNumberOfMessages": "many", "QueueUrl": "jobs"},
    ],
)
async def test_forms_that_are_none(house: House, said: dict[str, str]) -> None:
    await house.queue()
    answered = await house.form("ReceiveMessage", **said)
    assert "<ErrorResponse" in answered
