"""Secrets of apps, encrypted at rest.

SEC-1  What is stored on disk does not contain the value in the clear.
SEC-2  A value put is read back until it is removed or its app is; put is durable before it returns.
SEC-3  Without the key file nothing can be read, and the error says so.
SEC-4  when_changed() hears of each put, each removal and of an app's end, once it has happened.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from tapwater_server.model.ids import AppId


class Secrets(Protocol):
    """Names and values. Values are text of at most 64 KiB."""

    async def put(self, app: AppId, name: str, value: str) -> None: ...

    async def remove(self, app: AppId, name: str) -> bool: ...

    def names(self, app: AppId) -> Sequence[str]: ...

    def values(self, app: AppId, names: Sequence[str]) -> Mapping[str, str]: ...

    def when_changed(self, told: Callable[[AppId], None]) -> None:
        """Whom to call with the app whose secrets have changed."""
        ...
