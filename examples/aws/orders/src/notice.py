"""Hears of large orders only: the rule has looked at them."""

import json
import os
from typing import Any

import boto3

sqs = boto3.client("sqs")


def handler(event: dict[str, Any], context: Any) -> None:
    """What the rule calls."""
    sqs.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(event["detail"]))
