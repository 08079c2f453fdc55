"""Sends to queues what other services of AWS send there."""

from collections.abc import Mapping

from tapwater_server.clouds.aws.account import Account, Caller
from tapwater_server.clouds.aws.post.parcels import Chain
from tapwater_server.clouds.aws.reaching import Sent
from tapwater_server.clouds.aws.shapes.sqs_record import trace_header, uuid_of
from tapwater_server.clouds.aws.sqs.book import Queue, QueueBook
from tapwater_server.clouds.aws.sqs.drafting import draft_of
from tapwater_server.clouds.aws.sqs.errors import no_queue
from tapwater_server.clouds.aws.sqs.sending import Sender
from tapwater_server.clouds.aws.sqs.shapes import AttributeSaid, SendEntry


class QueueTargets:
    """Keeps ``Targets`` for ARNs of queues."""

    def __init__(self, *, book: QueueBook, sender: Sender) -> None:
        self._book, self._sender = book, sender

    async def send(self, account: Account, arn: str, sent: Sent) -> None:
        queue = await self._find(account, arn)
        entry = SendEntry(
            MessageBody=sent.body.decode("utf-8", "replace"),
            MessageAttributes=_attributes(sent.attributes),
            MessageSystemAttributes=_traced(sent.trace),
            MessageGroupId=sent.group or None,
            MessageDeduplicationId=(sent.dedupe or None) if queue.fifo else None,
        )
        ids = [uuid_of(f"{sent.id}\0{arn}")] if sent.id else []
        caller = Caller(account=account)
        chain = Chain(root=sent.root, depth=sent.depth, trace=sent.trace)
        await self._sender.send(caller, queue, [draft_of(entry, queue)], ids=ids, chain=chain)

    def exists(self, account: Account, arn: str) -> bool:
        name = self._book.of_arn(account, arn)
        return bool(name) and self._book.known(account, name or "") is not None

    async def _find(self, account: Account, arn: str) -> Queue:
        name = self._book.of_arn(account, arn)
        if name is None:
            raise no_queue()
        return await self._book.find(account, name)


def _traced(trace: str) -> dict[str, AttributeSaid] | None:
    header = trace_header(trace)
    said = AttributeSaid(DataType="String", StringValue=header)
    return {"AWSTraceHeader": said} if header else None


def _attributes(said: Mapping[str, Mapping[str, str]]) -> dict[str, AttributeSaid]:
    return {
        name: AttributeSaid(
            DataType=one.get("DataType", "String"),
            StringValue=one.get("StringValue"),
            BinaryValue=one.get("BinaryValue"),
        )
        for name, one in said.items()
    }
