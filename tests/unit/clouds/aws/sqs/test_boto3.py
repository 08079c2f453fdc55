"""The official client against SQS in memory: what it checks by itself is right."""

import asyncio
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.unit.clouds.aws.sqs.kit import House, client_of


async def test_made_sent_received_deleted() -> None:
    client = client_of(House().service)
    url = await asyncio.to_thread(_made_sent_received_deleted, client)
    with pytest.raises(client.exceptions.QueueDoesNotExist) as refused:
        await asyncio.to_thread(client.receive_message, QueueUrl=url)
    assert refused.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def _made_sent_received_deleted(client: Any) -> str:
    url: str = client.create_queue(QueueName="jobs")["QueueUrl"]
    attributes = {
        "color": {"DataType": "String", "StringValue": "red"},
        "size": {"DataType": "Number.int", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\0\1\xff"},
    }
    sent = client.send_message(QueueUrl=url, MessageBody="héllo <b>", MessageAttributes=attributes)
    [got] = client.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"]
    )["Messages"]
    assert got["Body"] == "héllo <b>"
    assert got["MessageId"] == sent["MessageId"]
    assert got["MessageAttributes"] == attributes
    assert got["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert got["Attributes"]["ApproximateReceiveCount"] == "1"
    assert got["Attributes"]["SenderId"] == "AIDAADA"
    client.delete_message(QueueUrl=url, ReceiptHandle=got["ReceiptHandle"])
    assert "Messages" not in client.receive_message(QueueUrl=url)
    assert client.list_queues()["QueueUrls"] == [url]
    assert client.get_queue_url(QueueName="jobs")["QueueUrl"] == url
    client.delete_queue(QueueUrl=url)
    return url


async def test_a_refusal_has_both_names_of_its_error() -> None:
    client = client_of(House().service)
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(client.create_queue, QueueName="no name")
    error = refused.value.response["Error"]
    assert (error["Code"], error["Type"]) == ("InvalidParameterValue", "Sender")
