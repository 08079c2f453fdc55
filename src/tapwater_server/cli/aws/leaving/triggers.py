"""What functions listen to, as events of SAM and the resources behind them. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tapwater_server.cli.aws.leaving.times import expression, seconds

Values = Mapping[str, Any]
_BATCH_MAX, _WINDOW_S_MAX = 10_000, 300
_MISSING = {
    "document_created": "documents have no counterpart here: DynamoDB and its streams are another",
    "mqtt": "AWS IoT rules are another thing: add one, and let it call the function",
    "user_created": "Cognito's triggers are another thing",
    "webhook": "let an HTTP function check the signature",
}
_LIKE = {
    "document_updated": "document_created",
    "document_deleted": "document_created",
    "document_written": "document_created",
    "user_confirmed": "user_created",
    "user_deleted": "user_created",
}


@dataclass(slots=True, kw_only=True)
class Made:
    """What the triggers of one function come to."""

    events: dict[str, Any] = field(default_factory=dict)
    patterns: dict[str, str] = field(default_factory=dict)  # of blobs, by the trigger's kind
    batches: bool = False
    queues: set[str] = field(default_factory=set)
    topics: set[str] = field(default_factory=set)
    buckets: set[str] = field(default_factory=set)
    refused: list[str] = field(default_factory=list)


def resource(kind: str, name: str) -> str:
    """Name the resource of a queue, topic or bucket.

    >>> resource("Queue", "new-orders")
    'QueueNewOrders'
    """
    words = "".join(one if one.isalnum() else " " for one in name).split()
    return kind + "".join(word[:1].upper() + word[1:] for word in words)


def bucket_name(name: str) -> dict[str, str]:
    """Name a bucket: in all the world there may be one of a name."""
    text = "".join(one if one.isalnum() or one == "-" else "-" for one in name.lower())
    return {"Fn::Sub": f"${{AWS::StackName}}-{text}-${{AWS::AccountId}}"}


def convert(source: str, said: Values, made: Made, number: int) -> None:
    """Add one trigger to what is made."""
    act = _ACTS.get(source)
    if act is None:
        why = _MISSING.get(_LIKE.get(source, source), "it has no counterpart")
        made.refused.append(f"@on.{source}: {why}")
        return
    act(said, made, f"{source.title().replace('_', '')}{number}")


def _message(said: Values, made: Made, name: str) -> None:
    _queue(str(said["queue"]), {"BatchSize": 1}, made, name)


def _batch(said: Values, made: Made, name: str) -> None:
    made.batches = True
    if not said.get("queue"):
        made.refused.append("@on.batch of a topic: SNS brings one message at a time")
        return
    size = min(int(said.get("size", 100)), _BATCH_MAX)
    window = min(seconds(said.get("window"), 5), _WINDOW_S_MAX)
    if size > 10:
        window = max(window, 1)  # As SQS wants it.
    more = {"BatchSize": size, "MaximumBatchingWindowInSeconds": window}
    _queue(str(said["queue"]), more, made, name)


def _queue(queue: str, more: Values, made: Made, name: str) -> None:
    made.queues.add(queue)
    arn = {"Fn::GetAtt": [resource("Queue", queue), "Arn"]}
    properties = {"Queue": arn, "FunctionResponseTypes": ["ReportBatchItemFailures"], **more}
    made.events[name] = {"Type": "SQS", "Properties": properties}


def _topic(said: Values, made: Made, name: str) -> None:
    made.topics.add(str(said["topic"]))
    properties = {"Topic": {"Ref": resource("Topic", str(said["topic"]))}}
    made.events[name] = {"Type": "SNS", "Properties": properties}


def _schedule(said: Values, made: Made, name: str) -> None:
    times = expression(str(said["cron"]))
    if times is None:
        made.refused.append(f"@on.schedule({said['cron']!r}): EventBridge cannot say this")
        return
    properties = {"ScheduleExpression": times}
    if said.get("tz", "UTC") != "UTC":
        properties["ScheduleExpressionTimezone"] = str(said["tz"])
    # What tells the function that it was a schedule: the scheduler brings nothing of its own.
    properties["Input"] = '{"source": "aws.scheduler", "id": "<aws.scheduler.execution-id>"}'
    made.events[name] = {"Type": "ScheduleV2", "Properties": properties}


def _blob(kind: str, event: str) -> Callable[[Values, Made, str], None]:
    def act(said: Values, made: Made, name: str) -> None:
        pattern = str(said["path"])
        bucket, _, key = pattern.partition("/")
        if "*" in bucket or "{" in bucket:
            made.refused.append(f"@on.{kind}({pattern!r}): S3 wants the bucket's name")
            return
        made.buckets.add(bucket)
        made.patterns[kind] = pattern
        properties: dict[str, Any] = {
            "Bucket": {"Ref": resource("Bucket", bucket)},
            "Events": event,
        }
        rules = _rules(key)
        if rules:
            properties["Filter"] = {"S3Key": {"Rules": rules}}
        made.events[name] = {"Type": "S3", "Properties": properties}

    return act


def _rules(key: str) -> list[dict[str, str]]:
    """What of a pattern S3 can check itself: how keys begin and end.

    >>> _rules("big/{user}/*.png")
    [{'Name': 'prefix', 'Value': 'big/'}, {'Name': 'suffix', 'Value': '.png'}]
    """
    begins = key.split("*", 1)[0].split("{", 1)[0]
    ends = key.rsplit("*", 1)[-1].rsplit("}", 1)[-1]
    if begins == key:
        ends = ""
    named = (("prefix", begins), ("suffix", ends))
    return [{"Name": name, "Value": value} for name, value in named if value]


def _event(said: Values, made: Made, name: str) -> None:
    pattern: dict[str, Any] = {"detail-type": [_matcher(str(said["type"]))]}
    if said.get("source"):
        pattern["source"] = [_matcher(str(said["source"]))]
    made.events[name] = {"Type": "EventBridgeRule", "Properties": {"Pattern": pattern}}


def _matcher(text: str) -> Any:
    return {"wildcard": text} if "*" in text else text


_ACTS: Mapping[str, Callable[[Values, Made, str], None]] = {
    "message": _message,
    "batch": _batch,
    "topic": _topic,
    "schedule": _schedule,
    "upload": _blob("upload", "s3:ObjectCreated:*"),
    "blob_deleted": _blob("blob_deleted", "s3:ObjectRemoved:*"),
    "event": _event,
}
