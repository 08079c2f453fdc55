"""Takes an order, and tells the bus of it."""

import json
import os
from typing import Any

import boto3

events = boto3.client("events")


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """What API Gateway calls."""
    order = json.loads(event["body"])
    told = events.put_events(
        Entries=[
            {
                "EventBusName": os.environ["BUS"],
                "Source": "shop.orders",
                "DetailType": "order placed",
                "Detail": json.dumps(order),
            }
        ]
    )
    if told["FailedEntryCount"]:
        return {"statusCode": 503, "body": json.dumps({"error": "try again"})}
    return {"statusCode": 202, "body": json.dumps({"event": told["Entries"][0]["EventId"]})}
