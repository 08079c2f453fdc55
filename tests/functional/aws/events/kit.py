"""A Lambda function, queues, and what arrives in them."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.functional.running import Platform
from tests.functional.waiting import until

ACCOUNT, REGION = "000000000000", "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/anyone"
# Prints what it is told; fails, or reports failures, where the event or a body says so.
CODE = """
import json
import time


def handler(event, context):
    print("told " + json.dumps({"event": event, "request": context.aws_request_id}))
    if isinstance(event, dict) and event.get("sleep"):
        time.sleep(event["sleep"])
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("as it was told")
    records = event.get("Records", []) if isinstance(event, dict) else []
    bad = [one for one in records if one.get("body", "").startswith("bad")]
    if any(one["body"] == "bad all" for one in bad):
        raise ValueError("all of them")
    return {"batchItemFailures": [{"itemIdentifier": one["messageId"]} for one in bad]}
"""


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def zipped(code: str = CODE) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.py", code)
    return out.getvalue()


class House:
    """Clients for one platform; ``name`` begins the names of all that it makes."""

    def __init__(self, platform: Platform, client: Callable[..., Any], name: str) -> None:
        self.platform, self.name = platform, name
        self.sqs, self.s3 = client("sqs"), client("s3")
        self.lambda_, self.events = client("lambda"), client("events")
        self.scheduler = client("scheduler")
        self.function = f"{name}-fn"

    def make_function(self, name: str = "", **more: Any) -> str:
        """Make it and wait until it is there; give its ARN."""
        named = name or self.function
        said: dict[str, Any] = {
            "FunctionName": named,
            "Runtime": "python3.11",
            "Role": ROLE,
            "Handler": "app.handler",
            "Code": {"ZipFile": zipped()},
            "Timeout": 10,
            **more,
        }
        made: str = self.lambda_.create_function(**said)["FunctionArn"]
        self.lambda_.get_waiter("function_active_v2").wait(
            FunctionName=named, WaiterConfig={"Delay": 1}
        )
        return made

    def queue(self, name: str, **attributes: str) -> str:
        """Make a queue; give its URL."""
        url: str = self.sqs.create_queue(QueueName=f"{self.name}-{name}", Attributes=attributes)[
            "QueueUrl"
        ]
        return url

    def arn(self, url: str) -> str:
        return arn("sqs", url.rpartition("/")[2])

    def received(self, url: str, count: int = 1) -> Sequence[Mapping[str, Any]]:
        """Wait for so many messages and take them."""
        found: dict[str, Mapping[str, Any]] = {}

        def enough() -> bool:
            said = self.sqs.receive_message(
                QueueUrl=url,
                WaitTimeSeconds=1,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                MessageSystemAttributeNames=["All"],
            )
            for one in said.get("Messages", []):
                found[one["MessageId"]] = one
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=one["ReceiptHandle"])
            return len(found) >= count

        until(enough, f"{count} messages in {url}")
        return list(found.values())

    def bodies(self, url: str, count: int = 1) -> list[Any]:
        return [json.loads(one["Body"]) for one in self.received(url, count)]

    def waiting(self, url: str) -> int:
        """Count what is in a queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        said = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return sum(int(said[name]) for name in names)

    def told(self, fits: Callable[[Any], bool] = bool) -> list[Any]:
        """List what the function was told, as it printed it."""
        lines = self.platform.logs(app=self.function, limit="1000")
        said = [one["text"] for one in lines if one["text"].startswith("told ")]
        events = [json.loads(one.removeprefix("told "))["event"] for one in said]
        return [one for one in events if fits(one)]

    def told_bodies(self) -> list[str]:
        """List the bodies of all messages it was told, batch by batch."""
        return [one["body"] for event in self.told(_is_batch) for one in event["Records"]]


def _is_batch(event: Any) -> bool:
    return isinstance(event, dict) and "Records" in event
