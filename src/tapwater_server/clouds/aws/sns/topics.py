"""The topics of an account: made, found, described, changed, removed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.shapes.sqs_record import is_fifo
from tapwater_server.clouds.aws.sns.errors import invalid, no_topic
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Facts, Put

KIND = "sns/topic"
TAGS_MAX = 50
POLICY_LENGTH_MAX = 30 << 10
_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}|(?=.{1,256}\Z)[A-Za-z0-9_-]+\.fifo")
_SETTABLE = frozenset(
    {
        "ArchivePolicy",
        "ContentBasedDeduplication",
        "DeliveryPolicy",
        "DisplayName",
        "FifoThroughputScope",
        "KmsMasterKeyId",
        "Policy",
        "SignatureVersion",
        "TracingConfig",
    }
)
_FEEDBACK = re.compile(
    r"(HTTP|SQS|Lambda|Firehose|Application)"
    r"(Success|Failure)Feedback(RoleArn|SampleRate)"
)
_CHOICES: Mapping[str, frozenset[str]] = {
    "ContentBasedDeduplication": frozenset({"true", "false"}),
    "FifoThroughputScope": frozenset({"Topic", "MessageGroup"}),
    "SignatureVersion": frozenset({"1", "2"}),
    "TracingConfig": frozenset({"PassThrough", "Active"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """One topic."""

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0

    @property
    def fifo(self) -> bool:
        return is_fifo(self.name)


class TopicBook:
    """Keeps topics as facts; a native topic is none of SNS' before somebody makes it one."""

    def __init__(self, *, facts: Facts, clock: Clock) -> None:
        self._facts, self._clock = facts, clock

    def known(self, account: Account, name: str) -> Topic | None:
        fact = self._facts.get(account.space, KIND, name)
        return None if fact is None else Topic(name=name, **fact.value)

    def find(self, account: Account, arn: str) -> Topic:
        """Find the topic that an ARN names.

        Raises:
            AwsError: there is none, or that is no such ARN.
        """
        parsed = parse_arn(arn)
        if parsed is None or parsed.service != "sns" or not parsed.resource:
            raise invalid("TopicArn")
        found = self.known(account, parsed.resource) if parsed.account == account.id else None
        if found is None:
            raise no_topic()
        return found

    def all(self, account: Account) -> Sequence[Topic]:
        return [
            Topic(name=fact.key, **fact.value) for fact in self._facts.list(account.space, KIND)
        ]

    async def create(
        self, account: Account, name: str, said: Mapping[str, str], tags: Mapping[str, str]
    ) -> Topic:
        """Make a topic; one that is there already must be the same as far as said.

        Raises:
            AwsError: it is not, or what is said is malformed.
        """
        check_name(name, said)
        asked = {key: _plain(value) for key, value in said.items() if key != "FifoTopic"}
        for key, value in asked.items():
            check_attribute(name, key, value)
        check_tags(tags)
        there = self.known(account, name)
        if there is None:
            topic = Topic(name=name, attributes=asked, tags=dict(tags), created=self._clock.now())
            await self.keep(account, topic)
            return topic
        if any(there.attributes.get(key, "") != value for key, value in asked.items()):
            raise invalid("Attributes Reason: Topic already exists with different attributes")
        if tags and dict(there.tags) != dict(tags):
            raise invalid("Tags Reason: Topic already exists with different tags")
        return there

    async def change(self, account: Account, topic: Topic, key: str, value: str) -> None:
        """Set an attribute; "" takes it away.

        Raises:
            AwsError: there is no such attribute, or not with this value.
        """
        check_attribute(topic.name, key, value)
        attributes = {**topic.attributes, key: _plain(value)}
        kept = {name: said for name, said in attributes.items() if said}
        await self.keep(account, replace(topic, attributes=kept))

    async def keep(self, account: Account, topic: Topic) -> None:
        value = {
            "attributes": dict(topic.attributes),
            "tags": dict(topic.tags),
            "created": topic.created,
        }
        await self._facts.change(account.space, [Put(kind=KIND, key=topic.name, value=value)])

    async def delete(self, account: Account, name: str, kind: str, others: Sequence[str]) -> None:
        """Forget a topic, and the facts of its subscriptions, in one step."""
        steps = [Drop(kind=KIND, key=name), *(Drop(kind=kind, key=key) for key in others)]
        await self._facts.change(account.space, steps)


def check_name(name: str, said: Mapping[str, str]) -> None:
    """Refuse what cannot name a topic.

    Raises:
        AwsError: it cannot.
    """
    wants_fifo = said.get("FifoTopic", "").lower() == "true"
    if not _NAME.fullmatch(name) or is_fifo(name) != wants_fifo:
        if wants_fifo:
            raise invalid(
                "Fifo Topic names must end with .fifo and must be made up of only uppercase and "
                "lowercase ASCII letters, numbers, underscores, and hyphens, and must be between "
                "1 and 256 characters long."
            )
        raise invalid(
            "Topic names must be made up of only uppercase and lowercase ASCII letters, numbers, "
            "underscores, and hyphens, and must be between 1 and 256 characters long."
        )


def check_attribute(topic: str, key: str, value: str) -> None:
    """Refuse what no topic has.

    Raises:
        AwsError: it has not.
    """
    if key == "ArchivePolicy" and value:
        raise invalid("AttributeName Reason: archives of messages are not kept here")
    known = key in _SETTABLE or bool(_FEEDBACK.fullmatch(key))
    if not known or (key == "ContentBasedDeduplication" and not is_fifo(topic)):
        raise invalid("AttributeName")
    if key in _CHOICES and value and value.lower() not in {one.lower() for one in _CHOICES[key]}:
        raise invalid(f"{key} Reason: invalid value [{value[:100]}]")
    if key in {"Policy", "DeliveryPolicy"} and value and not _is_object(value):
        raise invalid(f"{key} Error: failed to parse JSON.")


def check_tags(tags: Mapping[str, str]) -> None:
    """Refuse too many tags.

    Raises:
        AwsError: there are.
    """
    if len(tags) > TAGS_MAX:
        raise AwsError(
            "TagLimitExceeded",
            "Could not complete request: tag quota of per resource exceeded",
        )


def shown(topic: Topic, account: Account, counts: Mapping[str, int]) -> dict[str, str]:
    """Write all attributes of a topic. ``counts``: of its subscriptions."""
    arn = account.arn("sns", topic.name)
    said = {
        "TopicArn": arn,
        "Owner": account.id,
        "DisplayName": "",
        "DeliveryPolicy": "",
        "Policy": default_policy(arn, account.id),
        "SubscriptionsConfirmed": str(counts.get("confirmed", 0)),
        "SubscriptionsPending": str(counts.get("pending", 0)),
        "SubscriptionsDeleted": "0",
        "EffectiveDeliveryPolicy": topic.attributes.get("DeliveryPolicy") or _DELIVERY,
        **topic.attributes,
    }
    if topic.fifo:
        said = {"ContentBasedDeduplication": "false", **said, "FifoTopic": "true"}
    return said


_DELIVERY = msgspec.json.encode(
    {
        "http": {
            "defaultHealthyRetryPolicy": {
                "minDelayTarget": 20,
                "maxDelayTarget": 20,
                "numRetries": 3,
                "numMaxDelayRetries": 0,
                "numNoDelayRetries": 0,
                "numMinDelayRetries": 0,
                "backoffFunction": "linear",
            },
            "disableSubscriptionOverrides": False,
            "defaultRequestPolicy": {"headerContentType": "text/plain; charset=UTF-8"},
        }
    }
).decode()


def default_policy(arn: str, owner: str) -> str:
    """Write the policy of a topic that was given none: its owner may everything."""
    actions = (
        "GetTopicAttributes SetTopicAttributes AddPermission RemovePermission DeleteTopic "
        "Subscribe ListSubscriptionsByTopic Publish"
    )
    statement: dict[str, Any] = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{one}" for one in actions.split()],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
    }
    said = {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
    return msgspec.json.encode(said).decode()


def _plain(value: str) -> str:
    return value.lower() if value.lower() in {"true", "false"} else value


def _is_object(text: str) -> bool:
    if len(text) > POLICY_LENGTH_MAX:
        return False
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        return False
