"""The door of SNS: its operations, and the links in its messages that anybody may follow."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import Account, Caller, parse_arn
from tapwater_server.clouds.aws.asked import AwsAnswer, AwsAsked, AwsError
from tapwater_server.clouds.aws.post.lineage import chain_of
from tapwater_server.clouds.aws.protocol.service import Given, Handler, ModelService
from tapwater_server.clouds.aws.sns.errors import invalid, no_topic, not_here
from tapwater_server.clouds.aws.sns.operations_subscriptions import SubscriptionOperations
from tapwater_server.clouds.aws.sns.operations_topics import TopicOperations
from tapwater_server.clouds.aws.sns.publishing import Publisher
from tapwater_server.clouds.aws.sns.reading import (
    MESSAGE_BYTES_MAX,
    Notification,
    ids_of,
    notification_of,
)
from tapwater_server.clouds.aws.sns.topics import Topic, TopicBook

PATH = "/_/aws/sns/"
BATCH_MAX = 10
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_ANYBODY = frozenset({"ConfirmSubscription", "Unsubscribe"})
Params = Mapping[str, Any]


class PublishOperations:
    """Publish, PublishBatch."""

    def __init__(self, *, topics: TopicBook, publisher: Publisher) -> None:
        self._topics, self._publisher = topics, publisher

    async def publish(self, asked: AwsAsked, params: Params) -> Given:
        if params.get("PhoneNumber"):
            raise not_here("SMS")
        topic = self._topic(asked, params.get("TopicArn") or params.get("TargetArn") or "")
        published = await self._publisher.publish(
            asked.account, topic, replace(notification_of(params, topic), chain=chain_of(asked))
        )
        asked.count("queue_ops")
        return _says(published.id, published.sequence)

    async def publish_batch(self, asked: AwsAsked, params: Params) -> Given:
        topic = self._topic(asked, params["TopicArn"])
        entries = params.get("PublishBatchRequestEntries", [])
        _check_batch(entries)
        for entry in entries:
            ids_of(entry, topic)  # What the whole batch is refused for, as by SNS.
        done: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        good: list[tuple[str, Notification]] = []
        for entry in entries:
            try:
                good.append((entry["Id"], notification_of(entry, topic)))
            except AwsError as error:
                failed.append(
                    {
                        "Id": entry["Id"],
                        "Code": error.code,
                        "Message": error.message,
                        "SenderFault": True,
                    }
                )
        for id, said in good:  # One after the other: a FIFO topic keeps their order.
            published = await self._publisher.publish(
                asked.account, topic, replace(said, chain=chain_of(asked))
            )
            done.append({"Id": id, **_says(published.id, published.sequence)})
        asked.count("queue_ops", len(entries))
        return {"Successful": done, "Failed": failed}

    def _topic(self, asked: AwsAsked, arn: str) -> Topic:
        if not arn:
            raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
        parsed = parse_arn(arn)
        if parsed is not None and parsed.resource.startswith(("endpoint/", "app/")):
            raise not_here("Mobile push")
        return self._topics.find(asked.account, arn)


class SnsService:
    """Keeps ``Service``."""

    def __init__(
        self,
        *,
        topics: TopicOperations,
        subscriptions: SubscriptionOperations,
        publishing: PublishOperations,
        home: Account,
    ) -> None:
        self._home = home
        handlers: dict[str, Handler] = {
            "AddPermission": topics.permit,
            "ConfirmSubscription": subscriptions.confirm,
            "CreateTopic": topics.create,
            "DeleteTopic": topics.delete,
            "GetSubscriptionAttributes": subscriptions.attributes,
            "GetTopicAttributes": topics.attributes,
            "ListSubscriptions": subscriptions.list,
            "ListSubscriptionsByTopic": subscriptions.list_of_topic,
            "ListTagsForResource": topics.tags,
            "ListTopics": topics.list,
            "Publish": publishing.publish,
            "PublishBatch": publishing.publish_batch,
            "RemovePermission": topics.forbid,
            "SetSubscriptionAttributes": subscriptions.set_attributes,
            "SetTopicAttributes": topics.set_attributes,
            "Subscribe": subscriptions.subscribe,
            "TagResource": topics.tag,
            "Unsubscribe": subscriptions.unsubscribe,
            "UntagResource": topics.untag,
        }
        self._door = ModelService("sns", handlers, protocol="query")

    @property
    def operations(self) -> frozenset[str]:
        """Name what it answers; all else is refused."""
        return self._door.operations

    async def answer(self, asked: AwsAsked) -> AwsAnswer:
        if not asked.caller.known:
            self._admit(asked)
        return await self._door.answer(asked)

    def refused(self, error: AwsError, asked: AwsAsked | None, *, id: str) -> AwsAnswer:
        return self._door.refused(error, asked, id=id)

    def _admit(self, asked: AwsAsked) -> None:
        """Let who follows a link do what the link is for: its token or ARN is what one must know.

        Raises:
            AwsError: nobody signed, and this needs somebody.
        """
        linked = asked.path == PATH and asked.text("Action") in _ANYBODY
        named = parse_arn(asked.text("TopicArn") or asked.text("SubscriptionArn") or "")
        if not linked or named is None:
            raise AwsError("AuthorizationError", "Request must be signed.", 403)
        if named.account != self._home.id:
            raise no_topic()
        account = Account(id=self._home.id, home=self._home.home, region=named.region)
        asked.caller = Caller(account=account)


def _says(id: str, sequence: str) -> dict[str, Any]:
    return {"MessageId": id, "SequenceNumber": sequence or None}


def _check_batch(entries: Sequence[Params]) -> None:
    """Look at a batch as a whole.

    Raises:
        AwsError: it is empty, too long, or its ids are no ids.
    """
    ids = [entry["Id"] for entry in entries]
    if not ids:
        raise AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(ids) > BATCH_MAX:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            "The batch request contains more entries than permissible.",
        )
    if len(set(ids)) < len(ids):
        raise AwsError(
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        )
    if not all(_ENTRY_ID.fullmatch(id) for id in ids):
        raise AwsError("InvalidBatchEntryId", "The Id of a batch entry is not valid.")
    if sum(len(entry.get("Message", "").encode()) for entry in entries) > MESSAGE_BYTES_MAX:
        raise AwsError(
            "BatchRequestTooLong", "The length of all the messages put together is too long."
        )
