"""Rules of alerts in memory: the reference."""

from tapwater_server.model.alert import Alert
from tapwater_server.model.ids import AppId
from tapwater_server.ports.alerts import HeldAlerts


class MemoryAlerts:
    """See the promises of ``ports/alerts.py``."""

    def __init__(self) -> None:
        self._held = HeldAlerts()
        self.all, self.of_app, self.get = self._held.all, self._held.of_app, self._held.get
        self.told_at = self._held.told_at

    async def put(self, alert: Alert) -> None:
        self._held.check_room_for(alert)
        self._held.put(alert)

    async def remove(self, app: AppId, name: str) -> bool:
        return self._held.remove(app, name)

    async def erase(self, app: AppId) -> None:
        self._held.erase(app)

    async def note_told(self, app: AppId, name: str, at: float) -> None:
        self._held.note_told(app, name, at)
