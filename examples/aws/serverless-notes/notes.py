"""Notes in a bucket, written and read through an HTTP API."""

import json
import os
from typing import Any

import boto3
from botocore.exceptions import ClientError

s3 = boto3.client("s3")
NOTES = os.environ["NOTES"]


def write(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Keep a note."""
    name = event["pathParameters"]["name"]
    s3.put_object(Bucket=NOTES, Key=name, Body=event["body"].encode())
    return {"statusCode": 201, "body": json.dumps({"name": name, "stage": os.environ["STAGE"]})}


def read(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Give a note."""
    try:
        found = s3.get_object(Bucket=NOTES, Key=event["pathParameters"]["name"])
    except ClientError:
        return {"statusCode": 404, "body": "no such note"}
    return {"statusCode": 200, "body": found["Body"].read().decode()}


def count(event: dict[str, Any], context: Any) -> None:
    """Note how many notes there are, when a message says that it is time."""
    found = s3.list_objects_v2(Bucket=NOTES)
    s3.put_object(Bucket=NOTES, Key="count", Body=str(found["KeyCount"]).encode())
