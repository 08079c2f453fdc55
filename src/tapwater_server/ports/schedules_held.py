"""What any keeper of schedules holds in memory, to answer without waiting."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Schedule
from tapwater_server.ports.schedules import Mark, MarkKey, check_room, schedule_key


@dataclass(slots=True)
class Held:
    """See the promise SCD-2 of ``ports/schedules.py``: changed when a change is durable."""

    _schedules: dict[AppId, dict[str, Schedule]] = field(default_factory=dict)
    _marks: dict[MarkKey, Mark] = field(default_factory=dict)
    _watchers: list[Callable[[AppId, str], None]] = field(default_factory=list)

    def get(self, app: AppId, name: str) -> Schedule | None:
        return self._schedules.get(app, {}).get(name)

    def of_app(self, app: AppId) -> Sequence[Schedule]:
        return [one for _, one in sorted(self._schedules.get(app, {}).items())]

    def all(self) -> Sequence[Schedule]:
        return [one for held in self._schedules.values() for one in held.values()]

    def marks(self) -> Mapping[MarkKey, Mark]:
        return self._marks

    def watch(self, told: Callable[[AppId, str], None]) -> None:
        self._watchers.append(told)

    def check_room_for(self, schedule: Schedule) -> None:
        """Refuse one too many.

        Raises:
            Overloaded: the app has as many as it may have.
        """
        held = self._schedules.get(schedule.app, {})
        if schedule.name not in held:
            check_room(len(held))

    def put(self, schedule: Schedule) -> None:
        self._schedules.setdefault(schedule.app, {})[schedule.name] = schedule
        self._tell(schedule.app, schedule.name)

    def remove(self, app: AppId, name: str) -> bool:
        gone = self._schedules.get(app, {}).pop(name, None)
        self._marks.pop((app, schedule_key(name)), None)
        self._tell(app, name)
        return gone is not None

    def mark(self, marks: Sequence[Mark], *, forget: Sequence[MarkKey] = ()) -> None:
        for place in forget:
            self._marks.pop(place, None)
        for one in marks:
            self._marks[one.place] = one

    def erase(self, app: AppId) -> None:
        gone = self._schedules.pop(app, {})
        self._marks = {place: one for place, one in self._marks.items() if place[0] != app}
        self._tell(app, *gone)

    def _tell(self, app: AppId, *names: str) -> None:
        for told in self._watchers:
            for name in names:
                told(app, name)
