"""Delivers what was not taken when it was published, and all that goes to the web."""

from collections.abc import Callable, Sequence

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.reaching import Sent, Targets
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.clouds.aws.sns.composing import NOTIFICATION, Published
from tapwater_server.clouds.aws.sns.publishing import Parcel, Publisher, errand_of, sent_of
from tapwater_server.clouds.aws.sns.reading import Notification
from tapwater_server.clouds.aws.sns.retrying import delay_s
from tapwater_server.clouds.aws.sns.subscriptions import WEB, Subscription, SubscriptionBook
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.ports.bus import Dead, Delivery, Done, Errand, Later, Settlement
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.fetching import FetchFailed, Poster
from tapwater_server.ports.listening import Door, Serving

SEATS = 64  # Deliveries of one account under way at a time.
OURS = "sns-"  # begins the ids of native events that SNS itself has written
TOPIC_EVENT = "tapwater.topic.message"
_SOURCE = "/topics/"
_TOO_MUCH, _SERVER_ERROR = 429, 500


class Deliverer:
    """Keeps ``ports.listening.Listeners`` for the subscriptions of all accounts."""

    def __init__(
        self,
        *,
        subscriptions: SubscriptionBook,
        publisher: Publisher,
        targets: Targets,
        poster: Poster,
        clock: Clock,
        own_network: bool,
    ) -> None:
        self._subscriptions, self._publisher = subscriptions, publisher
        self._targets, self._poster, self._clock = targets, poster, clock
        self._own_network = own_network

    def serving(self, line: str) -> Serving | None:
        kind, _, name = line.partition(":")
        home, _, whose = name.partition(":")
        if kind != "h" or whose != "sns":
            return None
        return Serving(listener=self, app=AppId(home), seats=SEATS)

    def watch(self, told: Callable[[], None]) -> None:
        """Who serves these lines never changes."""

    def heard(self, event: Event) -> Sequence[Errand]:
        """What native code publishes is for the topic's subscriptions as well."""
        if event.type != TOPIC_EVENT or event.id.startswith(OURS):
            return ()
        topic = event.source.removeprefix(_SOURCE)
        home = Account(id="", home=AppId(event.app))
        found = self._subscriptions.of_topic(home, topic)
        if not found:
            return ()
        account = Account(id=found[0].account, home=AppId(event.app), region=found[0].region)
        published = _published(event, account, topic)
        parcels = self._publisher.parcels(account, topic, published)
        return [errand_of(parcel, account) for _, parcel in parcels]

    async def deliver(self, deliveries: Sequence[Delivery], door: Door) -> Sequence[Settlement]:
        return [await self._one(delivery) for delivery in deliveries]

    async def _one(self, delivery: Delivery) -> Settlement:
        parcel = msgspec.json.decode(delivery.errand.body, type=Parcel)
        home = AppId(delivery.errand.app)
        account = Account(id=parcel.account, home=home, region=parcel.region)
        one = self._subscriptions.get(account, parcel.subscription)
        if one is None or (parcel.kind != NOTIFICATION and not one.token):
            return Done()  # Nobody wants to be told any more.
        try:
            await self._hand_over(account, one, parcel)
        except AwsError as error:
            final = error.status < _SERVER_ERROR and error.status != _TOO_MUCH
            return await self._failed(account, one, parcel, delivery, error.message, final=final)
        except FetchFailed as error:
            return await self._failed(account, one, parcel, delivery, str(error), final=False)
        return Done()

    async def _hand_over(self, account: Account, one: Subscription, parcel: Parcel) -> None:
        if one.protocol in WEB:
            await self._poster.post(
                one.endpoint,
                body=parcel.body.encode(),
                headers=parcel.headers,
                own_network=self._own_network,
            )
        else:
            await self._targets.send(account, one.endpoint, sent_of(parcel))

    async def _failed(
        self,
        account: Account,
        one: Subscription,
        parcel: Parcel,
        delivery: Delivery,
        why: str,
        *,
        final: bool,
    ) -> Settlement:
        """Try again, or give it up: to the subscription's dead-letter queue, and as one of ours."""
        reason = f"{one.endpoint} did not take it: {why}"
        age_s = self._clock.now() - delivery.published_at
        wait_s = None if final else delay_s(one, attempt=delivery.attempt, age_s=age_s)
        if wait_s is not None:
            return Later(wait_s, reason)
        if not one.dead_letters or parcel.kind != NOTIFICATION:
            return Dead(reason)
        sent = Sent(
            body=parcel.body.encode(),
            source=parcel.source,
            id=f"{parcel.id}.dead",
            group=parcel.group,
            dedupe=parcel.dedupe,
            attributes=parcel.attributes,
        )
        try:
            await self._targets.send(account, one.dead_letters, sent)
        except AwsError as error:
            return Dead(f"{reason} (and neither did {one.dead_letters}: {error.message})")
        return Done()


def _published(event: Event, account: Account, topic: str) -> Published:
    """Read what native code has published as a notification."""
    message = event.data.decode("utf-8", "replace")
    attributes = {
        name: {"DataType": "String", "StringValue": str(value)}
        for name, value in event.extensions.items()
        if str(value)
    }
    said = Notification(message=message, attributes=attributes, group=event.key)
    return Published(
        id=_uuid(event.id), at=event.at, topic_arn=account.arn("sns", topic), said=said
    )


def _uuid(id: str) -> str:
    try:
        return as_uuid(id)
    except ValueError:
        return id
