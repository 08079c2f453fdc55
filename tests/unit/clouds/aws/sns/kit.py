"""SNS in memory above SQS in memory, a web that takes or refuses, and a way to ask."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

from tapwater_server.assembly.aws.sns import NativeTopics
from tapwater_server.backends.memory.eventlog import MemoryEventLog
from tapwater_server.clouds.aws.post.targets import ByService
from tapwater_server.clouds.aws.sns.delivering import Deliverer
from tapwater_server.clouds.aws.sns.operations_subscriptions import SubscriptionOperations
from tapwater_server.clouds.aws.sns.operations_topics import TopicOperations
from tapwater_server.clouds.aws.sns.publishing import Publisher, line_of
from tapwater_server.clouds.aws.sns.service import PublishOperations, SnsService
from tapwater_server.clouds.aws.sns.subscriptions import SubscriptionBook
from tapwater_server.clouds.aws.sns.targets import TopicTargets
from tapwater_server.clouds.aws.sns.topics import TopicBook
from tapwater_server.model.invocation import Outcome
from tapwater_server.ports.bus import Settlement
from tapwater_server.ports.fetching import FetchFailed
from tapwater_server.ports.listening import Told
from tapwater_server.services.queues.topics import TopicService
from tests.unit.clouds.aws.sqs.kit import ACCOUNT, CALLER, House, asked

_XML = "{http://sns.amazonaws.com/doc/2010-03-31/}"


class Web:
    """Takes what is posted, unless it is said to refuse."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, str, dict[str, str]]] = []
        self.refuses = False

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], own_network: bool
    ) -> None:
        if self.refuses:
            raise FetchFailed("the answer has status 500")
        self.posted.append((url, body.decode(), dict(headers)))


class Topics(House):
    """A House of SQS with SNS above it."""

    def __init__(self) -> None:
        super().__init__()
        self.web, self.log = Web(), MemoryEventLog(clock=self.clock)
        self.by_service = ByService()
        native = TopicService(
            queues=self.queues, bus=self.bus, log=self.log, clock=self.clock, ids=self.ids
        )
        self.native_topics = native
        topics = TopicBook(facts=self.facts, clock=self.clock)
        subscriptions = SubscriptionBook(facts=self.facts)
        publisher = Publisher(
            subscriptions=subscriptions,
            targets=self.by_service,
            native=NativeTopics(native),
            bus=self.bus,
            clock=self.clock,
            ids=self.ids,
        )
        self.deliverer = Deliverer(
            subscriptions=subscriptions,
            publisher=publisher,
            targets=self.by_service,
            poster=self.web,
            clock=self.clock,
            own_network=False,
        )
        self.by_service.add({"sqs": self.targets})
        self.by_service.add({"sns": TopicTargets(topics=topics, publisher=publisher)})
        self.sns = SnsService(
            topics=TopicOperations(topics=topics, subscriptions=subscriptions),
            subscriptions=SubscriptionOperations(
                topics=topics,
                subscriptions=subscriptions,
                bus=self.bus,
                clock=self.clock,
                ids=self.ids,
            ),
            publishing=PublishOperations(topics=topics, publisher=publisher),
            home=ACCOUNT,
        )

    async def tell(self, action: str, **said: Any) -> Any:
        """Ask SNS in its protocol; give the result's element, or raise AwsError."""
        body = urlencode({"Action": action, "Version": "2010-03-31", **said}).encode()
        answer = await self.sns.answer(asked("", body, service="sns", caller=CALLER))
        root = ElementTree.fromstring(answer.body)
        return {one.tag.removeprefix(_XML): one.text or "" for one in root.iter()}

    async def topic(self, name: str = "news", **attributes: str) -> str:
        said = {"Name": name}
        for place, (key, value) in enumerate(attributes.items(), 1):
            said |= {
                f"Attributes.entry.{place}.key": key,
                f"Attributes.entry.{place}.value": value,
            }
        return str((await self.tell("CreateTopic", **said))["TopicArn"])

    async def hears(self, topic: str, name: str = "jobs", **attributes: str) -> str:
        """Let a queue hear a topic; give its URL."""
        url = await self.queue(name)
        said = {"TopicArn": topic, "Protocol": "sqs", "Endpoint": ACCOUNT.arn("sqs", name)}
        for place, (key, value) in enumerate(attributes.items(), 1):
            said |= {
                f"Attributes.entry.{place}.key": key,
                f"Attributes.entry.{place}.value": value,
            }
        await self.tell("Subscribe", **said)
        return url

    async def deliver(self) -> Sequence[Settlement]:
        """Do what the dispatcher would: lease what waits, deliver, settle."""
        found = await self.bus.lease(line_of(ACCOUNT.home), count_max=100, lease_s=60)
        settlements = await self.deliverer.deliver(found, _no_door)
        await self.bus.settle(list(zip(found, settlements, strict=True)))
        return settlements


async def _no_door(told: Told) -> Outcome:
    raise AssertionError(f"{told.function.id} was called")
