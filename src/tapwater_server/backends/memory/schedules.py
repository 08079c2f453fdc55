"""The reference keeper of schedules, in dictionaries."""

from collections.abc import Callable, Mapping, Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Schedule
from tapwater_server.ports.schedules import Mark, MarkKey, check_room, schedule_key


class MemorySchedules:
    """See the promises of ``ports/schedules.py``; durable as long as the process."""

    def __init__(self) -> None:
        self._held: dict[AppId, dict[str, Schedule]] = {}
        self._marks: dict[MarkKey, Mark] = {}
        self._watchers: list[Callable[[AppId, str], None]] = []

    def get(self, app: AppId, name: str) -> Schedule | None:
        return self._held.get(app, {}).get(name)

    def of_app(self, app: AppId) -> Sequence[Schedule]:
        return [one for _, one in sorted(self._held.get(app, {}).items())]

    def all(self) -> Sequence[Schedule]:
        return [one for held in self._held.values() for one in held.values()]

    async def put(self, schedule: Schedule) -> None:
        held = self._held.setdefault(schedule.app, {})
        if schedule.name not in held:
            check_room(len(held))
        held[schedule.name] = schedule
        self._tell(schedule.app, schedule.name)

    async def remove(self, app: AppId, name: str) -> bool:
        gone = self._held.get(app, {}).pop(name, None)
        self._marks.pop((app, schedule_key(name)), None)
        self._tell(app, name)
        return gone is not None

    def marks(self) -> Mapping[MarkKey, Mark]:
        return self._marks

    async def mark(self, marks: Sequence[Mark], *, forget: Sequence[MarkKey] = ()) -> None:
        for place in forget:
            self._marks.pop(place, None)
        for one in marks:
            self._marks[one.place] = one

    def watch(self, told: Callable[[AppId, str], None]) -> None:
        self._watchers.append(told)

    async def erase(self, app: AppId) -> None:
        gone = self._held.pop(app, {})
        self._marks = {place: one for place, one in self._marks.items() if place[0] != app}
        self._tell(app, *gone)

    def _tell(self, app: AppId, *names: str) -> None:
        for told in self._watchers:
            for name in names:
                told(app, name)
