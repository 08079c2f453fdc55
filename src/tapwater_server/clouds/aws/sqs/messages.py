"""What clients do with messages: send, receive, delete, hide, each alone or ten at a time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.post.lineage import chain_of
from tapwater_server.clouds.aws.shapes.sqs_record import (
    Attribute,
    md5_of,
    md5_of_attributes,
    record_of,
    system_attributes,
)
from tapwater_server.clouds.aws.sqs import attributes as rules
from tapwater_server.clouds.aws.sqs.addresses import name_of
from tapwater_server.clouds.aws.sqs.book import Queue, QueueBook
from tapwater_server.clouds.aws.sqs.drafting import Draft, check_ids, draft_of, size_of
from tapwater_server.clouds.aws.sqs.errors import (
    invalid,
    invalid_value,
    missing,
    query_code,
    unknown_attribute,
)
from tapwater_server.clouds.aws.sqs.holding import Holder
from tapwater_server.clouds.aws.sqs.receipts import handle_of
from tapwater_server.clouds.aws.sqs.receiving import Receiver, Wanted
from tapwater_server.clouds.aws.sqs.sending import Sender, Sent
from tapwater_server.clouds.aws.sqs.shapes import (
    OfMessage,
    OfMessages,
    ReceiptEntry,
    ReceiveMessage,
    SendEntry,
    SendMessage,
    SendMessageBatch,
)
from tapwater_server.ports.bus import Delivery
from tapwater_server.ports.clock import Clock

BATCH_MAX = 10
COUNT_MAX = 10
WAIT_S_MAX = 20
Said = dict[str, Any]
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SYSTEM = frozenset(
    {
        "All",
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    }
)
_Entry = TypeVar("_Entry", SendEntry, ReceiptEntry)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Which attributes of a message a receiver wants to see."""

    system: frozenset[str]
    names: Sequence[str]

    def of(self, attributes: Mapping[str, Attribute]) -> dict[str, Attribute]:
        if any(name in {"All", ".*"} for name in self.names):
            return dict(attributes)
        starts = tuple(name[:-2] for name in self.names if name.endswith(".*"))
        return {
            name: one
            for name, one in attributes.items()
            if name in self.names or (starts and name.startswith(starts))
        }


class MessageOperations:
    """Seven of the operations of SQS, and those that matter for speed."""

    def __init__(
        self,
        *,
        book: QueueBook,
        sender: Sender,
        receiver: Receiver,
        holder: Holder,
        clock: Clock,
    ) -> None:
        self._book, self._sender, self._receiver = book, sender, receiver
        self._holder, self._clock = holder, clock

    async def send(self, asked: AwsAsked, said: SendMessage) -> Said:
        queue = await self._queue(asked, said.QueueUrl)
        draft = draft_of(said, queue)
        [sent] = await self._sender.send(asked.caller, queue, [draft], chain=chain_of(asked))
        asked.count("queue_ops")
        return _sent_says(draft, sent)

    async def send_batch(self, asked: AwsAsked, said: SendMessageBatch) -> Said:
        queue = await self._queue(asked, said.QueueUrl)
        entries = _checked(said.Entries, "SendMessage")
        for entry in entries:
            check_ids(entry, queue)  # What the whole batch is refused for, as by SQS.
        _check_size(entries)
        good: list[tuple[SendEntry, Draft]] = []
        failed: list[Said] = []
        for entry in entries:
            try:
                good.append((entry, draft_of(entry, queue)))
            except AwsError as error:
                failed.append(_failed(entry.Id, error))
        sent = await self._sender.send(
            asked.caller, queue, [draft for _, draft in good], chain=chain_of(asked)
        )
        asked.count("queue_ops", len(entries))
        done = [
            {"Id": entry.Id, **_sent_says(draft, one)}
            for (entry, draft), one in zip(good, sent, strict=True)
        ]
        return _batch_says(done, failed)

    async def receive(self, asked: AwsAsked, said: ReceiveMessage) -> Said:
        queue = await self._queue(asked, said.QueueUrl)
        wanted, shown = _wanted(said, queue), _shown(said)
        if wanted.wait_s:
            asked.end_with_client()  # Who has gone must not be given what others wait for.
        found = await self._receiver.receive(asked.account, queue, wanted)
        asked.count("queue_ops", max(1, len(found)))  # To look in vain is one, too.
        if not found:
            return {}
        now = self._clock.now()
        return {"Messages": [_message_says(asked, one, shown, now) for one in found]}

    async def delete(self, asked: AwsAsked, said: OfMessage) -> Said:
        queue = await self._queue(asked, said.QueueUrl)
        [trouble] = await self._holder.delete(asked.account, queue, [_handle(said)])
        asked.count("queue_ops")
        if trouble is not None:
            raise trouble
        return {}

    async def delete_batch(self, asked: AwsAsked, said: OfMessages) -> Said:
        queue = await self._queue(asked, said.QueueUrl)
        entries = _checked(said.Entries, "DeleteMessage")
        handles = [_handle(entry) for entry in entries]
        troubles = await self._holder.delete(asked.account, queue, handles)
        asked.count("queue_ops", len(entries))
        return _settled_says(entries, troubles)

    async def change(self, asked: AwsAsked, said: OfMessage) -> Said:
        queue = await self._queue(asked, said.QueueUrl)
        trouble = await self._hide(asked, queue, said)
        asked.count("queue_ops")
        if trouble is not None:
            raise trouble
        return {}

    async def change_batch(self, asked: AwsAsked, said: OfMessages) -> Said:
        queue = await self._queue(asked, said.QueueUrl)
        entries = _checked(said.Entries, "ChangeMessageVisibility")
        troubles = [await self._hide(asked, queue, entry) for entry in entries]
        asked.count("queue_ops", len(entries))
        return _settled_says(entries, troubles)

    async def _hide(self, asked: AwsAsked, queue: Queue, entry: ReceiptEntry) -> AwsError | None:
        if entry.VisibilityTimeout is None:
            return missing("VisibilityTimeout")
        return await self._holder.hide(
            asked.account, queue, _handle(entry), visibility_s=entry.VisibilityTimeout
        )

    async def _queue(self, asked: AwsAsked, url: str) -> Queue:
        return await self._book.find(asked.account, name_of(url, asked))


def _handle(said: ReceiptEntry) -> str:
    if not said.ReceiptHandle:
        raise missing("ReceiptHandle")
    return said.ReceiptHandle


def _checked(entries: list[_Entry] | None, action: str) -> list[_Entry]:
    """Look at a batch as a whole.

    Raises:
        AwsError: it is empty, too long, or its ids are no ids.
    """
    if not entries:
        raise AwsError(
            "EmptyBatchRequest",
            f"There should be at least one {action}BatchRequestEntry in the request.",
        )
    ids = [entry.Id for entry in entries]
    for id in ids:
        if not _ENTRY_ID.fullmatch(id):
            raise AwsError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                "underscores. It can be at most 80 letters long.",
            )
    for place, id in enumerate(ids):
        if id in ids[:place]:
            raise AwsError("BatchEntryIdsNotDistinct", f"Id {id} repeated.")
    if len(entries) > BATCH_MAX:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {BATCH_MAX}. You have sent {len(entries)}.",
        )
    return entries


def _check_size(entries: Sequence[SendEntry]) -> None:
    """Refuse a batch that is too long as a whole.

    Raises:
        AwsError: BatchRequestTooLong.
    """
    size = sum(size_of(entry) for entry in entries)
    if size > rules.MESSAGE_BYTES_MAX:
        raise AwsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {rules.MESSAGE_BYTES_MAX} bytes. "
            f"You have sent {size} bytes.",
        )


def _wanted(said: ReceiveMessage, queue: Queue) -> Wanted:
    wait_s = said.WaitTimeSeconds
    if wait_s is None:
        wait_s = int(queue.extra.get("ReceiveMessageWaitTimeSeconds") or 0)
    visibility_s = said.VisibilityTimeout
    _check_range(said.MaxNumberOfMessages, "MaxNumberOfMessages", 1, COUNT_MAX)
    _check_range(wait_s, "WaitTimeSeconds", 0, WAIT_S_MAX)
    _check_range(visibility_s, "VisibilityTimeout", 0, 43_200)
    attempt = said.ReceiveRequestAttemptId or ""
    if len(attempt) > 128:
        raise invalid("ReceiveRequestAttemptId can be at most 128 characters long.")
    return Wanted(
        count=1 if said.MaxNumberOfMessages is None else said.MaxNumberOfMessages,
        wait_s=wait_s,
        visibility_s=queue.settings.visibility_s if visibility_s is None else visibility_s,
        attempt=attempt,
    )


def _check_range(value: int | None, parameter: str, low: int, high: int) -> None:
    if value is None or low <= value <= high:
        return
    reason = f"Must be >= {low} and <= {high}, if provided."
    if low:
        reason = f"Must be between {low} and {high}, if provided."
    raise invalid_value(value, parameter, reason)


def _shown(said: ReceiveMessage) -> _Shown:
    system = frozenset([*(said.AttributeNames or ()), *(said.MessageSystemAttributeNames or ())])
    for name in system - _SYSTEM:
        raise unknown_attribute(name)
    return _Shown(_SYSTEM if "All" in system else system, said.MessageAttributeNames or ())


def _message_says(asked: AwsAsked, delivery: Delivery, shown: _Shown, now: float) -> Said:
    record = record_of(delivery.errand)
    said: Said = {
        "MessageId": record.id,
        "ReceiptHandle": handle_of(delivery, received_at=now),
        "MD5OfBody": record.md5,
        "Body": record.body,
    }
    if shown.system:
        system = system_attributes(record, delivery, account=asked.account)
        said["Attributes"] = {name: value for name, value in system.items() if name in shown.system}
    attributes = shown.of(record.attributes) if shown.names else {}
    if attributes:
        said["MessageAttributes"] = {name: one.says() for name, one in attributes.items()}
        said["MD5OfMessageAttributes"] = md5_of_attributes(attributes)
    return said


def _sent_says(draft: Draft, sent: Sent) -> Said:
    said = {"MessageId": sent.id, "MD5OfMessageBody": md5_of(draft.body.encode())}
    if draft.attributes:
        said["MD5OfMessageAttributes"] = md5_of_attributes(draft.attributes)
    if draft.system:
        said["MD5OfMessageSystemAttributes"] = md5_of_attributes(draft.system)
    if sent.sequence:
        said["SequenceNumber"] = sent.sequence
    return said


def _settled_says(entries: Sequence[ReceiptEntry], troubles: Sequence[AwsError | None]) -> Said:
    pairs = list(zip(entries, troubles, strict=True))
    return _batch_says(
        [{"Id": entry.Id} for entry, trouble in pairs if trouble is None],
        [_failed(entry.Id, _named(trouble, entry)) for entry, trouble in pairs if trouble],
    )


def _named(error: AwsError, entry: ReceiptEntry) -> AwsError:
    """In a batch, SQS says which handle it could not read."""
    if error.code != "ReceiptHandleIsInvalid":
        return error
    shown = (entry.ReceiptHandle or "")[:256]
    return AwsError(
        error.code, f'The input receipt handle "{shown}" is not a valid receipt handle.'
    )


def _batch_says(done: list[Said], failed: list[Said]) -> Said:
    return {"Successful": done, "Failed": failed} if failed else {"Successful": done}


def _failed(id: str, error: AwsError) -> Said:
    return {
        "Id": id,
        "SenderFault": error.status < 500,
        "Code": query_code(error.code),
        "Message": error.message,
    }
