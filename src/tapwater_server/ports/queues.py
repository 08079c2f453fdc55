"""What is known of queues and topics beside their messages: settings, and who hears a topic.

QUE-1  configure() is durable before it returns; a queue that was never configured has defaults.
QUE-2  settings() and subscribed() answer from memory: they are asked for with each message.
QUE-3  remove() takes a queue out of every topic it heard.
QUE-4  erase() forgets one app's and no other's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.errors import Overloaded
from tapwater_server.model.ids import AppId

QUEUES_MAX = 10_000  # configured ones of an app
SUBSCRIPTIONS_MAX = 100  # queues of one topic: each publish writes to all of them
VISIBILITY_S_MAX = 12 * 3600.0
RETENTION_S_MIN = 60.0
RETENTION_S_MAX = 14 * 86_400.0
DELAY_S_MAX = 7 * 86_400.0
ATTEMPTS_MAX = 1_000
DEDUPE_S_MAX = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueSettings:
    """How a queue treats its messages."""

    visibility_s: float = 30.0  # how long a received message is hidden from others
    attempts_max: int = 5  # after so many, a message is a dead letter; 0: never
    retention_s: float = 4 * 86_400.0  # a message nobody took in that time is a dead letter
    delay_s: float = 0.0  # before a new message can be received
    dedupe_s: float = 300.0  # in that time a second message of one dedupe id is not taken
    ordered: bool = False  # messages without a key are received one after the other too
    dead_letters: str = ""  # the queue that gets the given-up ones; "": they stay in this one


DEFAULT = QueueSettings()


class Queues(Protocol):
    """See the promises above."""

    def settings(self, app: AppId, queue: str) -> QueueSettings: ...

    def configured(self, app: AppId) -> Mapping[str, QueueSettings]: ...

    def forwarding(self) -> Sequence[tuple[AppId, str, str]]:
        """List (app, queue, where its dead letters go) of those that say so."""
        ...

    async def configure(self, app: AppId, queue: str, settings: QueueSettings) -> None:
        """Keep settings.

        Raises:
            Overloaded: the app has ``QUEUES_MAX`` configured queues already.
        """
        ...

    async def remove(self, app: AppId, queue: str) -> bool:
        """Forget settings and subscriptions; say whether there were any."""
        ...

    def subscribed(self, app: AppId, topic: str) -> Sequence[str]: ...

    def topics(self, app: AppId) -> Mapping[str, Sequence[str]]: ...

    async def subscribe(self, app: AppId, topic: str, queue: str) -> None:
        """Let a queue have every message of a topic from now on.

        Raises:
            Overloaded: the topic has ``SUBSCRIPTIONS_MAX`` queues already.
        """
        ...

    async def unsubscribe(self, app: AppId, topic: str, queue: str) -> bool: ...

    async def erase(self, app: AppId) -> None: ...


def check_room(configured: Mapping[str, QueueSettings], queue: str) -> None:
    """Refuse one queue too many.

    Raises:
        Overloaded: there are ``QUEUES_MAX``.
    """
    if queue not in configured and len(configured) >= QUEUES_MAX:
        raise Overloaded(f"an app has at most {QUEUES_MAX} configured queues: remove some")


def check_subscriptions(queues: Sequence[str], queue: str) -> None:
    """Refuse one subscription too many.

    Raises:
        Overloaded: there are ``SUBSCRIPTIONS_MAX``.
    """
    if queue not in queues and len(queues) >= SUBSCRIPTIONS_MAX:
        raise Overloaded(f"a topic has at most {SUBSCRIPTIONS_MAX} queues")
