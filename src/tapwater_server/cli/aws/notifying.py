"""Lets buckets that no stack has made tell the functions of one: serverless.yml's ``existing``."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from tapwater_server.cli.aws.client import Aws, AwsRefused
from tapwater_server.cli.aws.project import AwsProject, Notified
from tapwater_server.cli.aws.urls import resources
from tapwater_server.cli.failures import Problem

_LISTS = ("LambdaFunctionConfigurations", "QueueConfigurations", "TopicConfigurations")
_OTHERS = (*_LISTS, "EventBridgeConfiguration")
_OURS = _LISTS[0]


async def missing_buckets(aws: Aws, project: AwsProject) -> AsyncIterator[Problem]:
    """Name buckets that should be there already, and that the stack does not make either."""
    made = [
        (one.get("Properties") or {}).get("BucketName")
        for one in project.resources.values()
        if isinstance(one, Mapping)
    ]
    for one in project.notified:
        if one.bucket in made:
            continue
        try:
            await aws.ask("s3", "head_bucket", Bucket=one.bucket)
        except AwsRefused:
            what = f"{one.function}: there is no bucket {one.bucket} (existing: true)"
            yield Problem(where=project.document.name, what=what)


async def notify(aws: Aws, stack: str, wanted: Sequence[Notified]) -> None:
    """Set what a stack wants; what others have set on the same buckets stays."""
    if not wanted:
        return
    made = await resources(aws, stack)
    names = {one["LogicalResourceId"]: one.get("PhysicalResourceId") for one in made}
    for bucket in sorted({one.bucket for one in wanted}):
        own = [
            {
                "Id": _id(stack, number),
                "LambdaFunctionArn": await _arn(aws, str(names[one.function])),
                **one.said,
            }
            for number, one in enumerate(wanted)
            if one.bucket == bucket
        ]
        await _set(aws, bucket, stack, own)


async def forget(aws: Aws, stack: str) -> None:
    """Take away what a stack has set, on all buckets: they would call what is gone."""
    for one in (await aws.ask("s3", "list_buckets")).get("Buckets", ()):
        await _set(aws, str(one["Name"]), stack, [])


async def _arn(aws: Aws, name: str) -> str:
    found = await aws.ask("lambda", "get_function", FunctionName=name)
    return str(found["Configuration"]["FunctionArn"])


async def _set(aws: Aws, bucket: str, stack: str, own: Sequence[Mapping[str, Any]]) -> None:
    said = await aws.ask("s3", "get_bucket_notification_configuration", Bucket=bucket)
    there = {key: said[key] for key in _OTHERS if key in said}
    kept = [one for one in there.get(_OURS, ()) if not _is_of(stack, str(one.get("Id", "")))]
    if len(kept) == len(there.get(_OURS, ())) and not own:
        return
    await aws.ask(
        "s3",
        "put_bucket_notification_configuration",
        Bucket=bucket,
        NotificationConfiguration={**there, _OURS: [*kept, *own]},
    )


def _id(stack: str, number: int) -> str:
    return f"{stack}/{number}"


def _is_of(stack: str, id: str) -> bool:
    """Say whether a notification was set for a stack.

    >>> _is_of("a", "a/1"), _is_of("a", "a/b/1"), _is_of("a", "ab/1")
    (True, False, False)
    """
    name, _, number = id.rpartition("/")
    return name == stack and number.isdigit()
