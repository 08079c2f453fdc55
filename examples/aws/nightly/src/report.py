"""Writes a report at the times that the scheduler has."""

import json
import os
from datetime import UTC, datetime
from typing import Any

import boto3


def handler(event: dict[str, Any], context: Any) -> None:
    """What Lambda calls; ``event`` is the Input of the schedule."""
    now = datetime.now(UTC)
    body = json.dumps({"kind": event["kind"], "at": now.isoformat(), "by": context.function_name})
    boto3.client("s3").put_object(
        Bucket=os.environ["REPORTS"], Key=f"{event['kind']}.json", Body=body.encode()
    )
