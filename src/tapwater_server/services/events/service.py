"""Publishing, looking up and replaying events; the deliveries and dead letters of all lines."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from tapwater_server.model.errors import Invalid, NotFound, TooLarge
from tapwater_server.model.event import Event
from tapwater_server.model.ids import AppId
from tapwater_server.model.patterns import words_pattern
from tapwater_server.ports.bus import (
    ERRAND_BYTES_MAX,
    Bus,
    Errand,
    ErrandState,
    Filter,
    LineStats,
    function_line,
)
from tapwater_server.ports.clock import Clock
from tapwater_server.ports.eventlog import EventLog, Logged
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.registry import Registry
from tapwater_server.services.events.cloudevents import Where

PAGE_MAX = 500
LISTED_BYTES_MAX = 8 << 20  # Of data, in one list.
SCAN_MAX = 20  # Pages of the log looked through for one page of an answer.
REPLAY_MAX = 100_000  # Events looked at in one request.
LIVE = "live"
RELAY = "relay"  # The cursor of who brings events to the bus.


class Matching(Protocol):
    """Who is told of an event; the event line knows."""

    def errands(self, event: Event, *, function: str = "", salt: str = "") -> Sequence[Errand]:
        """Make the errands of an event, of one function only if it is named."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events are meant. What is empty does not limit."""

    app: AppId
    type: str = ""  # a ``*`` is any text
    source: str = ""
    subject: str = ""
    since: float = 0.0
    until: float = 0.0

    def fits(self, event: Event) -> bool:
        """Say whether an event is one of them."""
        if self.type and words_pattern(self.type)(event.type) is None:
            return False
        if self.subject and words_pattern(self.subject)(event.subject) is None:
            return False
        return not self.until or event.at < self.until

    @property
    def type_prefix(self) -> str:
        """What all types begin with: the log looks for it."""
        return self.type.partition("*")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay has done."""

    id: str
    events: int
    deliveries: int
    seq: int
    complete: bool


class EventService:
    """What the API of events does."""

    def __init__(
        self,
        *,
        log: EventLog,
        bus: Bus,
        matching: Matching,
        registry: Registry,
        clock: Clock,
        ids: IdSource,
    ) -> None:
        self._eventlog, self._bus, self._matching = log, bus, matching
        self._registry, self._clock, self._ids = registry, clock, ids

    async def publish(self, events: Sequence[Event]) -> int:
        """Write events; durable when this returns. Says how many were new."""
        return await self._eventlog.append(events) if events else 0

    async def newest(self, wanted: Wanted, *, count_max: int) -> Sequence[Logged]:
        """List the newest first."""
        found: list[Logged] = []
        upper = await self._eventlog.last()
        for _ in range(SCAN_MAX):
            lower = max(0, upper - PAGE_MAX)
            page = await self._page(wanted, lower, data=False)
            page = [one for one in page if one.seq <= upper]
            found += [one for one in reversed(page) if wanted.fits(one.event)]
            if len(found) >= count_max or lower == 0:
                break
            upper = lower
        return found[:count_max]

    async def after(
        self, wanted: Wanted, *, after: int | None, count_max: int
    ) -> tuple[Sequence[Logged], int | None]:
        """List the oldest first; also says where to go on, None at the end."""
        at = await self._eventlog.seq_at(wanted.since) if after is None else after
        found: list[Logged] = []
        for _ in range(SCAN_MAX):
            page = await self._page(wanted, at, data=False)
            for one in page:
                at = one.seq
                if wanted.fits(one.event):
                    found.append(one)
                if len(found) == count_max:
                    return found, at
            if len(page) < PAGE_MAX:
                return found, None
        return found, at

    async def with_data(self, listed: Sequence[Logged]) -> Sequence[Logged]:
        """Read the data of the first of them, as many as fit into ``LISTED_BYTES_MAX``."""
        found: list[Logged] = []
        size = 0
        for one in listed:
            whole = await self._eventlog.find(one.event.app, one.event.id) or one
            size += len(whole.event.data)
            if found and size > LISTED_BYTES_MAX:
                break
            found.append(whole)
        return found

    async def find(self, app: AppId, id: str) -> tuple[Logged, Sequence[ErrandState]]:
        """Find an event, and its deliveries to what is live now.

        Raises:
            NotFound: there is none, or it was kept no longer.
        """
        logged = await self._eventlog.find(app, id)
        if logged is None:
            raise NotFound(f"there is no event {id[:100]!r}, or it was kept no longer")
        relayed = await self._eventlog.cursor(RELAY)
        found = []
        for errand in self._matching.errands(logged.event):
            state = await self._bus.state(errand.id)
            if state is not None:
                found.append(state)
            elif logged.seq > relayed:
                found.append(_on_its_way(errand))
        return logged, found

    async def replay(self, wanted: Wanted, *, function: str) -> Replay:
        """Tell events once more, under new names: each function that matches now, or one.

        Raises:
            NotFound: there is no such function.
        """
        if function:
            self._check_function(wanted.app, function)
        id, looked, events, deliveries = self._ids.fresh(), 0, 0, 0
        at, last = await self._eventlog.seq_at(wanted.since), await self._eventlog.last()
        while looked < REPLAY_MAX and at < last:
            page = await self._page(wanted, at)
            if not page:
                return Replay(id=id, events=events, deliveries=deliveries, seq=last, complete=True)
            at, looked = page[-1].seq, looked + len(page)
            for group in self._errands(page, wanted, function=function, salt=id, last=last):
                events += 1
                deliveries += await self._bus.publish(group)
        return Replay(id=id, events=events, deliveries=deliveries, seq=at, complete=at >= last)

    def _errands(
        self, page: Sequence[Logged], wanted: Wanted, *, function: str, salt: str, last: int
    ) -> Iterator[Sequence[Errand]]:
        """Make the errands of one event after the other: together they may be large."""
        for one in page:
            if one.seq <= last and wanted.fits(one.event):
                group = self._matching.errands(one.event, function=function, salt=salt)
                if group:
                    yield group

    async def call(self, app: AppId, errand: Errand) -> None:
        """Leave a background call; it is durable when this returns.

        Raises:
            NotFound: there is no such function.
            TooLarge: the data is.
        """
        self._check_function(app, errand.function.partition(":")[2])
        if len(errand.body) > ERRAND_BYTES_MAX:
            raise TooLarge(f"a background call has at most {ERRAND_BYTES_MAX} bytes of data")
        await self._bus.publish([errand])

    async def delivery(self, app: AppId, id: str) -> ErrandState:
        """Look at one delivery.

        Raises:
            NotFound: the app has none of that id.
        """
        state = await self._bus.state(id)
        if state is None or state.app != app:
            raise NotFound(f"there is no delivery {id[:100]!r}, or it was kept no longer")
        return state

    async def deliveries(
        self, filter: Filter, *, after: str, count_max: int
    ) -> Sequence[ErrandState]:
        """List deliveries, the newest first."""
        return await self._bus.list(filter, after=after, count_max=count_max)

    async def revive(self, filter: Filter, *, count_max: int) -> Sequence[str]:
        """Have dead letters tried again, from the first attempt on."""
        return await self._bus.revive(_dead(filter), count_max=count_max)

    async def drop(self, filter: Filter, *, count_max: int) -> Sequence[str]:
        """Throw dead letters away."""
        return await self._bus.drop(_dead(filter), count_max=count_max)

    async def lines(self, app: AppId) -> Sequence[LineStats]:
        """Say how the lines of an app stand."""
        return await self._bus.lines(app)

    def _check_function(self, app: AppId, name: str) -> None:
        names: set[str] = set()
        for alias in self._registry.aliases(app):
            if alias.name == LIVE:
                for id in alias.weights:
                    revision = self._registry.revision(app, id)
                    names |= {one.id.name for one in revision.functions} if revision else set()
        if name not in names:
            there = ", ".join(sorted(names)[:20])
            raise NotFound(f"{app} has no function {name[:100]!r} (it has: {there})")

    async def _page(self, wanted: Wanted, after: int, *, data: bool = True) -> Sequence[Logged]:
        return await self._eventlog.read(
            after=after,
            count_max=PAGE_MAX,
            app=wanted.app,
            type_prefix=wanted.type_prefix,
            source=wanted.source,
            data=data,
        )


def _on_its_way(errand: Errand) -> ErrandState:
    """An errand of an event that has not come to the bus yet."""
    return ErrandState(
        id=errand.id,
        app=errand.app,
        line=errand.line,
        function=errand.function,
        state="waiting",
        attempt=0,
        published_at=0.0,
        event=errand.event,
        root=errand.root,
        depth=errand.depth,
    )


def _dead(filter: Filter) -> Filter:
    assert filter.state == "dead"
    return filter


def background_errand(
    *,
    id: str,
    app: AppId,
    function: str,
    data: object,
    key: str,
    priority: int,
    not_before: float,
    where: Where,
) -> Errand:
    """Make the errand of a background call.

    Raises:
        Invalid: the priority is none.
    """
    if not -100 <= priority <= 100:
        raise Invalid("a priority lies between -100 and 100")
    name = f"{app}:{function}"
    return Errand(
        id=id,
        app=app,
        line=function_line(name),
        function=name,
        body=msgspec.json.encode(data),
        key=key,
        priority=priority,
        not_before=not_before,
        root=where.root or id,
        depth=where.depth,
        trace=where.trace,
    )
