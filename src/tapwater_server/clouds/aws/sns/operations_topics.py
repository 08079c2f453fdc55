"""What clients do with topics: make, describe, change, tag, list, remove; and who may use them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.shapes.tags import tags_in, tags_out, untagged
from tapwater_server.clouds.aws.sns.errors import invalid
from tapwater_server.clouds.aws.sns.subscriptions import KIND, SubscriptionBook
from tapwater_server.clouds.aws.sns.topics import Topic, TopicBook, check_tags, shown

PAGE = 100
ACTIONS_MAX = 7
Params = Mapping[str, Any]
Said = dict[str, Any]
_ACTIONS = frozenset(
    {
        "AddPermission",
        "DeleteTopic",
        "GetTopicAttributes",
        "ListSubscriptionsByTopic",
        "Publish",
        "Receive",
        "RemovePermission",
        "SetTopicAttributes",
        "Subscribe",
    }
)


class TopicOperations:
    """The operations of SNS on topics."""

    def __init__(self, *, topics: TopicBook, subscriptions: SubscriptionBook) -> None:
        self._topics, self._subscriptions = topics, subscriptions

    async def create(self, asked: AwsAsked, params: Params) -> Said:
        topic = await self._topics.create(
            asked.account, params["Name"], params.get("Attributes", {}), tags_in(params.get("Tags"))
        )
        return {"TopicArn": asked.account.arn("sns", topic.name)}

    async def list(self, asked: AwsAsked, params: Params) -> Said:
        names = [topic.name for topic in self._topics.all(asked.account)]
        page, more = page_of(names, params.get("NextToken", ""))
        return {"Topics": [{"TopicArn": asked.account.arn("sns", name)} for name in page]} | more

    async def delete(self, asked: AwsAsked, params: Params) -> Said:
        """Remove a topic with its subscriptions; one that is gone is no error."""
        try:
            topic = self._topics.find(asked.account, params["TopicArn"])
        except AwsError as error:
            if error.code == "NotFound":
                return {}
            raise
        keys = [one.key for one in self._subscriptions.of_topic(asked.account, topic.name)]
        await self._topics.delete(asked.account, topic.name, KIND, keys)
        return {}

    async def attributes(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._topics.find(asked.account, params["TopicArn"])
        found = self._subscriptions.of_topic(asked.account, topic.name)
        pending = sum(bool(one.token) for one in found)
        counts = {"pending": pending, "confirmed": len(found) - pending}
        return {"Attributes": shown(topic, asked.account, counts)}

    async def set_attributes(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._topics.find(asked.account, params["TopicArn"])
        value = params.get("AttributeValue", "")
        await self._topics.change(asked.account, topic, params["AttributeName"], value)
        return {}

    async def tag(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._tagged(asked, params)
        tags = {**topic.tags, **tags_in(params.get("Tags"))}
        check_tags(tags)
        await self._topics.keep(asked.account, replace(topic, tags=tags))
        return {}

    async def untag(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._tagged(asked, params)
        left = untagged(topic.tags, params["TagKeys"])
        await self._topics.keep(asked.account, replace(topic, tags=left))
        return {}

    async def tags(self, asked: AwsAsked, params: Params) -> Said:
        return {"Tags": tags_out(self._tagged(asked, params).tags)}

    async def permit(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._topics.find(asked.account, params["TopicArn"])
        label, actions = params["Label"], params["ActionName"]
        bad = [one for one in actions if one not in _ACTIONS]
        if bad or not actions or len(actions) > ACTIONS_MAX:
            raise invalid("Policy statement action out of service scope!")
        policy = self._policy(asked, topic)
        if any(one.get("Sid") == label for one in policy["Statement"]):
            raise invalid("Statement already exists")
        principals = [f"arn:aws:iam::{one}:root" for one in params["AWSAccountId"]]
        named = [f"SNS:{one}" for one in actions]
        policy["Statement"].append(
            {
                "Sid": label,
                "Effect": "Allow",
                "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
                "Action": named[0] if len(named) == 1 else named,
                "Resource": asked.account.arn("sns", topic.name),
            }
        )
        text = msgspec.json.encode(policy).decode()
        await self._topics.change(asked.account, topic, "Policy", text)
        return {}

    async def forbid(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._topics.find(asked.account, params["TopicArn"])
        policy = self._policy(asked, topic)
        left = [one for one in policy["Statement"] if one.get("Sid") != params["Label"]]
        text = msgspec.json.encode({**policy, "Statement": left}).decode()
        await self._topics.change(asked.account, topic, "Policy", text)
        return {}

    def _policy(self, asked: AwsAsked, topic: Topic) -> dict[str, Any]:
        said = msgspec.json.decode(shown(topic, asked.account, {})["Policy"])
        statements = said.get("Statement", [])
        found = statements if isinstance(statements, list) else [statements]
        return {**said, "Statement": [one for one in found if isinstance(one, dict)]}

    def _tagged(self, asked: AwsAsked, params: Params) -> Topic:
        try:
            return self._topics.find(asked.account, params["ResourceArn"])
        except AwsError as error:
            if error.code not in {"NotFound", "InvalidParameter"}:
                raise
            raise AwsError("ResourceNotFound", "Resource does not exist", 404) from None


def page_of(names: Sequence[str], token: str) -> tuple[Sequence[str], Said]:
    """Cut the next hundred out of names that rise, and say how to go on."""
    left = [name for name in names if name > token]
    page = left[:PAGE]
    return page, ({"NextToken": page[-1]} if len(left) > PAGE else {})
