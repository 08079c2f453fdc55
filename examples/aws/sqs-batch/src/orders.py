"""Works through a batch of orders and says which of them failed: only those come again."""

import json
import os
from typing import Any

import boto3

sqs = boto3.client("sqs")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What Lambda calls."""
    failed = []
    for record in event["Records"]:
        try:
            process(json.loads(record["body"]))
        except (KeyError, ValueError) as error:
            print(f"{record['messageId']}: {error!r}")
            failed.append({"itemIdentifier": record["messageId"]})
    return {"batchItemFailures": failed}


def process(order: dict[str, Any]) -> None:
    """Deal with one order."""
    total = order["count"] * order["price"]
    sqs.send_message(
        QueueUrl=os.environ["DONE"], MessageBody=json.dumps({"id": order["id"], "total": total})
    )
