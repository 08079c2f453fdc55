"""Topics: one message for everybody who subscribed, functions through the log, queues directly."""

import re
from collections.abc import Sequence
from dataclasses import replace

from tapwater_server.model.errors import Invalid, TapwaterError
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message
from tapwater_server.ports.bus import Bus, Errand
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.queues import Queues
from tapwater_server.services.queues.sending import (
    Chain,
    Draft,
    Sent,
    check,
    check_name,
    dedupe_ids,
    errand_of,
)
from tapwater_server.services.queues.service import check_count

DEDUPE_S = 300.0
TYPE = "tapwater.topic.message"
_EXTENSION = re.compile(r"[a-z0-9]{1,20}")  # What CloudEvents calls an extension.
_TAKEN = frozenset({"id", "source", "specversion", "type", "subject", "time", "data", "topic"})


class TopicService:
    """What an app may do with its topics."""

    def __init__(
        self, *, queues: Queues, bus: Bus, log: EventLog, clock: Clock, ids: IdSource
    ) -> None:
        self._queues, self._bus, self._log = queues, bus, log
        self._clock, self._ids = clock, ids

    async def publish(
        self, app: AppId, topic: str, drafts: Sequence[Draft], *, chain: Chain
    ) -> Sequence[Sent]:
        """Publish several; each is taken or refused by itself, and what is taken is on disk.

        The queues get theirs first: if we die between, the log has nothing, the publisher no
        answer, and publishing again with the same dedupe id completes it.
        """
        check_name(topic, what="topic")
        check_count(len(drafts))
        results, events, errands = [], list[Event](), list[Errand]()
        now = self._clock.now()
        for draft in drafts:
            try:
                check(draft)
                _check_attributes(draft.message)
            except TapwaterError as error:
                results.append(Sent(error=error))
                continue
            sent = await self._name(app, topic, draft, now)
            if any(event.id == sent.id for event in events):
                sent = replace(sent, duplicate=True)
            results.append(sent)
            if not sent.duplicate:
                events.append(_event(draft, sent.id, app=app, topic=topic, chain=chain, now=now))
                errands += self._errands(draft, sent.id, app=app, topic=topic, chain=chain)
        if errands:
            await self._bus.publish(errands)
        if events:
            await self._log.append(events)
        return results

    async def _name(self, app: AppId, topic: str, draft: Draft, now: float) -> Sent:
        if not draft.dedupe:
            return Sent(id=draft.id or self._ids.fresh())
        id, before = dedupe_ids(f"t:{app}:{topic}", draft.dedupe, now=now, window_s=DEDUPE_S)
        for earlier in (id, before):
            found = await self._log.find(app, earlier)
            if found is not None and found.event.at > now - DEDUPE_S:
                return Sent(id=earlier, duplicate=True)
        return Sent(id=id)

    def _errands(
        self, draft: Draft, id: str, *, app: AppId, topic: str, chain: Chain
    ) -> Sequence[Errand]:
        attributes = {**draft.message.attributes, "topic": topic}
        message = Message(
            body=draft.message.body, content_type=draft.message.content_type, attributes=attributes
        )
        return [
            errand_of(
                Draft(message=message, key=draft.key),
                id=f"{id}.{queue}",
                app=app,
                queue=queue,
                settings=self._queues.settings(app, queue),
                chain=Chain(root=chain.root or id, depth=chain.depth, trace=chain.trace),
                now=self._clock.now(),
            )
            for queue in self._queues.subscribed(app, topic)
        ]


def _event(draft: Draft, id: str, *, app: AppId, topic: str, chain: Chain, now: float) -> Event:
    return Event(
        id=id,
        app=app,
        type=TYPE,
        source=f"/topics/{topic}",
        at=now,
        data=draft.message.body,
        content_type=draft.message.content_type,
        key=draft.key,
        root=chain.root or id,
        depth=chain.depth,
        trace=chain.trace,
        extensions=dict(draft.message.attributes),
    )


def _check_attributes(message: Message) -> None:
    """Refuse attributes that an event cannot carry.

    Raises:
        Invalid: there is one.
    """
    for name in message.attributes:
        if not _EXTENSION.fullmatch(name) or name in _TAKEN:
            raise Invalid(
                f"{name[:100]!r} cannot be an attribute of a topic's message: subscribers see them "
                "as extensions of an event, named with 1 to 20 lower-case letters and digits"
            )
