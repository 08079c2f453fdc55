"""SQS on a real platform, asked by boto3, the AWS CLI, and old clients' forms."""

import hashlib
import json
import threading
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.functional.aws.conftest import ACCESS_KEY, REGION, SECRET, Client, client_of
from tests.functional.running import Platform

pytestmark = pytest.mark.slow

HEARER = """
from tapwater import on, queues

@on.message("orders")
def hear(event):
    queues.send("heard", {"data": event.data, "color": event.extensions["color"]})
"""


def test_the_whole_life_of_a_message(client: Client) -> None:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="life", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    attributes = {
        "color": {"DataType": "String", "StringValue": "red"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\0\xff"},
    }
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="grüezi <b>&",
        MessageAttributes=attributes,
        MessageSystemAttributes={
            "AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3f"}
        },
    )
    [got] = sqs.receive_message(
        QueueUrl=url, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    assert (got["MessageId"], got["Body"]) == (sent["MessageId"], "grüezi <b>&")
    assert got["MessageAttributes"] == attributes
    assert got["Attributes"]["AWSTraceHeader"].startswith("Root=1-")
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert counts["ApproximateNumberOfMessagesNotVisible"] == "1"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    entries = [{"Id": str(n), "MessageBody": str(n)} for n in range(10)]
    assert len(sqs.send_message_batch(QueueUrl=url, Entries=entries)["Successful"]) == 10
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(one["Body"] for one in found) == [str(n) for n in range(10)]
    gone = [{"Id": one["Body"], "ReceiptHandle": one["ReceiptHandle"]} for one in found]
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=gone)["Successful"]) == 10
    sqs.delete_queue(QueueUrl=url)
    with pytest.raises(sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName="life")


def test_a_poll_waits_for_the_message_and_dies_with_its_client(
    aws: Platform, client: Client
) -> None:
    sqs = client("sqs")
    url = sqs.create_queue(QueueName="waits")["QueueUrl"]
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20}).encode()
    headers = _signed(aws.url, body, {"X-Amz-Target": "AmazonSQS.ReceiveMessage"})
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(aws.url, content=body, headers=headers, timeout=0.5)
    found: list[Any] = []
    waiting = threading.Thread(
        target=lambda: found.extend(
            sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=20, MessageSystemAttributeNames=["All"]
            )["Messages"]
        )
    )
    waiting.start()
    client("sqs").send_message(QueueUrl=url, MessageBody="late")
    waiting.join(15)
    [got] = found
    assert (got["Body"], got["Attributes"]["ApproximateReceiveCount"]) == ("late", "1")
    sqs.delete_queue(QueueUrl=url)


def test_native_functions_hear_what_boto3_sends(aws: Platform, client: Client) -> None:
    aws.deploy({"orders/reactive/hear.py": HEARER}, "aws")
    sqs = client("sqs")
    orders = sqs.create_queue(QueueName="orders")["QueueUrl"]
    heard = sqs.create_queue(QueueName="heard")["QueueUrl"]
    color = {"color": {"DataType": "String", "StringValue": "red"}}
    sqs.send_message(QueueUrl=orders, MessageBody="one", MessageAttributes=color)
    [got] = sqs.receive_message(QueueUrl=heard, WaitTimeSeconds=20)["Messages"]
    assert json.loads(got["Body"]) == {"data": "one", "color": "red"}
    assert hashlib.md5(got["Body"].encode()).hexdigest() == got["MD5OfBody"]
    for url in (orders, heard):
        sqs.delete_queue(QueueUrl=url)


def test_the_cli_and_old_clients(aws: Platform, aws_cli: Callable[..., str]) -> None:
    # The first generation of the CLI does not look at AWS_ENDPOINT_URL for SQS.
    cli = partial(aws_cli, "--endpoint-url", aws.url, "--output", "json", "sqs")
    url = json.loads(cli("create-queue", "--queue-name", "cli"))["QueueUrl"]
    form = urlencode({"Action": "SendMessage", "QueueUrl": url, "MessageBody": "old"}).encode()
    sent = httpx.post(aws.url, content=form, headers=_signed(aws.url, form, {}))
    assert sent.status_code == 200, sent.text
    assert "<MD5OfMessageBody>" in sent.text
    got = cli("receive-message", "--queue-url", url)
    assert json.loads(got)["Messages"][0]["Body"] == "old"
    refused = cli("receive-message", "--queue-url", f"{url}s", fails=True)
    assert "AWS.SimpleQueueService.NonExistentQueue" in refused
    cli("delete-queue", "--queue-url", url)


def test_killed_it_forgets_no_message_and_no_receipt(own_aws: Platform) -> None:
    sqs = client_of(own_aws)("sqs")
    url = sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    said = {"QueueUrl": url, "MessageGroupId": "g"}
    first = sqs.send_message(**said, MessageBody="a", MessageDeduplicationId="1")
    sqs.send_message(**said, MessageBody="b", MessageDeduplicationId="2")
    [held] = sqs.receive_message(QueueUrl=url)["Messages"]
    port = own_aws.port
    own_aws.kill()
    own_aws.start(port=port)
    again = sqs.send_message(**said, MessageBody="a", MessageDeduplicationId="1")
    assert again["MessageId"] == first["MessageId"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)  # The group is still in flight.
    sqs.delete_message(QueueUrl=url, ReceiptHandle=held["ReceiptHandle"])
    [rest] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert rest["Body"] == "b"


def _signed(url: str, body: bytes, headers: dict[str, str]) -> dict[str, str]:
    request = AWSRequest(method="POST", url=url, data=body, headers=headers)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), "sqs", REGION).add_auth(request)
    return dict(request.headers.items())
