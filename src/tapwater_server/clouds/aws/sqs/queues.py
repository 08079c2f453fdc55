"""What clients do with queues: make, find, list, describe, change, tag, empty, remove."""

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.sqs import attributes as rules
from tapwater_server.clouds.aws.sqs.addresses import name_of, url_of
from tapwater_server.clouds.aws.sqs.book import Queue, QueueBook
from tapwater_server.clouds.aws.sqs.errors import invalid, invalid_value, missing, no_queue
from tapwater_server.clouds.aws.sqs.permissions import granted, revoked
from tapwater_server.clouds.aws.sqs.shapes import (
    AddPermission,
    CreateQueue,
    GetQueueAttributes,
    GetQueueUrl,
    ListQueues,
    ListSources,
    OfQueue,
    RemovePermission,
    SetQueueAttributes,
    TagQueue,
    UntagQueue,
)
from tapwater_server.ports.clock import Clock

PAGE_MAX = 1_000
PURGE_S = 60.0
Said = dict[str, Any]


class QueueOperations:
    """The operations of SQS on queues."""

    def __init__(self, *, book: QueueBook, clock: Clock) -> None:
        self._book, self._clock = book, clock
        self._purged: dict[str, float] = {}  # lines, and when they were

    async def create(self, asked: AwsAsked, said: CreateQueue) -> Said:
        if said.QueueName is None:
            raise missing("QueueName")
        queue = await self._book.create(
            asked.account, said.QueueName, said.Attributes or {}, said.tags or {}
        )
        return {"QueueUrl": url_of(asked, queue.name)}

    async def url(self, asked: AwsAsked, said: GetQueueUrl) -> Said:
        if not said.QueueName:
            raise missing("QueueName")
        if said.QueueOwnerAWSAccountId not in {"", asked.account.id}:
            raise no_queue()
        queue = await self._book.find(asked.account, said.QueueName)
        return {"QueueUrl": url_of(asked, queue.name)}

    async def list(self, asked: AwsAsked, said: ListQueues) -> Said:
        found = await self._book.all(asked.account, prefix=said.QueueNamePrefix)
        page = _page([queue.name for queue in found], said.MaxResults, said.NextToken)
        urls = [url_of(asked, name) for name in page[0]]
        return ({"QueueUrls": urls} if urls else {}) | page[1]

    async def sources(self, asked: AwsAsked, said: ListSources) -> Said:
        queue = await self._queue(asked, said)
        found = await self._book.sources(asked.account, queue)
        page = _page([one.name for one in found], said.MaxResults, said.NextToken)
        return {"queueUrls": [url_of(asked, name) for name in page[0]]} | page[1]

    async def delete(self, asked: AwsAsked, said: OfQueue) -> Said:
        queue = await self._queue(asked, said)
        await self._book.delete(asked.account, queue)
        self._purged.pop(queue.line, None)
        return {}

    async def purge(self, asked: AwsAsked, said: OfQueue) -> Said:
        queue = await self._queue(asked, said)
        now = self._clock.monotonic()
        if now - self._purged.get(queue.line, -PURGE_S) < PURGE_S:
            raise AwsError(
                "PurgeQueueInProgress",
                f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.",
                403,
            )
        self._purged = {line: at for line, at in self._purged.items() if at > now - PURGE_S}
        self._purged[queue.line] = now
        await self._book.empty(asked.account, queue, dead=False)
        return {}

    async def attributes(self, asked: AwsAsked, said: GetQueueAttributes) -> Said:
        queue = await self._queue(asked, said)
        wanted = rules.wanted(said.AttributeNames)
        held = queue.attributes(asked.account)
        if rules.is_counted(wanted):
            stats = await self._book.stats(asked.account, queue.name)
            held |= {
                "ApproximateNumberOfMessages": str(stats.waiting),
                "ApproximateNumberOfMessagesDelayed": str(stats.delayed),
                "ApproximateNumberOfMessagesNotVisible": str(stats.leased),
            }
        shown = {name: value for name, value in held.items() if name in wanted}
        return {"Attributes": shown} if shown else {}

    async def set_attributes(self, asked: AwsAsked, said: SetQueueAttributes) -> Said:
        queue = await self._queue(asked, said)
        if not said.Attributes:
            raise missing("Attributes")
        await self._book.change(asked.account, queue, said.Attributes)
        return {}

    async def tag(self, asked: AwsAsked, said: TagQueue) -> Said:
        queue = await self._queue(asked, said)
        if not said.Tags:
            raise missing("Tags")
        await self._book.tag(asked.account, queue, {**queue.tags, **said.Tags})
        return {}

    async def untag(self, asked: AwsAsked, said: UntagQueue) -> Said:
        queue = await self._queue(asked, said)
        if not said.TagKeys:
            raise invalid("Tag keys must be between 1 and 128 characters in length.")
        left = {name: value for name, value in queue.tags.items() if name not in said.TagKeys}
        await self._book.tag(asked.account, queue, left)
        return {}

    async def tags(self, asked: AwsAsked, said: OfQueue) -> Said:
        queue = await self._queue(asked, said)
        return {"Tags": dict(queue.tags)} if queue.tags else {}

    async def permit(self, asked: AwsAsked, said: AddPermission) -> Said:
        queue = await self._queue(asked, said)
        policy = granted(
            queue.extra.get("Policy", ""),
            label=said.Label,
            accounts=said.AWSAccountIds or (),
            actions=said.Actions or (),
            queue_arn=asked.account.arn("sqs", queue.name),
        )
        await self._book.change(asked.account, queue, {"Policy": policy})
        return {}

    async def forbid(self, asked: AwsAsked, said: RemovePermission) -> Said:
        queue = await self._queue(asked, said)
        policy = revoked(queue.extra.get("Policy", ""), label=said.Label)
        await self._book.change(asked.account, queue, {"Policy": policy})
        return {}

    async def _queue(self, asked: AwsAsked, said: OfQueue) -> Queue:
        return await self._book.find(asked.account, name_of(said.QueueUrl, asked))


def _page(names: Sequence[str], most: int | None, token: str) -> tuple[Sequence[str], Said]:
    """Cut a page out of names, and say how to go on. Without a most there is no token.

    Raises:
        AwsError: the token is none of ours, or the most is out of bounds.
    """
    if most is not None and not 1 <= most <= PAGE_MAX:
        reason = f"MaxResults must be an integer between 1 and {PAGE_MAX}."
        raise invalid_value(most, "MaxResults", reason)
    after = _read_token(token)
    left = [name for name in names if name > after]
    if most is None:
        return left[:PAGE_MAX], {}
    page = left[:most]
    return page, ({"NextToken": _token(page[-1])} if len(left) > most else {})


def _token(after: str) -> str:
    return base64.b64encode(msgspec.json.encode([after])).decode()


def _read_token(token: str) -> str:
    if not token:
        return ""
    try:
        said: list[str] = msgspec.json.decode(base64.b64decode(token), type=list[str])
        return said[0]
    except (ValueError, binascii.Error, msgspec.MsgspecError, IndexError):
        raise AwsError("InvalidParameterValueException", "Invalid NextToken.") from None
