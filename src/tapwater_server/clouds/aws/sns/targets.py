"""Publishes to topics what other services of AWS send there."""

from tapwater_server.clouds.aws.account import Account
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.post.parcels import Chain
from tapwater_server.clouds.aws.reaching import Sent
from tapwater_server.clouds.aws.sns.publishing import Publisher
from tapwater_server.clouds.aws.sns.reading import Notification
from tapwater_server.clouds.aws.sns.topics import TopicBook


class TopicTargets:
    """Keeps ``Targets`` for ARNs of topics."""

    def __init__(self, *, topics: TopicBook, publisher: Publisher) -> None:
        self._topics, self._publisher = topics, publisher

    async def send(self, account: Account, arn: str, sent: Sent) -> None:
        topic = self._topics.find(account, arn)
        said = Notification(
            message=sent.body.decode("utf-8", "replace"),
            subject=sent.subject,
            attributes=sent.attributes,
            group=sent.group or ("default" if topic.fifo else ""),
            dedupe=(sent.dedupe or sent.id) if topic.fifo else "",
            chain=Chain(root=sent.root, depth=sent.depth, trace=sent.trace),
        )
        await self._publisher.publish(account, topic, said, id=sent.id)

    def exists(self, account: Account, arn: str) -> bool:
        try:
            self._topics.find(account, arn)
        except AwsError:
            return False
        return True
