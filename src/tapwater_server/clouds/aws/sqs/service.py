"""The door of SQS: finds the operation, reads either protocol, answers in the same."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.sqs import shapes
from tapwater_server.clouds.aws.sqs.errors import json_type, query_code
from tapwater_server.clouds.aws.sqs.messages import MessageOperations
from tapwater_server.clouds.aws.sqs.moves import MoveOperations
from tapwater_server.clouds.aws.sqs.query import answer_xml, error_xml, fields_of
from tapwater_server.clouds.aws.sqs.queues import QueueOperations

BODY_BYTES_MAX = 12 << 20  # Ten messages of a mebibyte are refused with SQS' own error.
_JSON = "application/x-amz-json-1.0"
_XML = "text/xml"
_TARGET = "AmazonSQS."
Said = dict[str, Any]
Operation = Callable[[AwsAsked, Any], Awaitable[Said]]


class SqsService:
    """Keeps ``Service``."""

    def __init__(
        self, *, messages: MessageOperations, queues: QueueOperations, moves: MoveOperations
    ) -> None:
        self._operations: Mapping[str, tuple[type[msgspec.Struct], Operation]] = {
            "SendMessage": (shapes.SendMessage, messages.send),
            "SendMessageBatch": (shapes.SendMessageBatch, messages.send_batch),
            "ReceiveMessage": (shapes.ReceiveMessage, messages.receive),
            "DeleteMessage": (shapes.OfMessage, messages.delete),
            "DeleteMessageBatch": (shapes.OfMessages, messages.delete_batch),
            "ChangeMessageVisibility": (shapes.OfMessage, messages.change),
            "ChangeMessageVisibilityBatch": (shapes.OfMessages, messages.change_batch),
            "CreateQueue": (shapes.CreateQueue, queues.create),
            "GetQueueUrl": (shapes.GetQueueUrl, queues.url),
            "ListQueues": (shapes.ListQueues, queues.list),
            "ListDeadLetterSourceQueues": (shapes.ListSources, queues.sources),
            "DeleteQueue": (shapes.OfQueue, queues.delete),
            "PurgeQueue": (shapes.OfQueue, queues.purge),
            "GetQueueAttributes": (shapes.GetQueueAttributes, queues.attributes),
            "SetQueueAttributes": (shapes.SetQueueAttributes, queues.set_attributes),
            "TagQueue": (shapes.TagQueue, queues.tag),
            "UntagQueue": (shapes.UntagQueue, queues.untag),
            "ListQueueTags": (shapes.OfQueue, queues.tags),
            "AddPermission": (shapes.AddPermission, queues.permit),
            "RemovePermission": (shapes.RemovePermission, queues.forbid),
            "StartMessageMoveTask": (shapes.StartMove, moves.start),
            "CancelMessageMoveTask": (shapes.CancelMove, moves.cancel),
            "ListMessageMoveTasks": (shapes.ListMoves, moves.list),
        }

    @property
    def operations(self) -> frozenset[str]:
        """Name what it answers; all else is refused."""
        return frozenset(self._operations)

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        if not asked.caller.known:
            raise AwsError("AccessDeniedException", "Access to the resource is denied.", 403)
        body = await asked.raw(bytes_max=BODY_BYTES_MAX)
        target = asked.headers.get("x-amz-target", "")
        if target:
            said = await self._json(asked, target.removeprefix(_TARGET), body)
            return AwsAnswer(
                headers=[("content-type", _JSON)], body=msgspec.json.encode(said) if said else b""
            )
        form = [*asked.query, *_form(body)]
        action = next((value for name, value in form if name == "Action"), "")
        said = await self._query(asked, action, form)
        xml = answer_xml(action, said, id=asked.id)
        return AwsAnswer(headers=[("content-type", _XML)], body=xml)

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        fault = "Sender" if error.status < 500 else "Receiver"
        code = query_code(error.code)
        if asked is not None and "x-amz-target" not in asked.headers:
            xml = error_xml(code=code, message=error.message, fault=fault, id=id)
            return AwsAnswer(
                status=error.status, headers=[("content-type", _XML), *error.headers], body=xml
            )
        said = {"__type": json_type(error.code), "message": error.message}
        headers = [
            ("content-type", _JSON),
            ("x-amzn-query-error", f"{code};{fault}"),
            *error.headers,
        ]
        return AwsAnswer(status=error.status, headers=headers, body=msgspec.json.encode(said))

    async def _json(self, asked: AwsAsked, action: str, body: bytes) -> Said:
        shape, operation = self._find(action)
        try:
            said = msgspec.json.decode(body or b"{}", type=shape)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _unread(error) from None
        return await operation(asked, said)

    async def _query(self, asked: AwsAsked, action: str, form: list[tuple[str, str]]) -> Said:
        shape, operation = self._find(action)
        fields = fields_of(form)
        try:
            said = msgspec.convert(fields, type=shape, strict=False)
        except msgspec.ValidationError as error:
            raise _unread(error) from None
        return await operation(asked, said)

    def _find(self, action: str) -> tuple[type[msgspec.Struct], Operation]:
        found = self._operations.get(action)
        if found is None:
            raise AwsError(
                "UnknownOperationException",
                f"The action {action[:128]} is not valid for this endpoint.",
            )
        return found


def _form(body: bytes) -> list[tuple[str, str]]:
    """Read a form.

    Raises:
        AwsError: it is none.
    """
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise AwsError("MalformedInput", "The request is not a form in UTF-8") from None


def _unread(error: Exception) -> AwsError:
    return AwsError("SerializationException", str(error)[:500])
