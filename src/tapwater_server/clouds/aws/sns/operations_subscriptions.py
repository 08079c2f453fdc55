"""What clients do with subscriptions: subscribe, confirm, describe, change, list, end."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsAsked, AwsError
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.clouds.aws.sns.composing import CONFIRMATION, confirmation_of, headers_of
from tapwater_server.clouds.aws.sns.errors import invalid
from tapwater_server.clouds.aws.sns.operations_topics import page_of
from tapwater_server.clouds.aws.sns.publishing import Parcel, errand_of
from tapwater_server.clouds.aws.sns.subscriptions import (
    PENDING,
    SUBSCRIPTIONS_MAX,
    WEB,
    Subscription,
    SubscriptionBook,
    check_attributes,
    check_endpoint,
)
from tapwater_server.clouds.aws.sns.topics import TopicBook
from tapwater_server.ports.bus import Bus
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource

Params = Mapping[str, Any]
Said = dict[str, Any]
_WAITS = "pending confirmation"


class SubscriptionOperations:
    """The operations of SNS on subscriptions."""

    def __init__(
        self,
        *,
        topics: TopicBook,
        subscriptions: SubscriptionBook,
        bus: Bus,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._topics, self._subscriptions = topics, subscriptions
        self._bus, self._clock, self._ids = bus, clock, ids

    async def subscribe(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._topics.find(asked.account, params["TopicArn"])
        protocol, endpoint = params["Protocol"], params.get("Endpoint", "")
        check_endpoint(topic, protocol, endpoint)
        attributes = {name: text for name, text in params.get("Attributes", {}).items() if text}
        check_attributes(attributes, whole=attributes)
        there = self._subscriptions.of_topic(asked.account, topic.name)
        one = next((each for each in there if _is(each, protocol, endpoint)), None)
        if one is not None:
            if any(one.attributes.get(name) != text for name, text in attributes.items()):
                raise invalid(
                    "Attributes Reason: Subscription already exists with different attributes"
                )
        elif len(there) >= SUBSCRIPTIONS_MAX:
            raise AwsError("SubscriptionLimitExceeded", "The topic has too many subscriptions", 403)
        else:
            one = Subscription(
                topic=topic.name,
                id=as_uuid(self._ids.fresh()),
                protocol=protocol,
                endpoint=endpoint,
                attributes=attributes,
                token=self._ids.secret() if protocol in WEB else "",
                unsubscribe=f"{asked.scheme}://{asked.host}",
            )
            await self._subscriptions.keep(asked.account, one)
        if one.token:
            await self._ask(asked.account, one)
        shown = one.arn(asked.account)
        if one.token and not params.get("ReturnSubscriptionArn"):
            shown = _WAITS
        return {"SubscriptionArn": shown}

    async def confirm(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._topics.find(asked.account, params["TopicArn"])
        for one in self._subscriptions.of_topic(asked.account, topic.name):
            if one.token and one.token == params["Token"]:
                await self._subscriptions.keep(asked.account, replace(one, token=""))
                return {"SubscriptionArn": one.arn(asked.account)}
        raise invalid("Token")

    async def unsubscribe(self, asked: AwsAsked, params: Params) -> Said:
        """End a subscription; one that has ended is no error."""
        try:
            one = self._subscriptions.find(asked.account, params["SubscriptionArn"])
        except AwsError as error:
            if error.code == "NotFound":
                return {}
            raise
        await self._subscriptions.end(asked.account, one)
        return {}

    async def attributes(self, asked: AwsAsked, params: Params) -> Said:
        one = self._subscriptions.find(asked.account, params["SubscriptionArn"])
        said = {
            "SubscriptionArn": one.arn(asked.account),
            "TopicArn": asked.account.arn("sns", one.topic),
            "Owner": asked.account.id,
            "Protocol": one.protocol,
            "Endpoint": one.endpoint,
            "PendingConfirmation": "true" if one.token else "false",
            "ConfirmationWasAuthenticated": "false" if one.protocol in WEB else "true",
            "RawMessageDelivery": "false",
            "SubscriptionPrincipal": f"arn:aws:iam::{asked.account.id}:root",
            **one.attributes,
        }
        if "FilterPolicy" in said:
            said.setdefault("FilterPolicyScope", "MessageAttributes")
        return {"Attributes": said}

    async def set_attributes(self, asked: AwsAsked, params: Params) -> Said:
        one = self._subscriptions.find(asked.account, params["SubscriptionArn"])
        name, value = params["AttributeName"], params.get("AttributeValue", "")
        await self._subscriptions.change(asked.account, one, name, value)
        return {}

    async def list(self, asked: AwsAsked, params: Params) -> Said:
        return _listed(asked.account, self._subscriptions.all(asked.account), params)

    async def list_of_topic(self, asked: AwsAsked, params: Params) -> Said:
        topic = self._topics.find(asked.account, params["TopicArn"])
        found = self._subscriptions.of_topic(asked.account, topic.name)
        return _listed(asked.account, found, params)

    async def _ask(self, account: Account, one: Subscription) -> None:
        """Have the address asked whether it wants to be told."""
        id, arn = as_uuid(self._ids.fresh()), account.arn("sns", one.topic)
        parcel = Parcel(
            subscription=one.key,
            account=account.id,
            region=account.region,
            kind=CONFIRMATION,
            body=confirmation_of(one, account, id=id, at=self._clock.now()),
            headers=headers_of(CONFIRMATION, one, account, id=id, topic_arn=arn),
            id=id,
            source=arn,
        )
        await self._bus.publish([errand_of(parcel, account)])


def _is(one: Subscription, protocol: str, endpoint: str) -> bool:
    return (one.protocol, one.endpoint) == (protocol, endpoint)


def _listed(account: Account, found: Sequence[Subscription], params: Params) -> Said:
    by_key = {one.key: one for one in found}
    page, more = page_of(sorted(by_key), params.get("NextToken", ""))
    return {"Subscriptions": [_shown(by_key[key], account) for key in page]} | more


def _shown(one: Subscription, account: Account) -> Said:
    return {
        "SubscriptionArn": PENDING if one.token else one.arn(account),
        "Owner": account.id,
        "Protocol": one.protocol,
        "Endpoint": one.endpoint,
        "TopicArn": account.arn("sns", one.topic),
    }
