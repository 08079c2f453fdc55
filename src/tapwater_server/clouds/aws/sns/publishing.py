"""Tells who subscribed: queues and functions before the publisher is answered, the web after."""

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Protocol

import msgspec

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.reaching import Sent, Targets
from tapwater_server.clouds.aws.shapes.sqs_record import uuid_of
from tapwater_server.clouds.aws.shapes.unique import as_uuid
from tapwater_server.clouds.aws.sns.composing import (
    NOTIFICATION,
    Published,
    body_of,
    event_of,
    headers_of,
)
from tapwater_server.clouds.aws.sns.filtering import (
    ATTRIBUTES,
    BODY,
    Matcher,
    attributes_seen,
    body_seen,
    compile_policy,
)
from tapwater_server.clouds.aws.sns.reading import Notification
from tapwater_server.clouds.aws.sns.subscriptions import Subscription, SubscriptionBook
from tapwater_server.clouds.aws.sns.topics import Topic
from tapwater_server.ports.bus import Bus, Errand
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource

DEDUPE_S = 300.0
POLICIES_MAX = 1_000  # compiled ones that are kept
RECENT_MAX = 100_000  # deduplication ids of the last minutes
_STEP = 10_000  # Sequence numbers to a microsecond.


class Native(Protocol):
    """Of our topics: tells native functions and queues, durable before it returns."""

    async def tell(self, account: Account, topic: str, published: Published) -> None: ...


class Parcel(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one subscription is to be told, as an errand keeps it."""

    subscription: str  # its key
    account: str
    region: str
    kind: str = NOTIFICATION
    body: str
    headers: dict[str, str] = {}
    id: str = ""
    group: str = ""
    dedupe: str = ""
    subject: str = ""
    attributes: dict[str, dict[str, str]] = {}
    source: str = ""
    root: str = ""
    depth: int = 0


def line_of(home: str) -> str:
    """Name the line of what an account's topics have still to tell.

    >>> line_of("shop")
    'h:shop:sns'
    """
    return f"h:{home}:sns"


class Publisher:
    """Publishes; what it has returned from is with all who subscribed, or on disk for them."""

    def __init__(
        self,
        *,
        subscriptions: SubscriptionBook,
        targets: Targets,
        native: Native,
        bus: Bus,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._subscriptions, self._targets, self._native = subscriptions, targets, native
        self._bus, self._clock, self._ids = bus, clock, ids
        self._policies: dict[tuple[str, str], Matcher] = {}
        self._recent: dict[str, tuple[float, Published]] = {}
        self._last = 0

    async def publish(
        self, account: Account, topic: Topic, said: Notification, *, id: str = ""
    ) -> Published:
        """Tell everybody; the same in a FIFO topic within five minutes is told once, and so is
        what has an ``id`` that was told before.
        """
        published = self._named(account, topic, said, id)
        parcels = self.parcels(account, topic.name, published)
        later = [
            errand
            for errand in await asyncio.gather(
                self._tell_native(account, topic, published),
                *(self._send(account, one, parcel) for one, parcel in parcels),
            )
            if errand is not None
        ]
        if later:
            await self._bus.publish(later)
        return published

    def parcels(
        self, account: Account, topic: str, published: Published
    ) -> Sequence[tuple[Subscription, Parcel]]:
        """Say what each subscription is told that wants it."""
        return [
            (one, parcel_of(published, one, account))
            for one in self._subscriptions.of_topic(account, topic)
            if not one.token and self._wants(one, published.said)
        ]

    async def _tell_native(
        self, account: Account, topic: Topic, published: Published
    ) -> Errand | None:
        await self._native.tell(account, topic.name, published)
        return None

    async def _send(self, account: Account, one: Subscription, parcel: Parcel) -> Errand | None:
        """Hand it over now, or give the errand of doing so later."""
        if one.protocol in {"sqs", "lambda"}:
            try:
                await self._targets.send(account, one.endpoint, sent_of(parcel))
            except AwsError:
                return errand_of(parcel, account)
            return None
        return errand_of(parcel, account)

    def _wants(self, one: Subscription, said: Notification) -> bool:
        policy = one.attributes.get("FilterPolicy", "")
        if not policy:
            return True
        scope = one.attributes.get("FilterPolicyScope") or ATTRIBUTES
        matcher = self._policies.get((scope, policy))
        if matcher is None:
            matcher = self._policies[scope, policy] = compile_policy(policy, scope=scope)
            while len(self._policies) > POLICIES_MAX:
                del self._policies[next(iter(self._policies))]
        if scope == BODY:
            seen = body_seen(said.of(one.protocol))
            return seen is not None and matcher(seen)
        return matcher(attributes_seen(said.attributes))

    def _named(self, account: Account, topic: Topic, said: Notification, given: str) -> Published:
        """Give a message its id; one that a FIFO topic has had lately keeps its own."""
        now = self._clock.now()
        arn = account.arn("sns", topic.name)
        id = uuid_of(f"{given}\0{arn}") if given else as_uuid(self._ids.fresh())
        sequence = ""
        if topic.fifo:
            self._last = max(self._last + 1, int(now * 1_000_000) * _STEP)
            sequence = f"{self._last:020d}"
            place = f"{account.space}\0{topic.name}\0{topic.created}\0{said.dedupe}"
            if topic.attributes.get("FifoThroughputScope") == "MessageGroup":
                place += f"\0{said.group}"
            at, before = self._recent.get(place, (0.0, None))
            if before is not None and at > now - DEDUPE_S:
                return before
            id = _dedupe_id(place, now)
            published = Published(id=id, at=now, topic_arn=arn, said=said, sequence=sequence)
            self._remember(place, published)
            return published
        return Published(id=id, at=now, topic_arn=arn, said=said, sequence=sequence)

    def _remember(self, place: str, published: Published) -> None:
        self._recent.pop(place, None)
        self._recent[place] = (published.at, published)
        until = published.at - DEDUPE_S
        while len(self._recent) > RECENT_MAX or next(iter(self._recent.values()))[0] < until:
            del self._recent[next(iter(self._recent))]


def parcel_of(published: Published, one: Subscription, account: Account) -> Parcel:
    """Write what a subscription is told."""
    said = published.said
    body = body_of(published, one, account)
    if one.protocol == "lambda":
        body = event_of(published, one, account)
    headers = {}
    if one.protocol in {"http", "https"}:
        arn = published.topic_arn
        headers = headers_of(NOTIFICATION, one, account, id=published.id, topic_arn=arn)
    fifo = one.endpoint.endswith(".fifo")
    return Parcel(
        subscription=one.key,
        account=account.id,
        region=account.region,
        body=body,
        headers=headers,
        id=f"{published.id}.{one.id}",
        group=said.group,
        dedupe=said.dedupe if fifo else "",
        subject=said.subject,
        attributes={name: dict(value) for name, value in said.attributes.items()}
        if one.raw
        else {},
        source=published.topic_arn,
        root=said.chain.root,
        depth=said.chain.depth,
    )


def sent_of(parcel: Parcel) -> Sent:
    """Write a parcel as what a target takes."""
    return Sent(
        body=parcel.body.encode(),
        source=parcel.source,
        id=parcel.id,
        group=parcel.group,
        dedupe=parcel.dedupe,
        subject=parcel.subject,
        attributes=parcel.attributes,
        root=parcel.root,
        depth=parcel.depth,
    )


def errand_of(parcel: Parcel, account: Account) -> Errand:
    """Write a parcel as an errand."""
    return Errand(
        id=parcel.id,
        app=account.home,
        line=line_of(account.home),
        body=msgspec.json.encode(parcel),
        root=parcel.root or parcel.id,
        depth=parcel.depth,
    )


def _dedupe_id(place: str, now: float) -> str:
    """Make the id of a message of its deduplication id: told again, it arrives once."""
    made = hashlib.sha256(f"{place}\0{int(now // DEDUPE_S)}".encode()).hexdigest()
    return f"{made[:8]}-{made[8:12]}-{made[12:16]}-{made[16:20]}-{made[20:32]}"
