"""Which functions listen to which topics: a message nobody listens to becomes no event."""

from collections.abc import Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.ports.registry import Registry
from tapwater_server.services.mqtt.codec.topics import matches

SOURCE = "mqtt"  # As in @on.mqtt(...).
_REMEMBERED_MAX = 10_000


class Listeners:
    """Follows the registry: every revision an alias points at is live."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._filters: dict[AppId, Sequence[str]] = {}
        self._heard: dict[tuple[AppId, str], bool] = {}
        registry.watch(self._changed)

    def _changed(self, app: AppId) -> None:
        self._filters.pop(app, None)
        self._heard.clear()

    def filters(self, app: AppId) -> Sequence[str]:
        """Give the topic filters of an app's live functions."""
        found = self._filters.get(app)
        if found is None:
            found = self._filters[app] = tuple(sorted(self._read(app)))
        return found

    def hears(self, app: AppId, topic: str) -> bool:
        """Say whether a live function listens to a topic."""
        key = (app, topic)
        heard = self._heard.get(key)
        if heard is None:
            heard = any(matches(filter, topic) for filter in self.filters(app))
            if len(self._heard) >= _REMEMBERED_MAX:
                self._heard.clear()
            self._heard[key] = heard
        return heard

    def _read(self, app: AppId) -> set[str]:
        live = {id for alias in self._registry.aliases(app) for id in alias.weights}
        found = set()
        for id in live:
            revision = self._registry.revision(app, id)
            for function in revision.functions if revision is not None else ():
                for trigger in function.triggers:
                    if trigger.source == SOURCE:
                        found.add(as_filter(str(trigger.arguments["topic"])))
        return found


def as_filter(pattern: str) -> str:
    """Make a filter of a function's pattern, in which a level may have a name.

    >>> as_filter("sensors/{id}/temperature")
    'sensors/+/temperature'
    """
    levels = pattern.split("/")
    return "/".join("+" if level[:1] == "{" else level for level in levels)
