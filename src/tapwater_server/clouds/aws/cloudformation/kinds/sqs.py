"""AWS::SQS::Queue and QueuePolicy."""

import json
from typing import Any

from tapwater_server.clouds.aws.cloudformation.intrinsics import text
from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Kind,
    Made,
    Properties,
    tags_of,
)

_ATTRIBUTES = (
    *("DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "VisibilityTimeout"),
    *("ReceiveMessageWaitTimeSeconds", "RedrivePolicy", "RedriveAllowPolicy", "FifoQueue"),
    *("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"),
    *("KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled"),
)
_DEFAULTS = {
    "DelaySeconds": "0",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "VisibilityTimeout": "30",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedrivePolicy": "",
    "RedriveAllowPolicy": "",
    "ContentBasedDeduplication": "false",
}


def _attribute(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(text(value))


def _attributes(properties: Properties) -> dict[str, str]:
    found = {name: _attribute(properties[name]) for name in _ATTRIBUTES if name in properties}
    if found.get("FifoQueue") == "false":
        del found["FifoQueue"]  # SQS takes only "true".
    return found


async def _made(doing: Doing, url: str) -> Made:
    arn = f"{doing.account.arn('sqs', url.rpartition('/')[2])}"
    attributes = {"Arn": arn, "QueueName": url.rpartition("/")[2], "QueueUrl": url}
    return Made(id=url, attributes=attributes)


async def _create(doing: Doing) -> Made:
    fifo = _attributes(doing.want).get("FifoQueue") == "true"
    name = doing.name("QueueName", length_max=75)
    if fifo and not name.endswith(".fifo"):
        name += ".fifo"
    found = await doing.call(
        "sqs",
        "CreateQueue",
        QueueName=name,
        Attributes=_attributes(doing.want),
        tags=tags_of(doing.want, doing.tags) or None,
    )
    return await _made(doing, str(found["QueueUrl"]))


async def _update(doing: Doing) -> Made:
    had, want = _attributes(doing.had), _attributes(doing.want)
    changes = {name: value for name, value in want.items() if had.get(name) != value}
    changes |= {name: _DEFAULTS[name] for name in had.keys() - want.keys() if name in _DEFAULTS}
    if changes:
        await doing.call("sqs", "SetQueueAttributes", QueueUrl=doing.id, Attributes=changes)
    tags, old = tags_of(doing.want, doing.tags), tags_of(doing.had, doing.tags)
    if old.keys() - tags.keys():
        lost = sorted(old.keys() - tags.keys())
        await doing.call("sqs", "UntagQueue", QueueUrl=doing.id, TagKeys=lost)
    if tags and tags != old:
        await doing.call("sqs", "TagQueue", QueueUrl=doing.id, Tags=tags)
    return await _made(doing, doing.id)


async def _delete(doing: Doing) -> None:
    url = doing.id
    if not url.startswith("http"):  # Only its name is known: its making was broken off.
        found = await doing.call("sqs", "GetQueueUrl", QueueName=url)
        url = str(found["QueueUrl"])
    await doing.forget("sqs", "DeleteQueue", QueueUrl=url)


async def _put_policy(doing: Doing) -> Made:
    policy = doing.want["PolicyDocument"]
    text = policy if isinstance(policy, str) else json.dumps(policy)
    for url in doing.want["Queues"]:
        await doing.call("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": text})
    for url in doing.had.get("Queues") or []:
        if url not in doing.want["Queues"]:
            await doing.forget("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})
    id = doing.id or f"{doing.stack}-{doing.logical}-{doing.token}"
    return Made(id=id, attributes={"Id": id})


async def _drop_policy(doing: Doing) -> None:
    for url in doing.want["Queues"]:
        await doing.forget("sqs", "SetQueueAttributes", QueueUrl=url, Attributes={"Policy": ""})


KINDS = (
    Kind(
        type="AWS::SQS::Queue",
        create=_create,
        update=_update,
        delete=_delete,
        takes=frozenset({"QueueName", "Tags", *_ATTRIBUTES}),
        replaced=frozenset({"QueueName", "FifoQueue"}),
        named="QueueName",
    ),
    Kind(
        type="AWS::SQS::QueuePolicy",
        create=_put_policy,
        update=_put_policy,
        delete=_drop_policy,
        takes=frozenset({"Queues", "PolicyDocument"}),
    ),
)
