"""Secrets of apps, in memory only: nothing is at rest, so nothing at rest is in the clear."""

from collections.abc import Callable, Mapping, Sequence

from tapwater_server.model.ids import AppId


class MemorySecrets:
    """See the promises of ``ports/secrets.py``."""

    def __init__(self) -> None:
        self._values: dict[AppId, dict[str, str]] = {}
        self._listeners: list[Callable[[AppId], None]] = []

    async def put(self, app: AppId, name: str, value: str) -> None:
        self._values.setdefault(app, {})[name] = value
        self._tell(app)

    async def remove(self, app: AppId, name: str) -> bool:
        there = self._values.get(app, {}).pop(name, None) is not None
        self._tell(app)
        return there

    def names(self, app: AppId) -> Sequence[str]:
        return sorted(self._values.get(app, {}))

    def values(self, app: AppId, names: Sequence[str]) -> Mapping[str, str]:
        held = self._values.get(app, {})
        return {name: held[name] for name in names if name in held}

    def forget(self, app: AppId) -> None:
        """The app is gone."""
        self._values.pop(app, None)
        self._tell(app)

    def when_changed(self, told: Callable[[AppId], None]) -> None:
        self._listeners.append(told)

    def _tell(self, app: AppId) -> None:
        for told in self._listeners:
            told(app)
