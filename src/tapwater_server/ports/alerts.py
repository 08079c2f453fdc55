"""Rules that tell people when something goes wrong: kept for good, read from memory.

ALR-1  put() and remove() are durable before they return; put() replaces the rule of that name.
ALR-2  all() and of_app() answer at once from memory, and see a change as soon as it is made.
ALR-3  An app, and the node, has RULES_MAX rules; one more is refused.
ALR-4  erase() forgets an app's rules and no other's.
ALR-5  told_at() says when a rule was last told of, as note_told() said it, also after a restart;
       0.0 if never, or if the rule is no more.
"""

from collections.abc import Sequence
from typing import Protocol

from tapwater_server.model.alert import RULES_MAX, Alert
from tapwater_server.model.errors import Conflict
from tapwater_server.model.ids import AppId


class Alerts(Protocol):
    """See the promises above."""

    async def put(self, alert: Alert) -> None: ...

    async def remove(self, app: AppId, name: str) -> bool: ...

    def all(self) -> Sequence[Alert]: ...

    def of_app(self, app: AppId) -> Sequence[Alert]: ...

    def get(self, app: AppId, name: str) -> Alert | None: ...

    async def erase(self, app: AppId) -> None: ...

    def told_at(self, app: AppId, name: str) -> float: ...

    async def note_told(self, app: AppId, name: str, at: float) -> None: ...


class HeldAlerts:
    """The rules in memory: what every backend answers from."""

    def __init__(self) -> None:
        self._held: dict[tuple[AppId, str], Alert] = {}
        self._told: dict[tuple[AppId, str], float] = {}

    def check_room_for(self, alert: Alert) -> None:
        """Raises Conflict: the app has as many as it may."""
        of_app = self.of_app(alert.app)
        if self.get(alert.app, alert.name) is None and len(of_app) >= RULES_MAX:
            raise Conflict(f"there are {RULES_MAX} alerts already, the most there can be")

    def put(self, alert: Alert) -> None:
        self._held[alert.place] = alert

    def told_at(self, app: AppId, name: str) -> float:
        return self._told.get((app, name), 0.0)

    def note_told(self, app: AppId, name: str, at: float) -> None:
        if (app, name) in self._held:
            self._told[app, name] = at

    def remove(self, app: AppId, name: str) -> bool:
        self._told.pop((app, name), None)
        return self._held.pop((app, name), None) is not None

    def all(self) -> Sequence[Alert]:
        return tuple(self._held.values())

    def of_app(self, app: AppId) -> Sequence[Alert]:
        return sorted((one for one in self.all() if one.app == app), key=lambda one: one.name)

    def get(self, app: AppId, name: str) -> Alert | None:
        return self._held.get((app, name))

    def erase(self, app: AppId) -> None:
        self._held = {place: one for place, one in self._held.items() if one.app != app}
        self._told = {place: at for place, at in self._told.items() if place[0] != app}
