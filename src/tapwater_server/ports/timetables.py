"""What is due at times that another room knows: it says when, and what is to be done then.

The loop that watches over schedules (events/sources/schedule.py) sees to these too: it keeps how
far each has come (ports/schedules.py), also after kill -9.

TTB-1  timed() and all() answer from memory. A key is one of its app's, and tells what is whose.
TTB-2  errand() gives the same errand, with the same id, for the same time: it may be asked again.
TTB-3  Whoever watches is told the app and key of what came, went or changed.
TTB-4  over() is called when nothing is due any more, after the last errand is on the bus; perhaps
       twice.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Missed
from tapwater_server.ports.bus import Errand


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Something that is due now and then. Other ``said`` starts anew."""

    app: AppId
    key: str
    said: str
    next_after: Callable[[float], float | None]  # seconds since the epoch; None: never again
    errand: Callable[[float], Errand]
    missed: Missed = Missed.ONCE
    since: float = 0.0  # what was due before does not count


class Timetable(Protocol):
    """See the promises above."""

    def timed(self, app: AppId, key: str) -> Timed | None: ...

    def all(self) -> Iterable[Timed]: ...

    def watch(self, told: Callable[[AppId, str], None]) -> None: ...

    async def over(self, timed: Timed) -> None: ...


class Timetables:
    """All timetables there are: each room adds its own."""

    def __init__(self) -> None:
        self._all: list[Timetable] = []
        self._watching: list[Callable[[AppId, str], None]] = []

    def add(self, timetable: Timetable) -> None:
        self._all.append(timetable)
        timetable.watch(self._told)

    def timed(self, app: AppId, key: str) -> Timed | None:
        found = (one.timed(app, key) for one in self._all)
        return next((one for one in found if one is not None), None)

    def all(self) -> Iterable[Timed]:
        for timetable in self._all:
            yield from timetable.all()

    def watch(self, told: Callable[[AppId, str], None]) -> None:
        self._watching.append(told)

    async def over(self, timed: Timed) -> None:
        for timetable in self._all:
            if timetable.timed(timed.app, timed.key) is not None:
                await timetable.over(timed)

    def _told(self, app: AppId, key: str) -> None:
        for told in self._watching:
            told(app, key)
