"""SNS on facts, on our topics, and on whatever its subscriptions name."""

import re

from tapwater_server.assembly.aws.ground import AwsGround, AwsPart
from tapwater_server.backends.https.fetcher import HttpsFetcher
from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.sns.composing import Published
from tapwater_server.clouds.aws.sns.delivering import OURS, Deliverer
from tapwater_server.clouds.aws.sns.operations_subscriptions import SubscriptionOperations
from tapwater_server.clouds.aws.sns.operations_topics import TopicOperations
from tapwater_server.clouds.aws.sns.publishing import Publisher
from tapwater_server.clouds.aws.sns.service import PATH, PublishOperations, SnsService
from tapwater_server.clouds.aws.sns.subscriptions import SubscriptionBook
from tapwater_server.clouds.aws.sns.targets import TopicTargets
from tapwater_server.clouds.aws.sns.topics import TopicBook
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import TEXT, Message
from tapwater_server.services.queues.sending import Chain, Draft
from tapwater_server.services.queues.topics import TopicService

_NATIVE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")  # What can name a topic of ours.
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")
_TAKEN = frozenset({"id", "source", "specversion", "type", "subject", "time", "data", "topic"})


class NativeTopics:
    """Tells native functions and queues what was published with SNS."""

    def __init__(self, topics: TopicService) -> None:
        self._topics = topics

    async def tell(self, account: Account, topic: str, published: Published) -> None:
        if not _NATIVE.fullmatch(topic):
            return  # Nothing native can hear a topic of that name.
        said = published.said
        attributes = {
            name: one["StringValue"]
            for name, one in said.attributes.items()
            if "StringValue" in one and _EXTENSION.fullmatch(name) and name not in _TAKEN
        }
        message = Message(body=said.message.encode(), content_type=TEXT, attributes=attributes)
        draft = Draft(message=message, key=said.group, id=f"{OURS}{published.id}")
        [sent] = await self._topics.publish(account.home, topic, [draft], chain=Chain())
        if sent.error is not None:
            raise sent.error


async def open_sns(ground: AwsGround) -> AwsPart:
    """Build the service."""
    node = ground.node
    stores, clock, ids, settings = node.stores, node.clock, node.ids, node.settings
    _, native = ground.parts["queues"]
    fetcher = HttpsFetcher()
    node.stack.push_async_callback(fetcher.close)
    topics = TopicBook(facts=stores.facts, clock=clock)
    subscriptions = SubscriptionBook(facts=stores.facts)
    publisher = Publisher(
        subscriptions=subscriptions,
        targets=ground.targets,
        native=NativeTopics(native),
        bus=stores.bus,
        clock=clock,
        ids=ids,
    )
    node.listening.add(
        Deliverer(
            subscriptions=subscriptions,
            publisher=publisher,
            targets=ground.targets,
            poster=fetcher,
            clock=clock,
            own_network=settings.reach_private or settings.dev,
        )
    )
    home = Account(
        id=settings.aws_account_id, home=AppId(settings.aws_home), region=settings.aws_region
    )
    service = SnsService(
        topics=TopicOperations(topics=topics, subscriptions=subscriptions),
        subscriptions=SubscriptionOperations(
            topics=topics, subscriptions=subscriptions, bus=stores.bus, clock=clock, ids=ids
        ),
        publishing=PublishOperations(topics=topics, publisher=publisher),
        home=home,
    )
    return AwsPart(
        names=("sns",),
        service=service,
        paths=(PATH,),
        targets={"sns": TopicTargets(topics=topics, publisher=publisher)},
    )
