"""A plugin for pytest: moto's tests begin with an empty account, on whatever server they ask.

Moto's own server has an address that resets it. Any other is emptied as a client would: queues and
topics are removed one by one.
"""

import importlib
import os
from typing import Any

import boto3


def _empty(*_: Any) -> None:
    endpoint = os.environ["TEST_SERVER_MODE_ENDPOINT"]
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=endpoint)
    for url in sqs.list_queues().get("QueueUrls", []):
        sqs.delete_queue(QueueUrl=url)
    sns = boto3.client("sns", region_name="us-east-1", endpoint_url=endpoint)
    for topic in sns.list_topics()["Topics"]:
        sns.delete_topic(TopicArn=topic["TopicArn"])


# Moto is installed where its tests run, not where this is read.
importlib.import_module("moto.core.models").ServerModeMockAWS.reset = _empty
