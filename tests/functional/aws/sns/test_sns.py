"""SNS on a real platform: queues, functions and the web are told, also after kill -9."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from tests.functional.aws.conftest import ACCESS_KEY, SECRET, Client, client_of
from tests.functional.running import Platform
from tests.functional.waiting import until

pytestmark = pytest.mark.slow


class Hook:
    """A web address that keeps what it is told, unless it is to refuse."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.refused = 0
        self.refuses = False
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                kind = self.headers["x-amz-sns-message-type"]
                said = json.loads(self.rfile.read(size))
                if hook.refuses and kind == "Notification":
                    hook.refused += 1
                    self.send_response(503)
                else:
                    hook.told.append((kind, said))
                    self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def hook() -> Iterator[Hook]:
    found = Hook()
    serving = Thread(target=found.server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    serving.join()


def test_queues_hear_what_they_want(client: Client) -> None:
    sns, sqs = client("sns"), client("sqs")
    topic = sns.create_topic(Name="orders")["TopicArn"]
    url = sqs.create_queue(QueueName="paid")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn["Attributes"]["QueueArn"],
        Attributes={"FilterPolicy": '{"kind": ["paid"]}', "RawMessageDelivery": "true"},
    )
    for kind in ("made", "paid"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=topic, Message=kind, MessageAttributes=attributes)
    [got] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert got["Body"] == "paid"
    batch = [{"Id": str(n), "Message": "x"} for n in range(3)]
    assert (
        len(sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=batch)["Successful"]) == 3
    )
    sns.delete_topic(TopicArn=topic)
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sns.exceptions.NotFoundException):
        sns.publish(TopicArn=topic, Message="x")


def test_killed_after_the_answer_the_web_is_told_all_the_same(tmp_path: Path, hook: Hook) -> None:
    settings = {
        "TAPWATER_AWS_ACCESS_KEY": ACCESS_KEY,
        "TAPWATER_AWS_SECRET_KEY": SECRET,
        "TAPWATER_REACH_PRIVATE": "true",
    }
    with Platform(tmp_path / "data", settings=settings) as platform:
        sns = client_of(platform)("sns")
        topic = sns.create_topic(Name="news")["TopicArn"]
        policy = {"healthyRetryPolicy": {"numRetries": 100, "minDelayTarget": 1}}
        subscribed = sns.subscribe(
            TopicArn=topic,
            Protocol="http",
            Endpoint=hook.url,
            Attributes={"DeliveryPolicy": json.dumps(policy)},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        until(lambda: bool(hook.told), "the address is asked")
        [(kind, said)] = hook.told
        assert kind == "SubscriptionConfirmation"
        assert httpx.get(said["SubscribeURL"]).status_code == 200
        shown = sns.get_subscription_attributes(SubscriptionArn=subscribed)["Attributes"]
        assert shown["PendingConfirmation"] == "false"
        hook.refuses = True
        sent = sns.publish(TopicArn=topic, Message="hi")
        until(lambda: hook.refused > 0, "the message is sent")
        platform.kill()
        hook.refuses = False
        platform.start()
        until(lambda: len(hook.told) > 1, "the message is sent again")
        _, (kind, said) = hook.told
        assert (kind, said["Message"]) == ("Notification", "hi")
        assert said["MessageId"] == sent["MessageId"]
