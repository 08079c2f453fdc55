"""Tells of times that have come: one heap of next times, one timer, whatever the number.

First what is to be told is on disk, then how far the schedule has come. A crash in between tells
it again with the same id, which changes nothing.
"""

import asyncio
import heapq
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from tapwater_server.events.destinations import Chain, Places
from tapwater_server.events.sources.firing import (
    Firing,
    errand_of,
    errand_to_watch,
    event_of,
    firing_of,
    kind_of,
)
from tapwater_server.events.sources.ticks import (
    BACK_S_MAX,
    Entry,
    Verdict,
    begin,
    entries_of,
    entry_of,
    entry_of_timed,
    judge,
    next_due,
    timed_key,
)
from tapwater_server.model.errors import Invalid, TooLarge
from tapwater_server.model.function import Function
from tapwater_server.model.ids import AppId
from tapwater_server.model.message import Message
from tapwater_server.model.schedule import Schedule, TargetKind
from tapwater_server.ports.bus import Bus, Filter
from tapwater_server.ports.clock import Clock, wait_either
from tapwater_server.ports.eventlog import EventLog
from tapwater_server.ports.ids import IdSource
from tapwater_server.ports.schedules import Mark, MarkKey, Schedules, schedule_key
from tapwater_server.ports.timetables import Timetables

STEP_MAX = 2_000  # Schedules seen to at a time, and their payloads: how large a write becomes.
STEP_BYTES_MAX = 16 << 20
SENDS_MAX = 500  # Messages on their way at a time; they share a write.
LOOK_S_MAX = 30.0  # How often to look at the clock while nothing is due: it may have jumped.
AGAIN_S = 1.0  # After the log or the bus could not be used.
Due = tuple[float, Entry]
_UNSETTLED = frozenset({"waiting", "leased"})

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerStats:
    """What the loop has done since it started. ``late_s`` is how late the last time was."""

    schedules: int
    fired: int
    skipped: int  # because the run before was not over
    failed: int  # steps
    late_s: float


class Ticker:
    """The loop. ``functions`` gives those that are live, ``places`` tells queues and topics."""

    def __init__(
        self,
        *,
        schedules: Schedules,
        functions: Callable[[], Iterable[Function]],
        log: EventLog,
        bus: Bus,
        places: Places,
        clock: Clock,
        ids: IdSource,
        timetables: Timetables | None = None,
    ) -> None:
        self._schedules, self._functions = schedules, functions
        self._eventlog, self._bus, self._places = log, bus, places
        self._clock, self._ids = clock, ids
        self._entries: dict[MarkKey, Entry] = {}
        self._dues: dict[MarkKey, float] = {}
        self._heap: list[tuple[float, MarkKey]] = []  # May hold stale ones; _dues has the truth.
        self._changed, self._stale = asyncio.Event(), True
        self._touched: set[tuple[AppId, str]] = set()  # Schedules that came, went or changed.
        self._touched_timed: set[tuple[AppId, str]] = set()  # The same of other rooms.
        self._timetables = timetables or Timetables()
        self._deployed = False
        self._fired = self._skipped = self._failed = 0
        self._late_s = self._now = 0.0
        schedules.watch(self._told)
        self._timetables.watch(self._told_timed)

    def look_again(self) -> None:
        """Functions have come or gone."""
        self._deployed = True
        self._changed.set()

    def _told(self, app: AppId, name: str) -> None:
        self._touched.add((app, name))
        self._changed.set()

    def _told_timed(self, app: AppId, key: str) -> None:
        self._touched_timed.add((app, key))
        self._changed.set()

    def stats(self) -> TickerStats:
        return TickerStats(
            schedules=len(self._entries),
            fired=self._fired,
            skipped=self._skipped,
            failed=self._failed,
            late_s=self._late_s,
        )

    async def run(self) -> None:
        """Serve until cancelled."""
        while True:
            try:
                if await self.step() == 0:
                    await self._wait()
            except Exception:  # The border of a loop's step: a full disk is no end of all time.
                self._failed += 1
                self._stale = True  # What was taken from the heap and not told comes back.
                _log.exception("times that have come could not be told")
                await self._clock.sleep(AGAIN_S)

    async def step(self) -> int:
        """See to what is due, up to a ceiling; say how many schedules that were."""
        self._changed.clear()
        now = self._clock.now()
        if self._stale or now < self._now - BACK_S_MAX:
            await self._load(now)
        elif self._deployed or self._touched or self._touched_timed:
            await self._follow(now)
        self._now = now
        due = self._take_due(now)
        if due:
            await self._tell(due, now)
        return len(due)

    async def run_now(self, schedule: Schedule) -> str:
        """Let a schedule run once more, now; give the id of what was told."""
        return await self._run(entry_of(schedule))

    async def run_function_now(self, function: Function) -> str:
        """The same for a function that says its times in its file; of several, the first."""
        return await self._run(next(iter(entries_of(function))))

    async def _run(self, entry: Entry) -> str:
        firing = Firing(entry=entry, due=self._clock.now(), id=f"run.{self._ids.fresh()}")
        await self._fire([firing])
        return firing.id

    def next_wait_s(self) -> float:
        """Say how long there is nothing to do, as far as is known."""
        if not self._heap:
            return LOOK_S_MAX
        return min(max(self._heap[0][0] - self._clock.now(), 0.0), LOOK_S_MAX)

    async def _wait(self) -> None:
        wait_s = self.next_wait_s()
        if wait_s > 0:
            await wait_either(self._changed, clock=self._clock, seconds=wait_s)

    async def _load(self, now: float) -> None:
        """Look at all schedules anew: which there are, and how far each has come."""
        self._stale = self._deployed = False
        self._touched.clear()
        self._touched_timed.clear()
        self._entries, self._dues, self._heap = {}, {}, []
        timed = map(entry_of_timed, self._timetables.all())
        found = [*self._of_api(self._schedules.all()), *self._of_functions(), *timed]
        gone = set(self._schedules.marks()) - {entry.place for entry in found}
        await self._place(found, gone, now)

    async def _follow(self, now: float) -> None:
        """Look at what has changed, and nothing else: there may be very many others."""
        touched, self._touched = self._touched, set()
        deployed, self._deployed = self._deployed, False
        kept = [self._schedules.get(app, name) for app, name in touched]
        found = list(self._of_api([one for one in kept if one is not None]))
        before = {(app, schedule_key(name)) for app, name in touched}
        timed, self._touched_timed = self._touched_timed, set()
        before |= {(app, timed_key(key)) for app, key in timed}
        others = [self._timetables.timed(app, key) for app, key in timed]
        found += [entry_of_timed(one) for one in others if one is not None]
        if deployed:
            found += self._of_functions()
            before |= {place for place, one in self._entries.items() if _of_function(one)}
        await self._place(found, before - {entry.place for entry in found}, now)

    async def _place(self, found: Iterable[Entry], gone: Iterable[MarkKey], now: float) -> None:
        marks, fresh = self._schedules.marks(), list[Mark]()
        for place in gone:
            self._entries.pop(place, None)
            self._dues.pop(place, None)
        for entry in found:
            mark = begin(entry, marks.get(entry.place), now)
            if mark is not marks.get(entry.place):
                fresh.append(mark)
            self._entries[entry.place] = entry
            self._set_due(entry.place, next_due(entry, mark))
        # Paused ones lose their marks too: what they miss is not made up for.
        forget = [place for place in gone if place in marks]
        if fresh or forget:
            await self._schedules.mark(fresh, forget=forget)

    def _set_due(self, place: MarkKey, due: float | None) -> None:
        self._dues.pop(place, None)
        if due is not None:
            self._dues[place] = due
            heapq.heappush(self._heap, (due, place))

    def _of_api(self, schedules: Iterable[Schedule]) -> Iterator[Entry]:
        for schedule in schedules:
            if not schedule.paused:
                yield from _readable(partial(_only, schedule), schedule.app)

    def _of_functions(self) -> Iterator[Entry]:
        for function in self._functions():
            yield from _readable(partial(entries_of, function), function.id.app)

    def _take_due(self, now: float) -> list[Due]:
        taken, room = list[Due](), STEP_BYTES_MAX
        while self._heap and self._heap[0][0] <= now and len(taken) < STEP_MAX and room > 0:
            due, place = heapq.heappop(self._heap)
            if self._dues.get(place) != due:
                continue
            del self._dues[place]
            entry = self._entries[place]
            taken.append((due, entry))
            room -= len(entry.schedule.payload) if entry.schedule is not None else 0
        return taken

    async def _tell(self, taken: Sequence[Due], now: float) -> None:
        marks = self._schedules.marks()
        running = await self._running([entry for _, entry in taken])
        firings, judged = list[Firing](), list[tuple[Entry, Verdict]]()
        for due, entry in taken:
            before = marks.get(entry.place)
            if before is None:
                continue  # Removed meanwhile.
            verdict = judge(entry, before, due, now)
            if entry.place in running:
                self._skipped += len(verdict.dues)
                verdict = replace(
                    verdict, dues=[], mark=replace(verdict.mark, run_at=before.run_at)
                )
            firings += [firing_of(entry, one) for one in verdict.dues]
            judged.append((entry, verdict))
            self._late_s = now - verdict.mark.due_at
        await self._fire(firings)
        await self._schedules.mark([verdict.mark for _, verdict in judged])
        for entry, verdict in judged:
            await self._go_on(entry, verdict.following)

    async def _go_on(self, entry: Entry, following: float | None) -> None:
        """Put a schedule back for its next time; what is due never again is removed."""
        if following is not None:
            if self._entries.get(entry.place) is entry:  # Else it was changed meanwhile.
                self._set_due(entry.place, following)
        elif entry.timed is not None:
            await self._timetables.over(entry.timed)
        elif entry.schedule is not None and self._is_still(entry.schedule):
            await self._schedules.remove(entry.app, entry.schedule.name)

    def _is_still(self, schedule: Schedule) -> bool:
        now = self._schedules.get(schedule.app, schedule.name)
        return now is not None and now.id == schedule.id

    async def _running(self, entries: Sequence[Entry]) -> set[MarkKey]:
        """Say whose last run is not over."""
        marks, watched = self._schedules.marks(), dict[AppId, dict[str, MarkKey]]()
        for entry in entries:
            mark = marks.get(entry.place)
            id = errand_to_watch(entry, mark.run_at) if mark is not None else ""
            if id:
                watched.setdefault(entry.app, {})[id] = entry.place
        running = set()
        for app, places in watched.items():
            wanted = Filter(app=app, ids=tuple(places))
            for state in await self._bus.list(wanted, count_max=len(places)):
                if state.state in _UNSETTLED:
                    running.add(places[state.id])
        return running

    async def _fire(self, firings: Sequence[Firing]) -> None:
        now = self._clock.now()
        events = [event_of(one, now=now) for one in _of(firings, TargetKind.EVENT)]
        errands = [errand_of(one, now=now) for one in _of(firings, TargetKind.FUNCTION)]
        if events:
            await self._eventlog.append(events)
        if errands:
            await self._bus.publish(errands)
        sending = _of(firings, TargetKind.QUEUE, TargetKind.TOPIC)
        for first in range(0, len(sending), SENDS_MAX):
            async with asyncio.TaskGroup() as group:
                for one in sending[first : first + SENDS_MAX]:
                    group.create_task(self._send(one))
        self._fired += len(firings)

    async def _send(self, firing: Firing) -> None:
        schedule = firing.entry.schedule
        assert schedule is not None
        message = Message(body=schedule.payload)
        chain = Chain(id=firing.id, root=firing.id, depth=0)
        to_queue = schedule.kind is TargetKind.QUEUE
        tell = self._places.send if to_queue else self._places.announce
        try:
            await tell(schedule.app, schedule.target, message, chain)
        except (Invalid, TooLarge):  # It would be refused for ever, and stop all others.
            _log.exception("a time could not be told", extra={"app": schedule.app, "id": firing.id})


def _of(firings: Iterable[Firing], *kinds: TargetKind) -> list[Firing]:
    return [one for one in firings if kind_of(one.entry) in kinds]


def _of_function(entry: Entry) -> bool:
    return entry.schedule is None and entry.timed is None


def _readable(read: Callable[[], Iterable[Entry]], app: AppId) -> list[Entry]:
    """One schedule that means nothing any more must not stop all others."""
    try:
        return list(read())
    except ValueError:
        _log.exception("a schedule cannot be read", extra={"app": app})
        return []


def _only(schedule: Schedule) -> list[Entry]:
    return [entry_of(schedule)]
