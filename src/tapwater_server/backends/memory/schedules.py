"""The reference keeper of schedules, in dictionaries."""

from collections.abc import Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.model.schedule import Schedule
from tapwater_server.ports.schedules import Mark, MarkKey
from tapwater_server.ports.schedules_held import Held


class MemorySchedules:
    """See the promises of ``ports/schedules.py``; durable as long as the process."""

    def __init__(self) -> None:
        self._held = Held()
        self.get, self.of_app, self.all = self._held.get, self._held.of_app, self._held.all
        self.marks, self.watch = self._held.marks, self._held.watch

    async def put(self, schedule: Schedule) -> None:
        self._held.check_room_for(schedule)
        self._held.put(schedule)

    async def remove(self, app: AppId, name: str) -> bool:
        return self._held.remove(app, name)

    async def mark(self, marks: Sequence[Mark], *, forget: Sequence[MarkKey] = ()) -> None:
        self._held.mark(marks, forget=forget)

    async def erase(self, app: AppId) -> None:
        self._held.erase(app)
