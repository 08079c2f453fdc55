"""Which times of a schedule are to be run now, given how far it has come. Pure.

A clock that jumped back repeats nothing: what was seen to stays so. If it jumped back by more
than a day, it was wrong before, and the schedule goes on from the present.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo

from tapwater_server.model.cron import Every, Times, next_after, parse, zone_named
from tapwater_server.model.function import Function
from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Missed, Overlap, Schedule
from tapwater_server.ports.schedules import Mark, MarkKey, schedule_key
from tapwater_server.ports.timetables import Timed

LATE_S_MAX = 60.0  # A time that comes no later than this was not missed.
MADE_UP_MAX = 100  # Missed times that are made up for.
BACK_S_MAX = 86_400.0
_FIRST_LOOK_S = 60.0  # How far back to look for missed times; then 60 times further, and so on.


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A schedule as the loop knows it: of a trigger, of the API (``schedule`` is set), or of
    another room (``timed`` is).
    """

    app: AppId
    key: str
    name: str  # as events say it
    said: str  # its times and zone, and which of that name it is: the mark's
    times: Times | None  # None: it is due once
    at: float
    zone: tzinfo
    missed: Missed
    overlap: Overlap
    function: str = ""  # "app:name" of the function whose run must be over; "" for none
    schedule: Schedule | None = None
    timed: Timed | None = None
    since: float = 0.0  # when it was made; 0.0: unknown

    @property
    def place(self) -> MarkKey:
        return self.app, self.key

    def next_after(self, at: float) -> float | None:
        """Say when it is due next."""
        if self.timed is not None:
            return self.timed.next_after(at)
        if self.times is None:
            return self.at if self.at > at else None
        return next_after(self.times, at, self.zone)


def entry_of(schedule: Schedule) -> Entry:
    """Make the entry of a schedule that an app made.

    Raises:
        ValueError: its times or zone mean nothing (any more: zones do go).
    """
    return Entry(
        app=schedule.app,
        key=schedule_key(schedule.name),
        name=schedule.name,
        said=f"{schedule.id} {schedule.times or schedule.at} {schedule.zone}",
        times=schedule.parsed(),
        at=schedule.at,
        zone=zone_named(schedule.zone),
        missed=schedule.missed,
        overlap=schedule.overlap,
        function=f"{schedule.app}:{schedule.target}" if schedule.kind == "function" else "",
        schedule=schedule,
        since=schedule.since,
    )


def entries_of(function: Function) -> Iterator[Entry]:
    """Make the entries of a function's schedule triggers.

    Raises:
        ValueError: one means nothing.
    """
    own = [one for one in function.triggers if one.source == "schedule"]
    for index, trigger in enumerate(own):
        said = trigger.arguments
        name = function.id.name + (f"#{index}" if len(own) > 1 else "")
        yield Entry(
            app=function.id.app,
            key=f"f:{function.id.name}#{index}",
            name=name,
            said=f"{said['cron']} {said.get('tz', 'UTC')}",
            times=parse(said["cron"]),
            at=0.0,
            zone=zone_named(said.get("tz", "UTC")),
            missed=Missed(said.get("missed") or Missed.ONCE),
            overlap=Overlap(said.get("overlap") or Overlap.SKIP),
            function=str(function.id),
        )


def entry_of_timed(timed: Timed) -> Entry:
    """Make the entry of something that another room has done at its times."""
    return Entry(
        app=timed.app,
        key=timed_key(timed.key),
        name=timed.key,
        said=timed.said,
        times=None,
        at=0.0,
        zone=UTC,
        missed=timed.missed,
        overlap=Overlap.ALLOW,
        timed=timed,
        since=timed.since,
    )


def timed_key(key: str) -> str:
    """Name the mark of such a thing.

    >>> timed_key("rule/nightly")
    't:rule/nightly'
    """
    return f"t:{key}"


def begin(entry: Entry, mark: Mark | None, now: float) -> Mark:
    """Say how far a schedule has come: as its mark says, if that still holds."""
    if mark is not None and mark.said == entry.said and mark.due_at <= now + BACK_S_MAX:
        return mark
    made_at = entry.since or now
    from_at = min(made_at, now) if mark is None or mark.said != entry.said else now
    return Mark(app=entry.app, key=entry.key, said=entry.said, due_at=from_at)


def next_due(entry: Entry, mark: Mark) -> float | None:
    """Say when there is something to do for it; None: never again."""
    return entry.next_after(mark.due_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to be done with a schedule that is due."""

    dues: list[float]  # to be run now
    mark: Mark  # how far it has come then
    following: float | None  # when it is due next


def judge(entry: Entry, mark: Mark, due: float, now: float) -> Verdict:
    """Say what is to be run now; ``due`` is the first time after the mark."""
    dues, following = [due], entry.next_after(due)
    if following is not None and following <= now:
        count = MADE_UP_MAX if entry.missed is Missed.ALL else 1
        dues = _latest(entry, mark.due_at, now, count=count)
        following = entry.next_after(dues[-1])
    chosen = dues
    if entry.missed is Missed.SKIP:
        chosen = [one for one in dues if now - one <= LATE_S_MAX]
    run_at = chosen[-1] if chosen else mark.run_at
    return Verdict(
        dues=chosen, mark=replace(mark, due_at=dues[-1], run_at=run_at), following=following
    )


def _latest(entry: Entry, after: float, until: float, *, count: int) -> list[float]:
    """List the latest times due after ``after`` and not after ``until``."""
    if isinstance(entry.times, Every):
        after = max(after, until - (count + 1) * entry.times.seconds)
    look_s = _FIRST_LOOK_S
    while True:
        start = max(after, until - look_s)
        found = list(_between(entry, start, until))
        if len(found) >= count or start <= after:
            return found[-count:]
        look_s *= 60


def _between(entry: Entry, after: float, until: float) -> Iterator[float]:
    due = entry.next_after(after)
    while due is not None and due <= until:
        yield due
        due = entry.next_after(due)
