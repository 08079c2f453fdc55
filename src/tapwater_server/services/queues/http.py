"""Serves the queues and topics of an app: /queues/… and /topics/… of its API."""

from collections.abc import Sequence
from typing import Any

from tapwater_server.model.errors import NotFound, TapwaterError
from tapwater_server.ports.queues import Queues
from tapwater_server.services.queues.sending import Draft, Sent, chain_of, check_name
from tapwater_server.services.queues.service import PAGE_MAX, QueueService, check_count
from tapwater_server.services.queues.settling import settings_of
from tapwater_server.services.queues.shapes import (
    DeadAsked,
    PublishAsked,
    Published,
    ReceiptsAsked,
    ReceiveAsked,
    SendAsked,
    SettingsAsked,
    VisibilityAsked,
    draft_of,
    listed_says,
    received_says,
    sent_says,
    settings_says,
    stats_says,
)
from tapwater_server.services.queues.topics import TopicService
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Endpoint

BATCH_BYTES_MAX = 16 << 20  # The JSON of a batch.
FUNCTION_BYTES_MAX = 600 << 10  # Of received bodies: as base64 they still fit a function's frame.
Said = dict[str, Any]
_Q = "/queues/{queue}"
_T = "/topics/{topic}"
_PAGE = {"after": "the id the page before ended with", "limit": f"1 to {PAGE_MAX}, usually 100"}


class QueuesApi:
    """Translates; the services decide."""

    def __init__(self, *, service: QueueService, topics: TopicService, queues: Queues) -> None:
        self._service, self._topics, self._queues = service, topics, queues

    def endpoints(self) -> Sequence[Endpoint]:
        return (
            *self._of_messages(),
            *self._of_taking(),
            *self._of_dead(),
            *self._of_queues(),
            *self._of_topics(),
        )

    def _of_messages(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path=f"{_Q}/messages",
                says="Send messages; each is taken or refused by itself.",
                handler=self._send,
                takes=SendAsked,
                body_bytes_max=BATCH_BYTES_MAX,
            ),
            Endpoint(
                method="GET",
                path=f"{_Q}/messages",
                says="Look at messages without taking them, newest first.",
                handler=self._peek,
                query={"state": "waiting, leased, done or dead; nothing: all", **_PAGE},
            ),
            Endpoint(
                method="GET",
                path=f"{_Q}/messages/{{id}}",
                says="Look at one message, with its body.",
                handler=self._message,
            ),
            Endpoint(
                method="DELETE",
                path=f"{_Q}/messages",
                says="Drop all waiting messages.",
                handler=self._purge,
            ),
        )

    def _of_taking(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path=f"{_Q}/receive",
                says="Take messages for a while; wait for the first if asked to.",
                handler=self._receive,
                waits=True,
                takes=ReceiveAsked,
            ),
            Endpoint(
                method="POST",
                path=f"{_Q}/delete",
                says="Say by their receipts that messages are dealt with.",
                handler=self._delete,
                takes=ReceiptsAsked,
            ),
            Endpoint(
                method="POST",
                path=f"{_Q}/visibility",
                says="Hide received messages for longer, or (0) give them back.",
                handler=self._hide,
                takes=VisibilityAsked,
            ),
        )

    def _of_dead(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path=f"{_Q}/dead",
                says="List dead letters, newest first.",
                handler=self._list_dead,
                query=_PAGE,
            ),
            Endpoint(
                method="POST",
                path=f"{_Q}/redrive",
                says="Let dead letters wait again, here or in another queue.",
                handler=self._redrive,
                takes=DeadAsked,
            ),
            Endpoint(
                method="DELETE",
                path=f"{_Q}/dead",
                says="Drop dead letters.",
                handler=self._drop_dead,
                takes=DeadAsked,
            ),
        )

    def _of_queues(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/queues",
                says="List the queues with how they stand.",
                handler=self._list,
            ),
            Endpoint(
                method="GET",
                path=_Q,
                says="Show a queue's settings and how it stands.",
                handler=self._show,
            ),
            Endpoint(
                method="PUT",
                path=_Q,
                says="Change a queue's settings; what is not said stays.",
                handler=self._configure,
                takes=SettingsAsked,
            ),
            Endpoint(
                method="DELETE",
                path=_Q,
                says="Remove a queue and all that is in it.",
                handler=self._remove,
            ),
        )

    def _of_topics(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path=_T,
                says="Publish messages to every function and queue that subscribed.",
                handler=self._publish,
                takes=PublishAsked,
                body_bytes_max=BATCH_BYTES_MAX,
            ),
            Endpoint(
                method="GET",
                path="/topics",
                says="List the topics that queues subscribed to.",
                handler=self._list_topics,
            ),
            Endpoint(
                method="GET",
                path=f"{_T}/queues",
                says="List the queues that subscribed to a topic.",
                handler=self._subscribed,
            ),
            Endpoint(
                method="PUT",
                path=f"{_T}/queues/{{queue}}",
                says="Let a queue have every message of a topic.",
                handler=self._subscribe,
            ),
            Endpoint(
                method="DELETE",
                path=f"{_T}/queues/{{queue}}",
                says="End a subscription.",
                handler=self._unsubscribe,
            ),
        )

    async def _send(self, asked: Asked) -> Said:
        said = (await asked.body(SendAsked)).messages
        drafts, refused = _drafts(said)
        sent = (
            await self._service.send(
                asked.app, asked.params["queue"], drafts, chain=chain_of(asked.caller, asked.trace)
            )
            if drafts
            else ()
        )
        return _results(asked, len(said), refused, sent)

    async def _publish(self, asked: Asked) -> Said:
        said = (await asked.body(PublishAsked)).messages
        drafts, refused = _drafts(said)
        sent = (
            await self._topics.publish(
                asked.app, asked.params["topic"], drafts, chain=chain_of(asked.caller, asked.trace)
            )
            if drafts
            else ()
        )
        return _results(asked, len(said), refused, sent)

    async def _receive(self, asked: Asked) -> Said:
        said = await asked.body(ReceiveAsked)
        found = await self._service.receive(
            asked.app,
            asked.params["queue"],
            count=said.count,
            wait_s=said.wait_s,
            visibility_s=said.visibility_s,
            bytes_max=BATCH_BYTES_MAX if asked.caller is None else FUNCTION_BYTES_MAX,
        )
        asked.count("queue_ops", max(1, len(found)))  # To look in vain is one, too.
        return {"messages": [received_says(one) for one in found]}

    async def _delete(self, asked: Asked) -> Said:
        said = await asked.body(ReceiptsAsked)
        done = await self._service.delete(asked.app, asked.params["queue"], said.receipts)
        asked.count("queue_ops", max(1, len(done)))
        return {"results": [{"done": each} for each in done]}

    async def _hide(self, asked: Asked) -> Said:
        said = await asked.body(VisibilityAsked)
        done = await self._service.hide(
            asked.app, asked.params["queue"], said.receipts, visibility_s=said.visibility_s
        )
        asked.count("queue_ops", max(1, len(done)))
        return {"results": [{"done": each} for each in done]}

    async def _peek(self, asked: Asked) -> Said:
        return await self._listed(asked, state=asked.text("state") or "")

    async def _list_dead(self, asked: Asked) -> Said:
        return await self._listed(asked, state="dead")

    async def _listed(self, asked: Asked, *, state: str) -> Said:
        found = await self._service.peek(
            asked.app,
            asked.params["queue"],
            state=state,
            after=asked.text("after") or "",
            count=int(asked.number("limit", low=1, high=PAGE_MAX) or 100),
        )
        return {"messages": [listed_says(one) for one in found]}

    async def _message(self, asked: Asked) -> Said:
        found = await self._service.message(asked.app, asked.params["queue"], asked.params["id"])
        return listed_says(found, whole=True)

    async def _purge(self, asked: Asked) -> Said:
        return {"dropped": await self._service.purge(asked.app, asked.params["queue"])}

    async def _redrive(self, asked: Asked) -> Said:
        said, queue = await asked.body(DeadAsked), asked.params["queue"]
        if said.to and said.to != queue:
            moved = await self._service.move_dead(asked.app, queue, said.to, ids=said.ids)
            return {"redriven": moved}
        return {"redriven": await self._service.redrive(asked.app, queue, said.ids)}

    async def _drop_dead(self, asked: Asked) -> Said:
        said = await asked.body(DeadAsked)
        dropped = await self._service.drop_dead(asked.app, asked.params["queue"], said.ids)
        return {"dropped": dropped}

    async def _list(self, asked: Asked) -> Said:
        stats = await self._service.stats(asked.app)
        configured = self._queues.configured(asked.app)
        return {
            "queues": [
                {"name": name, "configured": name in configured, **stats_says(one)}
                for name, one in stats.items()
            ]
        }

    async def _show(self, asked: Asked) -> Said:
        queue = asked.params["queue"]
        check_name(queue, what="queue")
        stats = (await self._service.stats(asked.app)).get(queue)
        return {
            "name": queue,
            "configured": queue in self._queues.configured(asked.app),
            "settings": settings_says(self._queues.settings(asked.app, queue)),
            "stats": stats_says(stats) if stats is not None else None,
        }

    async def _configure(self, asked: Asked) -> Said:
        queue, said = asked.params["queue"], await asked.body(SettingsAsked)
        check_name(queue, what="queue")
        settings = settings_of(queue, self._queues.settings(asked.app, queue), said)
        await self._queues.configure(asked.app, queue, settings)
        return {"name": queue, "settings": settings_says(settings)}

    async def _remove(self, asked: Asked) -> None:
        await self._service.remove(asked.app, asked.params["queue"])

    async def _list_topics(self, asked: Asked) -> Said:
        topics = self._queues.topics(asked.app)
        return {"topics": [{"name": name, "queues": queues} for name, queues in topics.items()]}

    async def _subscribed(self, asked: Asked) -> Said:
        return {"queues": self._queues.subscribed(asked.app, asked.params["topic"])}

    async def _subscribe(self, asked: Asked) -> None:
        topic, queue = asked.params["topic"], asked.params["queue"]
        check_name(topic, what="topic")
        check_name(queue, what="queue")
        await self._queues.subscribe(asked.app, topic, queue)

    async def _unsubscribe(self, asked: Asked) -> None:
        topic, queue = asked.params["topic"], asked.params["queue"]
        if not await self._queues.unsubscribe(asked.app, topic, queue):
            raise NotFound(f"the queue {queue[:80]} does not listen to {topic[:80]}")


def _drafts(said: Sequence[Published]) -> tuple[Sequence[Draft], dict[int, Sent]]:
    """Read messages; what cannot be read is refused by its place."""
    check_count(len(said))
    drafts, refused = list[Draft](), dict[int, Sent]()
    for place, one in enumerate(said):
        try:
            drafts.append(draft_of(one))
        except TapwaterError as error:
            refused[place] = Sent(error=error)
    return drafts, refused


def _results(asked: Asked, count: int, refused: dict[int, Sent], sent: Sequence[Sent]) -> Said:
    """Answer each message in its place. One that was sent alone and refused is an error.

    Raises:
        TapwaterError: it is.
    """
    kept = sum(one.error is None for one in sent)
    if kept:
        asked.count("queue_ops", kept)
    taken = iter(sent)
    results = [refused[place] if place in refused else next(taken) for place in range(count)]
    if count == 1 and results[0].error is not None:
        raise results[0].error
    return {"messages": [sent_says(one) for one in results]}
