"""Who subscribed to which topic: kept as facts, checked when they are made and changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.shapes.sqs_record import is_fifo
from tapwater_server.clouds.aws.sns.errors import invalid, no_subscription, not_here
from tapwater_server.clouds.aws.sns.filtering import ATTRIBUTES, check_policy
from tapwater_server.clouds.aws.sns.topics import Topic
from tapwater_server.ports.facts import Drop, Facts, Put

KIND = "sns/subscription"
SUBSCRIPTIONS_MAX = 10_000  # of one topic
TIMES_MAX = 3_600  # seconds, or retries, of a delivery policy
PENDING = "PendingConfirmation"
WEB = frozenset({"http", "https"})
_ARNS = frozenset({"sqs", "lambda"})
_COUNTS = ("minDelayTarget", "maxDelayTarget", "numRetries", "numNoDelayRetries")
_FLAGS = frozenset({"RawMessageDelivery"})
_SETTABLE = frozenset(
    {
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "SubscriptionRoleArn",
    }
)
_PHONES = {"sms": "SMS", "application": "Mobile push", "email": "E-mail", "firehose": "Firehose"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription."""

    topic: str
    id: str
    protocol: str
    endpoint: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    token: str = ""  # it waits to be confirmed with this
    unsubscribe: str = ""  # base of the address that ends it: "http://HOST"
    account: str = ""
    region: str = "us-east-1"

    @property
    def key(self) -> str:
        return f"{self.topic}:{self.id}"

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"

    @property
    def dead_letters(self) -> str:
        """ARN of the queue that gets what could not be delivered."""
        policy = self.attributes.get("RedrivePolicy", "")
        return str(msgspec.json.decode(policy)["deadLetterTargetArn"]) if policy else ""

    def arn(self, account: Account) -> str:
        return account.arn("sns", self.key)


class SubscriptionBook:
    """Keeps subscriptions as facts."""

    def __init__(self, *, facts: Facts) -> None:
        self._facts = facts

    def of_topic(self, account: Account, topic: str) -> Sequence[Subscription]:
        found = self._facts.list(account.space, KIND, prefix=f"{topic}:")
        return [_read(topic, fact.key, fact.value) for fact in found]

    def all(self, account: Account) -> Sequence[Subscription]:
        found = self._facts.list(account.space, KIND)
        return [_read(fact.key.rpartition(":")[0], fact.key, fact.value) for fact in found]

    def get(self, account: Account, key: str) -> Subscription | None:
        fact = self._facts.get(account.space, KIND, key)
        return None if fact is None else _read(key.rpartition(":")[0], key, fact.value)

    def find(self, account: Account, arn: str) -> Subscription:
        """Find the subscription that an ARN names.

        Raises:
            AwsError: there is none, or that is no such ARN.
        """
        parsed = parse_arn(arn)
        if parsed is None or parsed.service != "sns" or ":" not in parsed.resource:
            raise invalid(f"SubscriptionArn Reason: {arn[:200]} is not the ARN of a subscription")
        found = self.get(account, parsed.resource) if parsed.account == account.id else None
        if found is None:
            raise no_subscription()
        return found

    async def keep(self, account: Account, one: Subscription) -> None:
        value = {
            "protocol": one.protocol,
            "endpoint": one.endpoint,
            "attributes": dict(one.attributes),
            "token": one.token,
            "unsubscribe": one.unsubscribe,
            "account": account.id,
            "region": account.region,
        }
        await self._facts.change(account.space, [Put(kind=KIND, key=one.key, value=value)])

    async def change(self, account: Account, one: Subscription, key: str, value: str) -> None:
        """Set an attribute; "" takes it away.

        Raises:
            AwsError: there is no such attribute, or not with this value.
        """
        said = {**one.attributes, key: value}
        check_attributes({key: value}, whole=said)
        kept = {name: text for name, text in said.items() if text}
        await self.keep(account, replace(one, attributes=kept))

    async def end(self, account: Account, one: Subscription) -> None:
        await self._facts.change(account.space, [Drop(kind=KIND, key=one.key)])


def check_endpoint(topic: Topic, protocol: str, endpoint: str) -> None:
    """Refuse what a topic cannot be sent to.

    Raises:
        AwsError: it cannot.
    """
    if protocol in _PHONES or protocol == "email-json":
        raise not_here(f"{_PHONES.get(protocol, 'E-mail')} as a protocol of subscriptions")
    if protocol not in _ARNS | WEB:
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol[:100]}")
    if topic.fifo and protocol != "sqs":
        raise invalid(
            f"Invalid parameter: Endpoint Reason: Please use FIFO SQS queue; {protocol} "
            "cannot be subscribed to a FIFO topic"
        )
    if protocol in WEB:
        if not endpoint.startswith(f"{protocol}://"):
            raise invalid("Endpoint must match the specified protocol")
        return
    parsed = parse_arn(endpoint)
    if parsed is None or parsed.service != protocol or not parsed.resource:
        raise invalid("SQS endpoint ARN" if protocol == "sqs" else "Lambda endpoint ARN")
    if protocol == "sqs" and is_fifo(parsed.resource) and not topic.fifo:
        raise invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
            "standard SNS topics"
        )


def check_attributes(said: Mapping[str, str], *, whole: Mapping[str, str]) -> None:
    """Refuse what no subscription has; ``whole``: with what it has already.

    Raises:
        AwsError: it has not.
    """
    for name, value in said.items():
        if name not in _SETTABLE:
            raise invalid("AttributeName")
        if name in _FLAGS and value.lower() not in {"true", "false"}:
            raise invalid(f"{name}: Invalid value [{value[:100]}]. Must be true or false.")
        if name == "RedrivePolicy" and value:
            _check_redrive(value)
        if name == "DeliveryPolicy" and value:
            _check_delivery(_object(name, value))
    if {"FilterPolicy", "FilterPolicyScope"} & set(said):
        check_policy(whole.get("FilterPolicy", ""), whole.get("FilterPolicyScope") or ATTRIBUTES)


def _check_delivery(said: Mapping[str, object]) -> None:
    retrying = said.get("healthyRetryPolicy", {})
    numbers = retrying.values() if isinstance(retrying, dict) else [None]
    for number in numbers:
        good = isinstance(number, str) or (isinstance(number, int) and 0 <= number <= TIMES_MAX)
        if not good:
            raise invalid("DeliveryPolicy: healthyRetryPolicy has a value out of its range")
    if isinstance(retrying, dict) and any(isinstance(retrying.get(name), str) for name in _COUNTS):
        raise invalid("DeliveryPolicy: healthyRetryPolicy has a text where a number belongs")


def _check_redrive(value: str) -> None:
    arn = parse_arn(str(_object("RedrivePolicy", value).get("deadLetterTargetArn", "")))
    if arn is None or arn.service != "sqs":
        raise invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")


def _object(name: str, value: str) -> dict[str, object]:
    try:
        said = msgspec.json.decode(value)
    except (msgspec.DecodeError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise AwsError("InvalidParameter", f"Invalid parameter: {name}: failed to parse JSON.")
    return said


def _read(topic: str, key: str, value: Mapping[str, object]) -> Subscription:
    return Subscription(topic=topic, id=key.rpartition(":")[2], **value)  # type: ignore[arg-type]
