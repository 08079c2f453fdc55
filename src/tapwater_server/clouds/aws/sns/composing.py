"""What subscribers are told: the envelope of a notification, a function's event, headers. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.sns.reading import Notification
from tapwater_server.clouds.aws.sns.subscriptions import Subscription

# Nobody can check a signature of ours against a certificate of Amazon's: these fields are there
# because clients read them, and say so.
SIGNATURE = "UNSIGNED"
SIGNED_BY = "urn:tapwater:unsigned"
NOTIFICATION, CONFIRMATION = "Notification", "SubscriptionConfirmation"
_TEXT = "text/plain; charset=UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A notification that was given its id."""

    id: str
    at: float
    topic_arn: str
    said: Notification
    sequence: str = ""


def time_of(at: float) -> str:
    """Write a moment as SNS does.

    >>> time_of(0.5)
    '1970-01-01T00:00:00.500Z'
    """
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def body_of(published: Published, one: Subscription, account: Account) -> str:
    """Write what a queue or a web address gets."""
    said = published.said
    if one.raw:
        return said.of(one.protocol)
    body: dict[str, Any] = {
        "Type": NOTIFICATION,
        "MessageId": published.id,
        "TopicArn": published.topic_arn,
        "Message": said.of(one.protocol),
        "Timestamp": time_of(published.at),
        **_signed(),
        "UnsubscribeURL": unsubscribe_url(one, account),
    }
    if published.sequence:
        body["SequenceNumber"] = published.sequence
    if said.subject:
        body["Subject"] = said.subject
    if said.attributes:
        body["MessageAttributes"] = _attributes(said.attributes)
    return json.dumps(body, ensure_ascii=False)


def event_of(published: Published, one: Subscription, account: Account) -> str:
    """Write what a function gets."""
    said = published.said
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": one.arn(account),
        "Sns": {
            "Type": NOTIFICATION,
            "MessageId": published.id,
            "TopicArn": published.topic_arn,
            "Subject": said.subject or None,
            "Message": said.of(one.protocol),
            "Timestamp": time_of(published.at),
            "SignatureVersion": "1",
            "Signature": SIGNATURE,
            "SigningCertUrl": SIGNED_BY,
            "UnsubscribeUrl": unsubscribe_url(one, account),
            "MessageAttributes": _attributes(said.attributes),
        },
    }
    return json.dumps({"Records": [record]}, ensure_ascii=False)


def confirmation_of(one: Subscription, account: Account, *, id: str, at: float) -> str:
    """Write what asks a web address whether it wants to be told."""
    topic_arn = account.arn("sns", one.topic)
    return json.dumps(
        {
            "Type": CONFIRMATION,
            "MessageId": id,
            "Token": one.token,
            "TopicArn": topic_arn,
            "Message": f"You have chosen to subscribe to the topic {topic_arn}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message.",
            "SubscribeURL": _url(
                one, Action="ConfirmSubscription", TopicArn=topic_arn, Token=one.token
            ),
            "Timestamp": time_of(at),
            **_signed(),
        },
        ensure_ascii=False,
    )


def headers_of(
    kind: str, one: Subscription, account: Account, *, id: str, topic_arn: str
) -> dict[str, str]:
    """Write the headers of a request to a web address."""
    said = {
        "content-type": _TEXT,
        "user-agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": id,
        "x-amz-sns-topic-arn": topic_arn,
    }
    if kind == NOTIFICATION:
        said["x-amz-sns-subscription-arn"] = one.arn(account)
        if one.raw:
            said["x-amz-sns-rawdelivery"] = "true"
    return said


def unsubscribe_url(one: Subscription, account: Account) -> str:
    return _url(one, Action="Unsubscribe", SubscriptionArn=one.arn(account))


def _url(one: Subscription, **query: str) -> str:
    return f"{one.unsubscribe}/_/aws/sns/?{urlencode(query)}"


def _signed() -> dict[str, str]:
    return {"SignatureVersion": "1", "Signature": SIGNATURE, "SigningCertURL": SIGNED_BY}


def _attributes(said: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    return {
        name: {
            "Type": one["DataType"],
            "Value": one.get("StringValue") or one.get("BinaryValue", ""),
        }
        for name, one in said.items()
    }
