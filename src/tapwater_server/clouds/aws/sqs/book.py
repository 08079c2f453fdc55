"""The queues of an account: which there are, how they are made, found, changed and removed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tapwater_server.clouds.aws.account import Account, parse_arn
from tapwater_server.clouds.aws.asked import AwsError
from tapwater_server.clouds.aws.shapes.sqs_record import is_fifo
from tapwater_server.clouds.aws.sqs import attributes as rules
from tapwater_server.clouds.aws.sqs.errors import (
    bad_attribute,
    invalid,
    invalid_value,
    no_queue,
    unknown_attribute,
)
from tapwater_server.ports.bus import Bus, Filter, LineStats, queue_line
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.facts import Drop, Facts, Put
from tapwater_server.ports.queues import Queues, QueueSettings

KIND = "sqs/queue"
TAGS_MAX = 50
_CHUNK_MAX = 1_000  # messages dropped in one write
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|(?=.{1,80}\Z)[A-Za-z0-9_-]+\.fifo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue, as it stands."""

    name: str
    line: str
    settings: QueueSettings
    extra: Mapping[str, str] = field(default_factory=dict)  # attributes the settings do not hold
    tags: Mapping[str, str] = field(default_factory=dict)
    created: float = 0.0
    modified: float = 0.0

    @property
    def fifo(self) -> bool:
        return is_fifo(self.name)

    @property
    def bytes_max(self) -> int:
        return int(self.extra.get("MaximumMessageSize") or rules.MESSAGE_BYTES_MAX)

    def attributes(self, account: Account) -> dict[str, str]:
        return rules.shown(
            self.name,
            self.settings,
            self.extra,
            account=account,
            created=self.created,
            modified=self.modified,
        )


class QueueBook:
    """Keeps what there is to know of queues, in our settings and in facts."""

    def __init__(self, *, queues: Queues, facts: Facts, bus: Bus, clock: Clock) -> None:
        self._queues, self._facts, self._bus, self._clock = queues, facts, bus, clock

    def known(self, account: Account, name: str) -> Queue | None:
        """Find a queue that was made or configured, from memory."""
        fact = self._facts.get(account.space, KIND, name)
        if fact is None:
            if name not in self._queues.configured(account.home):
                return None
            return self._queue(account, name, {})
        return self._queue(account, name, fact.value)

    async def find(self, account: Account, name: str) -> Queue:
        """Find a queue, also one that only holds messages.

        Raises:
            AwsError: there is none.
        """
        found = self.known(account, name)
        if found is None and name and (await self.stats(account, name)).oldest_at:
            found = self._queue(account, name, {})
        if found is None:
            raise no_queue()
        return found

    async def all(self, account: Account, *, prefix: str = "") -> Sequence[Queue]:
        """Find all queues, by name."""
        start = queue_line(account.home, "")
        lines = await self._bus.lines(account.home)
        names = {one.line.removeprefix(start) for one in lines if one.line.startswith(start)}
        names |= {fact.key for fact in self._facts.list(account.space, KIND)}
        names |= set(self._queues.configured(account.home))
        found = [self.known(account, name) for name in sorted(names) if name.startswith(prefix)]
        return [one for one in found if one is not None]

    async def stats(self, account: Account, name: str) -> LineStats:
        """Count the messages of a queue."""
        line = queue_line(account.home, name)
        found = await self._bus.lines(account.home, line=line)
        nothing = LineStats(
            line=line, app=account.home, waiting=0, delayed=0, leased=0, dead=0, oldest_at=0.0
        )
        return found[0] if found else nothing

    async def create(
        self, account: Account, name: str, said: Mapping[str, str], tags: Mapping[str, str]
    ) -> Queue:
        """Make a queue; one that is there already must be the same as far as said.

        Raises:
            AwsError: it is not, or what is said is malformed.
        """
        _check_name(name, said)
        asked = rules.checked(name, said)
        rules.check_whole(asked)
        _check_tags(name, tags)
        there = self.known(account, name)
        if there is not None:
            _check_same(there, asked, account)
            if self._facts.get(account.space, KIND, name) is not None:
                return there
        now = self._clock.now()
        before = there or Queue(
            name=name,
            line=queue_line(account.home, name),
            settings=rules.new_settings(name),
            created=now,
        )
        changed = self._changed(account, before, asked)
        await self._keep(account, replace(changed, created=now, modified=now, tags=dict(tags)))
        return changed

    async def change(self, account: Account, queue: Queue, said: Mapping[str, str]) -> None:
        """Set attributes.

        Raises:
            AwsError: they are malformed, or cannot be changed.
        """
        if "FifoQueue" in said:
            raise unknown_attribute("FifoQueue") if not queue.fifo else bad_attribute("FifoQueue")
        asked = rules.checked(queue.name, said)
        rules.check_whole({**queue.attributes(account), **asked} if queue.fifo else asked)
        changed = self._changed(account, queue, asked)
        await self._keep(account, replace(changed, modified=self._clock.now()))

    async def tag(self, account: Account, queue: Queue, tags: Mapping[str, str]) -> None:
        """Let a queue have these tags and no others."""
        _check_tags(queue.name, tags)
        await self._keep(account, replace(queue, tags=dict(tags)))

    async def delete(self, account: Account, queue: Queue) -> None:
        """Remove a queue with all that is in it, also what somebody has received."""
        await self._facts.change(account.space, [Drop(kind=KIND, key=queue.name)])
        await self._queues.remove(account.home, queue.name)
        await self.empty(account, queue)

    async def empty(self, account: Account, queue: Queue, *, dead: bool = True) -> None:
        """Drop all messages; with ``dead``, also what was given up on."""
        for state in ("waiting", "leased", *(("dead",) if dead else ())):
            wanted = Filter(app=account.home, line=queue.line, state=state)
            while await self._bus.drop(wanted, count_max=_CHUNK_MAX, leased=True):
                pass

    async def sources(self, account: Account, queue: Queue) -> Sequence[Queue]:
        """Find the queues whose dead letters come here."""
        return [one for one in await self.all(account) if one.settings.dead_letters == queue.name]

    def of_arn(self, account: Account, arn: str) -> str | None:
        """Give the name of the queue that an ARN means; None: it means none of this account."""
        parsed = parse_arn(arn)
        if parsed is None or (parsed.service, parsed.account) != ("sqs", account.id):
            return None
        return parsed.resource

    def _queue(self, account: Account, name: str, fact: Mapping[str, object]) -> Queue:
        said = fact or {"created": 0.0, "modified": 0.0, "attributes": {}, "tags": {}}
        return Queue(
            name=name,
            line=queue_line(account.home, name),
            settings=self._queues.settings(account.home, name),
            extra=said["attributes"],  # type: ignore[arg-type]
            tags=said["tags"],  # type: ignore[arg-type]
            created=said["created"],  # type: ignore[arg-type]
            modified=said["modified"],  # type: ignore[arg-type]
        )

    def _changed(self, account: Account, queue: Queue, said: Mapping[str, str]) -> Queue:
        settings = rules.applied(queue.settings, said)
        if "RedriveAllowPolicy" in said:
            rules.check_allow(said["RedriveAllowPolicy"])
        if "RedrivePolicy" in said:
            redrive = rules.redrive_of(said["RedrivePolicy"])
            if redrive is not None:
                self._check_redrive(account, queue, redrive, said["RedrivePolicy"])
            settings = replace(
                settings,
                dead_letters="" if redrive is None else redrive.queue,
                attempts_max=0 if redrive is None else redrive.receives_max,
            )
        extra = {**queue.extra, **rules.kept(said)}
        if "KmsMasterKeyId" in said and "SqsManagedSseEnabled" not in said:
            extra.pop("SqsManagedSseEnabled", None)
        return replace(queue, settings=settings, extra=extra)

    def _check_redrive(
        self, account: Account, queue: Queue, redrive: rules.Redrive, text: str
    ) -> None:
        target = self.known(account, redrive.queue)
        if target is None:
            raise invalid_value(text, "RedrivePolicy", "Dead letter target does not exist.")
        if target.fifo != queue.fifo:
            reason = "Dead-letter queue must be same type of queue as the source."
            raise invalid_value(text, "RedrivePolicy", reason)
        policy = target.extra.get("RedriveAllowPolicy", "")
        if policy and not rules.allows(policy, account.arn("sqs", queue.name)):
            reason = "Queue is not allowed to use this queue as a dead-letter queue."
            raise invalid_value(text, "RedrivePolicy", reason)

    async def _keep(self, account: Account, queue: Queue) -> None:
        await self._queues.configure(account.home, queue.name, queue.settings)
        value = {
            "attributes": {name: said for name, said in queue.extra.items() if said},
            "tags": dict(queue.tags),
            "created": queue.created,
            "modified": queue.modified,
        }
        await self._facts.change(account.space, [Put(kind=KIND, key=queue.name, value=value)])


def _check_name(name: str, said: Mapping[str, str]) -> None:
    if not _NAME.fullmatch(name):
        raise invalid(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )
    asked = said.get("FifoQueue", "").lower()
    if asked == "false":
        raise unknown_attribute("FifoQueue")
    if is_fifo(name) and asked != "true":
        raise invalid(
            "The name of a FIFO queue can only be used with the attribute FifoQueue set to true."
        )
    if asked == "true" and not is_fifo(name):
        raise invalid("The name of a FIFO queue can only end in .fifo")


def _check_tags(name: str, tags: Mapping[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise invalid(f"Too many tags added for queue {name}.")


def _check_same(there: Queue, asked: Mapping[str, str], account: Account) -> None:
    """Refuse to make a queue that is there and different.

    Raises:
        AwsError: QueueNameExists.
    """
    held = there.attributes(account)
    for name, value in asked.items():
        same = held.get(name, "") == value
        if name == "RedrivePolicy":
            same = rules.redrive_of(held.get(name, "")) == rules.redrive_of(value)
        if not same:
            raise AwsError(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for attribute "
                f"{name}",
            )
