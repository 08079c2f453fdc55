"""What the operations of SQS take, in both protocols: the names are those of its service model."""

import msgspec

Texts = dict[str, str]


class AttributeSaid(msgspec.Struct, kw_only=True):
    """A message attribute, as it is sent."""

    DataType: str = ""
    StringValue: str | None = None
    BinaryValue: str | None = None  # base64


class SendEntry(msgspec.Struct, kw_only=True):
    """A message on its way in."""

    Id: str = ""
    MessageBody: str | None = None
    DelaySeconds: int | None = None
    MessageAttributes: dict[str, AttributeSaid] | None = None
    MessageSystemAttributes: dict[str, AttributeSaid] | None = None
    MessageDeduplicationId: str | None = None
    MessageGroupId: str | None = None


class OfQueue(msgspec.Struct, kw_only=True):
    """Whatever is asked of one queue."""

    QueueUrl: str = ""


class SendMessage(SendEntry, kw_only=True):
    QueueUrl: str = ""


class SendMessageBatch(OfQueue, kw_only=True):
    Entries: list[SendEntry] | None = None


class ReceiveMessage(OfQueue, kw_only=True):
    AttributeNames: list[str] | None = None
    MessageSystemAttributeNames: list[str] | None = None
    MessageAttributeNames: list[str] | None = None
    MaxNumberOfMessages: int | None = None
    VisibilityTimeout: int | None = None
    WaitTimeSeconds: int | None = None
    ReceiveRequestAttemptId: str | None = None


class ReceiptEntry(msgspec.Struct, kw_only=True):
    """A received message that something is to happen to."""

    Id: str = ""
    ReceiptHandle: str | None = None
    VisibilityTimeout: int | None = None


class OfMessage(ReceiptEntry, kw_only=True):
    """DeleteMessage, ChangeMessageVisibility."""

    QueueUrl: str = ""


class OfMessages(OfQueue, kw_only=True):
    """DeleteMessageBatch, ChangeMessageVisibilityBatch."""

    Entries: list[ReceiptEntry] | None = None


class CreateQueue(msgspec.Struct, kw_only=True):
    QueueName: str | None = None
    Attributes: Texts | None = None
    tags: Texts | None = None


class GetQueueUrl(msgspec.Struct, kw_only=True):
    QueueName: str | None = None
    QueueOwnerAWSAccountId: str = ""


class ListQueues(msgspec.Struct, kw_only=True):
    QueueNamePrefix: str = ""
    NextToken: str = ""
    MaxResults: int | None = None


class ListSources(OfQueue, kw_only=True):
    NextToken: str = ""
    MaxResults: int | None = None


class GetQueueAttributes(OfQueue, kw_only=True):
    AttributeNames: list[str] | None = None


class SetQueueAttributes(OfQueue, kw_only=True):
    Attributes: Texts | None = None


class TagQueue(OfQueue, kw_only=True):
    Tags: Texts | None = None


class UntagQueue(OfQueue, kw_only=True):
    TagKeys: list[str] | None = None


class AddPermission(OfQueue, kw_only=True):
    Label: str = ""
    AWSAccountIds: list[str] | None = None
    Actions: list[str] | None = None


class RemovePermission(OfQueue, kw_only=True):
    Label: str = ""


class StartMove(msgspec.Struct, kw_only=True):
    SourceArn: str = ""
    DestinationArn: str = ""
    MaxNumberOfMessagesPerSecond: int | None = None


class CancelMove(msgspec.Struct, kw_only=True):
    TaskHandle: str = ""


class ListMoves(msgspec.Struct, kw_only=True):
    SourceArn: str = ""
    MaxResults: int | None = None
