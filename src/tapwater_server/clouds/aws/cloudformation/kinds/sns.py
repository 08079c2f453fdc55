"""AWS::SNS::Topic, Subscription and TopicPolicy."""

import json
from typing import Any

from tapwater_server.clouds.aws.cloudformation.intrinsics import text
from tapwater_server.clouds.aws.cloudformation.kind import (
    Doing,
    Kind,
    Made,
    Properties,
    tag_list,
)

_TOPIC = (
    *("DisplayName", "FifoTopic", "ContentBasedDeduplication", "KmsMasterKeyId"),
    *("SignatureVersion", "TracingConfig", "DeliveryPolicy", "FifoThroughputScope"),
)
_SUBSCRIPTION = (
    *("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy"),
    *("DeliveryPolicy", "SubscriptionRoleArn"),
)


def _attributes(properties: Properties, names: tuple[str, ...]) -> dict[str, str]:
    return {name: _attribute(properties[name]) for name in names if name in properties}


def _attribute(value: Any) -> str:
    return json.dumps(value) if isinstance(value, dict) else str(text(value))


async def _create_topic(doing: Doing) -> Made:
    name = doing.name("TopicName", length_max=240)
    attributes = _attributes(doing.want, _TOPIC)
    if attributes.get("FifoTopic") == "true" and not name.endswith(".fifo"):
        name += ".fifo"
    found = await doing.call(
        "sns",
        "CreateTopic",
        Name=name,
        Attributes=attributes,
        Tags=tag_list(doing.want, doing.tags) or None,
    )
    arn = str(found["TopicArn"])
    await doing.begun(arn)
    for one in doing.want.get("Subscription") or []:
        await doing.call(
            "sns", "Subscribe", TopicArn=arn, Protocol=one["Protocol"], Endpoint=one["Endpoint"]
        )
    return Made(id=arn, attributes={"TopicArn": arn, "TopicName": name})


async def _update_topic(doing: Doing) -> Made:
    had, want = _attributes(doing.had, _TOPIC), _attributes(doing.want, _TOPIC)
    for name in sorted(had.keys() | want.keys()):
        if had.get(name) != want.get(name):
            await doing.call(
                "sns",
                "SetTopicAttributes",
                TopicArn=doing.id,
                AttributeName=name,
                AttributeValue=want.get(name, ""),
            )
    return Made(id=doing.id, attributes=doing.attributes)


async def _delete_topic(doing: Doing) -> None:
    arn = doing.id if doing.id.startswith("arn:") else doing.account.arn("sns", doing.id)
    await doing.forget("sns", "DeleteTopic", TopicArn=arn)


async def _subscribe(doing: Doing) -> Made:
    found = await doing.call(
        "sns",
        "Subscribe",
        TopicArn=doing.want["TopicArn"],
        Protocol=doing.want["Protocol"],
        Endpoint=doing.want.get("Endpoint"),
        Attributes=_attributes(doing.want, _SUBSCRIPTION),
        ReturnSubscriptionArn=True,
    )
    return Made(id=str(found["SubscriptionArn"]))


async def _resubscribe(doing: Doing) -> Made:
    had, want = _attributes(doing.had, _SUBSCRIPTION), _attributes(doing.want, _SUBSCRIPTION)
    for name in sorted(had.keys() | want.keys()):
        if had.get(name) != want.get(name):
            await doing.call(
                "sns",
                "SetSubscriptionAttributes",
                SubscriptionArn=doing.id,
                AttributeName=name,
                AttributeValue=want.get(name, "{}"),
            )
    return Made(id=doing.id)


async def _unsubscribe(doing: Doing) -> None:
    await doing.forget("sns", "Unsubscribe", SubscriptionArn=doing.id)


async def _put_policy(doing: Doing) -> Made:
    for arn in doing.want["Topics"]:
        await doing.call(
            "sns",
            "SetTopicAttributes",
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=_attribute(doing.want["PolicyDocument"]),
        )
    id = doing.id or f"{doing.stack}-{doing.logical}-{doing.token}"
    return Made(id=id, attributes={"Id": id})


async def _keep_policy(doing: Doing) -> None:
    """A topic always has a policy: AWS too leaves the last one."""


KINDS = (
    Kind(
        type="AWS::SNS::Topic",
        create=_create_topic,
        update=_update_topic,
        delete=_delete_topic,
        takes=frozenset({"TopicName", "Subscription", "Tags", *_TOPIC}),
        replaced=frozenset({"TopicName", "FifoTopic", "Subscription"}),
        named="TopicName",
    ),
    Kind(
        type="AWS::SNS::Subscription",
        create=_subscribe,
        update=_resubscribe,
        delete=_unsubscribe,
        takes=frozenset({"TopicArn", "Protocol", "Endpoint", *_SUBSCRIPTION}),
        ignored=frozenset({"Region"}),
        replaced=frozenset({"TopicArn", "Protocol", "Endpoint"}),
    ),
    Kind(
        type="AWS::SNS::TopicPolicy",
        create=_put_policy,
        update=_put_policy,
        delete=_keep_policy,
        takes=frozenset({"Topics", "PolicyDocument"}),
    ),
)
