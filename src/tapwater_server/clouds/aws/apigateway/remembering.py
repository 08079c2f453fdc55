"""Remembers what authorizers said, for as long as they are to be believed."""

from collections.abc import Mapping
from typing import Any

REMEMBERED_MAX = 10_000


class Remembering:
    """Keeps answers by what they were asked about."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[Mapping[str, Any], float]] = {}

    def find(self, key: tuple[str, ...], now: float) -> Mapping[str, Any] | None:
        found = self._known.get(key)
        return found[0] if found is not None and now < found[1] else None

    def keep(self, key: tuple[str, ...], value: Mapping[str, Any], *, until: float) -> None:
        if len(self._known) >= REMEMBERED_MAX:
            self._known.pop(next(iter(self._known)))  # The oldest.
        self._known[key] = value, until
