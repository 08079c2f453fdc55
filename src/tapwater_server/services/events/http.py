"""The API of events, below /events."""

import hashlib
from collections.abc import Sequence

from tapwater_server.model.errors import Invalid
from tapwater_server.model.ids import AppId, parse_function_id
from tapwater_server.ports.bus import Filter, function_line, queue_line
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.ids import IdSource
from tapwater_server.services.events import cloudevents
from tapwater_server.services.events.service import (
    PAGE_MAX,
    EventService,
    Wanted,
    background_errand,
)
from tapwater_server.services.events.shapes import (
    CallAsked,
    Called,
    DeadFilter,
    DeliveryLine,
    DeliveryPage,
    EventPage,
    EventShown,
    Lines,
    ReplayAsked,
    Replayed,
    Taken,
    Touched,
    delivery_says,
    event_says,
    line_says,
    moment,
)
from tapwater_server.web.asked import Asked
from tapwater_server.web.endpoint import Answer, Endpoint

BODY_BYTES_MAX = 8 << 20
DELAY_S_MAX = 7 * 86_400.0
TOUCHED_MAX = 10_000  # Dead letters in one request.
_LIMIT = {"limit": f"1 to {PAGE_MAX}, usually 100"}
_DEAD = {
    "function": "of this function",
    "queue": "of this queue",
    "reason": "whose reason has this text in it",
    "since": "published at this time or later",
    "until": "published before this time",
}


class EventsApi:
    """Translates; the service decides."""

    def __init__(self, *, service: EventService, clock: Clock, ids: IdSource) -> None:
        self._service, self._clock, self._ids = service, clock, ids

    def endpoints(self) -> Sequence[Endpoint]:
        return (*self._of_events(), *self._of_deliveries(), *self._of_dead_letters())

    def _of_events(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="POST",
                path="/events",
                says="Publish CloudEvents 1.0: structured, binary or batched. The same source and "
                "id again changes nothing.",
                handler=self._publish,
                takes_media=cloudevents.STRUCTURED,
                gives=Taken,
                status=202,
            ),
            Endpoint(
                method="GET",
                path="/events",
                says="List events: the newest first, or from a time or place on the oldest first.",
                handler=self._list,
                gives=EventPage,
                query={
                    "type": "of this type; a * is any text",
                    "source": "from this source",
                    "subject": "about this subject; a * is any text",
                    "since": "at this time or later, the oldest first",
                    "until": "before this time",
                    "after": "what the page before said under next",
                    "data": "true: with their data, 8 MiB of it at most: the first of them",
                    **_LIMIT,
                },
            ),
            Endpoint(
                method="GET",
                path="/events/{id}",
                says="Show an event with its data, and its deliveries to what is live.",
                handler=self._show,
                gives=EventShown,
            ),
            Endpoint(
                method="POST",
                path="/events/replay",
                says="Tell events of a stretch of time once more, to all that match or one.",
                handler=self._replay,
                takes=ReplayAsked,
                gives=Replayed,
            ),
        )

    def _of_deliveries(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/events/deliveries",
                says="List deliveries, the newest first.",
                handler=self._deliveries,
                gives=DeliveryPage,
                query={
                    "state": "waiting, leased, done or dead; nothing: all",
                    "after": "what the page before said under next",
                    **_DEAD,
                    **_LIMIT,
                },
            ),
            Endpoint(
                method="GET",
                path="/events/deliveries/{id}",
                says="Show a delivery: where it stands, what was told, what came of it.",
                handler=self._delivery,
                gives=DeliveryLine,
            ),
            Endpoint(
                method="GET",
                path="/events/lines",
                says="Say how many deliveries wait, run and are dead: by function and queue.",
                handler=self._lines,
                gives=Lines,
            ),
            Endpoint(
                method="POST",
                path="/events/calls",
                says="Call a function in the background; ask /events/deliveries/{id} what came.",
                handler=self._call,
                takes=CallAsked,
                gives=Called,
                status=202,
            ),
        )

    def _of_dead_letters(self) -> Sequence[Endpoint]:
        return (
            Endpoint(
                method="GET",
                path="/events/dead",
                says="List dead letters, the newest first.",
                handler=self._dead,
                gives=DeliveryPage,
                query={"after": "what the page before said under next", **_DEAD, **_LIMIT},
            ),
            Endpoint(
                method="GET",
                path="/events/dead/{id}",
                says="Show a dead letter, with its body.",
                handler=self._delivery,
                gives=DeliveryLine,
            ),
            Endpoint(
                method="POST",
                path="/events/dead/replay",
                says="Try dead letters again: those named, or all that a filter fits.",
                handler=self._revive,
                takes=DeadFilter,
                gives=Touched,
            ),
            Endpoint(
                method="POST",
                path="/events/dead/drop",
                says="Throw dead letters away: those named, or all that a filter fits.",
                handler=self._drop,
                takes=DeadFilter,
                gives=Touched,
            ),
            Endpoint(
                method="DELETE",
                path="/events/dead/{id}",
                says="Throw one dead letter away.",
                handler=self._drop_one,
                status=204,
            ),
        )

    async def _publish(self, asked: Asked) -> Answer:
        body = await asked.raw(bytes_max=BODY_BYTES_MAX)
        events = cloudevents.read(asked.headers, body, self._where(asked))
        new = await self._service.publish(events)
        if new:
            asked.count("events", new)
        return Answer(Taken(ids=[event.id for event in events], new=new), status=202)

    def _where(self, asked: Asked) -> cloudevents.Where:
        caller, now = asked.caller, self._clock.now()
        if caller is None:
            return cloudevents.Where(app=asked.app, now=now, trace=asked.trace)
        return cloudevents.Where(
            app=asked.app,
            now=now,
            root=caller.root or caller.id,
            depth=caller.depth + 1,
            trace=asked.trace or caller.traceparent.decode("latin-1"),
        )

    async def _list(self, asked: Asked) -> EventPage:
        count, full = _count(asked), asked.flag("data", default=False)
        after = asked.number("after", low=0, high=2**63)
        wanted = Wanted(
            app=asked.app,
            type=asked.text("type") or "",
            source=asked.text("source") or "",
            subject=asked.text("subject") or "",
            since=moment(asked.text("since") or 0.0),
            until=moment(asked.text("until") or 0.0),
        )
        next: int | None = None
        if after is None and asked.text("since") is None:
            found = await self._service.newest(wanted, count_max=count)
        else:
            place = None if after is None else int(after)
            found, next = await self._service.after(wanted, after=place, count_max=count)
        whole = await self._service.with_data(found) if full else ()
        said = [event_says(one, full=True) for one in whole]
        said += [event_says(one, full=False) for one in found[len(whole) :]]
        return EventPage(events=said, next=next)

    async def _show(self, asked: Asked) -> EventShown:
        logged, states = await self._service.find(asked.app, asked.params["id"])
        return EventShown(
            event=event_says(logged, full=True),
            deliveries=[delivery_says(one) for one in states],
        )

    async def _replay(self, asked: Asked) -> Replayed:
        said = await asked.body(ReplayAsked)
        wanted = Wanted(
            app=asked.app,
            type=said.type,
            subject=said.subject,
            since=moment(said.since),
            until=moment(said.until),
        )
        done = await self._service.replay(wanted, function=said.function)
        return Replayed(
            replay=done.id,
            events=done.events,
            deliveries=done.deliveries,
            seq=done.seq,
            complete=done.complete,
        )

    async def _deliveries(self, asked: Asked) -> DeliveryPage:
        state = asked.text("state") or ""
        if state not in {"", "waiting", "leased", "done", "dead"}:
            raise Invalid("state is waiting, leased, done or dead")
        return await self._page(asked, state)

    async def _dead(self, asked: Asked) -> DeliveryPage:
        return await self._page(asked, "dead")

    async def _page(self, asked: Asked, state: str) -> DeliveryPage:
        count = _count(asked)
        filter = _filter(
            asked.app,
            state=state,
            function=asked.text("function") or "",
            queue=asked.text("queue") or "",
            reason=asked.text("reason") or "",
            since=moment(asked.text("since") or 0.0),
            until=moment(asked.text("until") or 0.0),
        )
        after = asked.text("after") or ""
        found = await self._service.deliveries(filter, after=after, count_max=count)
        return DeliveryPage(
            deliveries=[delivery_says(one) for one in found],
            next=found[-1].id if len(found) == count else None,
        )

    async def _delivery(self, asked: Asked) -> DeliveryLine:
        state = await self._service.delivery(asked.app, asked.params["id"])
        return delivery_says(state, full=True)

    async def _lines(self, asked: Asked) -> Lines:
        found = await self._service.lines(asked.app)
        return Lines(lines=[line_says(one) for one in found])

    async def _call(self, asked: Asked) -> Answer:
        said = await asked.body(CallAsked)
        if not 0 <= said.delay <= DELAY_S_MAX:
            raise Invalid(f"a delay is 0 to {DELAY_S_MAX:.0f} seconds")
        id = self._ids.fresh()
        if said.id:  # Of the app's own: another app's same id is another call.
            id = hashlib.blake2b(f"{asked.app}\0{said.id}".encode(), digest_size=16).hexdigest()
        errand = background_errand(
            id=id,
            app=asked.app,
            function=said.function,
            data=said.data,
            key=said.key[:512],
            priority=said.priority,
            not_before=self._clock.now() + said.delay if said.delay else 0.0,
            where=self._where(asked),
        )
        await self._service.call(asked.app, errand)
        asked.count("events")
        return Answer(Called(id=id), status=202)

    async def _revive(self, asked: Asked) -> Touched:
        filter, count = await _dead_filter(asked)
        ids = list(await self._service.revive(filter, count_max=count))
        return Touched(count=len(ids), ids=ids)

    async def _drop(self, asked: Asked) -> Touched:
        filter, count = await _dead_filter(asked)
        ids = list(await self._service.drop(filter, count_max=count))
        return Touched(count=len(ids), ids=ids)

    async def _drop_one(self, asked: Asked) -> None:
        state = await self._service.delivery(asked.app, asked.params["id"])
        await self._service.drop(Filter(app=asked.app, state="dead", ids=(state.id,)), count_max=1)


async def _dead_filter(asked: Asked) -> tuple[Filter, int]:
    said = await asked.body(DeadFilter)
    limits = (said.ids, said.function, said.queue, said.reason, said.since, said.until)
    if not any(limits) and not said.all:
        raise Invalid("say which dead letters: ids, function, queue, reason, since, until, or all")
    if not 1 <= said.count <= TOUCHED_MAX or len(said.ids) > TOUCHED_MAX:
        raise Invalid(f"one request is about {TOUCHED_MAX} dead letters at most")
    filter = _filter(
        asked.app,
        state="dead",
        function=said.function,
        queue=said.queue,
        reason=said.reason,
        since=moment(said.since),
        until=moment(said.until),
        ids=tuple(said.ids),
    )
    return filter, said.count


def _filter(
    app: AppId,
    *,
    state: str,
    function: str,
    queue: str,
    reason: str,
    since: float,
    until: float,
    ids: tuple[str, ...] = (),
) -> Filter:
    if function and queue:
        raise Invalid("name a function or a queue, not both")
    line = ""
    if function:
        line = function_line(str(parse_function_id(f"{app}:{function}")))
    elif queue:
        line = queue_line(app, queue)
    return Filter(
        app=app,
        state=state,
        line=line,
        ids=ids,
        reason_contains=reason,
        published_since=since,
        published_until=until,
    )


def _count(asked: Asked) -> int:
    return int(asked.number("limit", low=1, high=PAGE_MAX) or 100)
