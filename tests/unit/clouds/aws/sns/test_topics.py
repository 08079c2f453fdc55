"""Topics and subscriptions: who is told what, at once or later, once or again."""

import json
from urllib.parse import parse_qsl, urlsplit

import pytest

from tapwater_server.clouds.aws.account import Caller
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.reaching import Sent
from tapwater_server.clouds.aws.sns.composing import SIGNATURE
from tapwater_server.model.message import Message
from tapwater_server.ports.bus import Dead, Done, Later
from tapwater_server.services.queues.sending import Chain, Draft
from tests.unit.clouds.aws.sns.kit import Topics
from tests.unit.clouds.aws.sqs.kit import ACCOUNT, asked

SUBJECT = {"Subject": "Hello"}


@pytest.fixture
def topics() -> Topics:
    return Topics()


async def test_a_queue_is_told_before_the_publisher_is_answered(topics: Topics) -> None:
    topic = await topics.topic()
    url = await topics.hears(topic)
    sent = await topics.tell("Publish", TopicArn=topic, Message="hi", **SUBJECT)
    [got] = await topics.receive(url)
    said = json.loads(got["Body"])
    assert (said["Type"], said["Message"], said["Subject"]) == ("Notification", "hi", "Hello")
    assert (said["TopicArn"], said["MessageId"]) == (topic, sent["MessageId"])
    assert said["Signature"] == SIGNATURE
    assert await topics.deliver() == []


async def test_raw_and_by_protocol(topics: Topics) -> None:
    topic = await topics.topic()
    url = await topics.hears(topic, RawMessageDelivery="true")
    said = {
        "Message": json.dumps({"default": "all", "sqs": "queues"}),
        "MessageStructure": "json",
        "MessageAttributes.entry.1.Name": "n",
        "MessageAttributes.entry.1.Value.DataType": "Number",
        "MessageAttributes.entry.1.Value.StringValue": "7",
    }
    await topics.tell("Publish", TopicArn=topic, **said)
    [got] = await topics.receive(url, MessageAttributeNames=["All"])
    assert got["Body"] == "queues"
    assert got["MessageAttributes"] == {"n": {"DataType": "Number", "StringValue": "7"}}


async def test_only_who_wants_it_is_told(topics: Topics) -> None:
    topic = await topics.topic()
    by_attribute = await topics.hears(topic, "a", FilterPolicy='{"kind": ["order"]}')
    by_body = await topics.hears(
        topic,
        "b",
        FilterPolicy='{"total": [{"numeric": [">", 5]}]}',
        FilterPolicyScope="MessageBody",
    )
    kind = {
        "MessageAttributes.entry.1.Name": "kind",
        "MessageAttributes.entry.1.Value.DataType": "String",
        "MessageAttributes.entry.1.Value.StringValue": "order",
    }
    await topics.tell("Publish", TopicArn=topic, Message='{"total": 3}', **kind)
    await topics.tell("Publish", TopicArn=topic, Message='{"total": 7}')
    [first] = await topics.receive(by_attribute)
    [second] = await topics.receive(by_body)
    assert json.loads(first["Body"])["Message"] == '{"total": 3}'
    assert json.loads(second["Body"])["Message"] == '{"total": 7}'


async def test_what_a_queue_did_not_take_is_a_dead_letter(topics: Topics) -> None:
    topic, dead = await topics.topic(), await topics.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": ACCOUNT.arn("sqs", "dead")})
    url = await topics.hears(topic, RedrivePolicy=policy)
    await topics.ask("DeleteQueue", QueueUrl=url)
    await topics.tell("Publish", TopicArn=topic, Message="hi")
    assert await topics.deliver() == [Done()]
    [got] = await topics.receive(dead)
    assert json.loads(got["Body"])["Message"] == "hi"


async def test_a_web_address_is_asked_first_and_told_then(topics: Topics) -> None:
    topic = await topics.topic()
    said = {"TopicArn": topic, "Protocol": "https", "Endpoint": "https://example.com/hook"}
    shown = await topics.tell("Subscribe", **said)
    assert shown["SubscriptionArn"] == "pending confirmation"
    await topics.tell("Publish", TopicArn=topic, Message="too early")
    assert await topics.deliver() == [Done()]
    [(url, body, headers)] = topics.web.posted
    assert (url, headers["x-amz-sns-message-type"]) == (
        said["Endpoint"],
        "SubscriptionConfirmation",
    )
    link = urlsplit(json.loads(body)["SubscribeURL"])
    request = asked("", b"", method="GET", path=link.path, query=parse_qsl(link.query))
    request.caller, request.service = Caller(account=ACCOUNT), "sns"
    answer = await topics.sns.answer(request)
    assert b"<SubscriptionArn>arn:aws:sns:" in answer.body
    await topics.tell("Publish", TopicArn=topic, Message="hi")
    assert await topics.deliver() == [Done()]
    _, body, headers = topics.web.posted[-1]
    assert (json.loads(body)["Message"], headers["x-amz-sns-message-type"]) == (
        "hi",
        "Notification",
    )
    link = urlsplit(json.loads(body)["UnsubscribeURL"])
    request = asked("", b"", method="GET", path=link.path, query=parse_qsl(link.query))
    request.caller, request.service = Caller(account=ACCOUNT), "sns"
    await topics.sns.answer(request)
    await topics.tell("Publish", TopicArn=topic, Message="too late")
    assert await topics.deliver() == []


async def test_nobody_else_may_without_a_signature(topics: Topics) -> None:
    topic = await topics.topic()
    for action in ("Publish", "DeleteTopic", "ConfirmSubscription"):
        query = [("Action", action), ("TopicArn", topic), ("Token", "x"), ("Message", "x")]
        request = asked("", b"", method="GET", path="/_/aws/sns/", query=query, service="sns")
        request.caller = Caller(account=ACCOUNT)
        with pytest.raises(AwsError) as refused:
            await topics.sns.answer(request)
        assert refused.value.code in {"AuthorizationError", "InvalidParameter"}


async def test_the_web_is_tried_as_often_as_its_policy_says(topics: Topics) -> None:
    topic = await topics.topic()
    policy = {"healthyRetryPolicy": {"numRetries": 2, "minDelayTarget": 5, "maxDelayTarget": 9}}
    subscribed = await topics.tell(
        "Subscribe",
        TopicArn=topic,
        Protocol="http",
        Endpoint="http://example.com/",
        ReturnSubscriptionArn="true",
        **{
            "Attributes.entry.1.key": "DeliveryPolicy",
            "Attributes.entry.1.value": json.dumps(policy),
        },
    )
    await topics.deliver()
    token = json.loads(topics.web.posted[0][1])["Token"]
    confirmed = await topics.tell("ConfirmSubscription", TopicArn=topic, Token=token)
    assert confirmed["SubscriptionArn"] == subscribed["SubscriptionArn"]
    topics.web.refuses = True
    await topics.tell("Publish", TopicArn=topic, Message="hi")
    for delay_s in (5.0, 9.0):
        [again] = await topics.deliver()
        assert isinstance(again, Later)
        assert again.delay_s == delay_s
        await topics.clock.advance(delay_s + 1)
    [given_up] = await topics.deliver()
    assert isinstance(given_up, Dead)


async def test_a_fifo_topic_tells_once_and_in_order(topics: Topics) -> None:
    topic = await topics.topic("news.fifo", FifoTopic="true")
    url = await topics.hears(topic, "jobs.fifo")
    with pytest.raises(AwsError, match="MessageGroupId"):
        await topics.tell("Publish", TopicArn=topic, Message="a")
    ids = []
    for message, dedupe in (("a", "1"), ("b", "2"), ("c", "1")):
        sent = await topics.tell(
            "Publish",
            TopicArn=topic,
            Message=message,
            MessageGroupId="g",
            MessageDeduplicationId=dedupe,
        )
        ids.append(sent["MessageId"])
    assert ids[0] == ids[2] != ids[1]
    found = await topics.receive(url)
    assert [json.loads(one["Body"])["Message"] for one in found] == ["a", "b"]
    assert found[0]["Attributes"]["MessageDeduplicationId"] == "1"


async def test_native_code_hears_and_is_heard(topics: Topics) -> None:
    topic = await topics.topic()
    url = await topics.hears(topic)
    await topics.queues.subscribe(ACCOUNT.home, "news", "native")
    await topics.tell("Publish", TopicArn=topic, Message="from SNS")
    [native] = await topics.native.receive(
        ACCOUNT.home, "native", count=9, wait_s=0, visibility_s=None, bytes_max=1 << 20
    )
    assert native.message.body == b"from SNS"
    assert len(await topics.receive(url)) == 1
    draft = Draft(message=Message(body=b'"from native"', attributes={"shop": "7"}))
    await topics.native_topics.publish(ACCOUNT.home, "news", [draft], chain=Chain())
    for logged in await topics.log.read(after=0, count_max=9):
        await topics.bus.publish(topics.deliverer.heard(logged.event))
    assert await topics.deliver() == [Done()]
    [got] = await topics.receive(url)
    said = json.loads(got["Body"])
    assert (said["Message"], said["MessageAttributes"]["shop"]["Value"]) == ('"from native"', "7")


async def test_other_services_publish_once_by_id(topics: Topics) -> None:
    topic = await topics.topic()
    url = await topics.hears(topic)
    sent = Sent(body=b"hi", source="arn:aws:s3:::photos", id="e1", subject="S3")
    for _ in range(2):
        await topics.by_service.send(ACCOUNT, topic, sent)
    assert len(await topics.receive(url)) == 1
    assert topics.by_service.exists(ACCOUNT, topic)
    assert not topics.by_service.exists(ACCOUNT, f"{topic}s")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"Message": ""}, "InvalidParameter"),
        ({"Message": "x" * (257 << 10)}, "InvalidParameter"),
        ({"Message": "x", "Subject": "x" * 101}, "InvalidParameter"),
        ({"Message": "x", "Subject": "a\nb"}, "InvalidParameter"),
        ({"Message": "x", "MessageStructure": "json"}, "InvalidParameter"),
        ({"Message": "{}", "MessageStructure": "json"}, "InvalidParameter"),
        ({"Message": "x", "MessageDeduplicationId": "1"}, "InvalidParameter"),
        ({"Message": "x", "PhoneNumber": "+15555550100"}, "NotImplemented"),
        ({"Message": "x", "TopicArn": "none"}, "InvalidParameter"),
        ({"Message": "x", "TopicArn": ACCOUNT.arn("sns", "none")}, "NotFound"),
    ],
)
async def test_what_cannot_be_published(topics: Topics, said: dict[str, str], code: str) -> None:
    topic = await topics.topic()
    with pytest.raises(AwsError) as refused:
        await topics.tell("Publish", **{"TopicArn": topic, **said})
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("protocol", "endpoint", "code"),
    [
        ("sqs", "http://x/jobs", "InvalidParameter"),
        ("sqs", ACCOUNT.arn("sqs", "jobs.fifo"), "InvalidParameter"),
        ("lambda", ACCOUNT.arn("sqs", "jobs"), "InvalidParameter"),
        ("https", "http://example.com", "InvalidParameter"),
        ("pigeon", "home", "InvalidParameter"),
        ("sms", "+15555550100", "NotImplemented"),
        ("email", "ada@example.com", "NotImplemented"),
    ],
)
async def test_who_cannot_subscribe(
    topics: Topics, protocol: str, endpoint: str, code: str
) -> None:
    topic = await topics.topic()
    with pytest.raises(AwsError) as refused:
        await topics.tell("Subscribe", TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DeliveryPolicy", '{"healthyRetryPolicy": {"numRetries": "many"}}'),
        ("DeliveryPolicy", '{"healthyRetryPolicy": 7}'),
        ("DeliveryPolicy", "["),
        ("RedrivePolicy", '{"deadLetterTargetArn": 7}'),
        ("RawMessageDelivery", "perhaps"),
        ("FilterPolicyScope", "Everything"),
        ("Colour", "red"),
    ],
)
async def test_attributes_that_no_subscription_has(topics: Topics, name: str, value: str) -> None:
    topic = await topics.topic()
    with pytest.raises(AwsError) as refused:
        await topics.hears(topic, **{name: value})
    assert refused.value.code == "InvalidParameter"


async def test_removed_with_its_subscriptions(topics: Topics) -> None:
    topic = await topics.topic()
    await topics.hears(topic)
    await topics.tell("DeleteTopic", TopicArn=topic)
    await topics.tell("DeleteTopic", TopicArn=topic)
    assert "SubscriptionArn" not in await topics.tell("ListSubscriptions")
    with pytest.raises(AwsError, match="Topic does not exist"):
        await topics.tell("GetTopicAttributes", TopicArn=topic)
