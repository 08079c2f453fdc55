"""The reference cache: a shelf and a clock."""

from collections.abc import Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.model.shelf import Kept, Shelf, ShelfStats, select
from tapwater_server.ports.clock import Clock


class MemoryCache:
    """Keeps all promises of ``ports/cache.py`` but CCH-5."""

    def __init__(self, *, clock: Clock, shelf: Shelf | None = None) -> None:
        self._clock = clock
        self._shelf = shelf or Shelf()

    def get(self, app: AppId, key: str) -> Kept | None:
        return self._shelf.get(app, key, now=self._clock.now())

    async def put(
        self,
        app: AppId,
        key: str,
        value: bytes,
        *,
        json: bool,
        ttl_s: float | None,
        if_version: int | None = None,
    ) -> Kept:
        now = self._clock.now()
        ends = now + ttl_s if ttl_s is not None else 0.0
        kept, _ = self._shelf.put(
            app, key, value, json=json, expires_at=ends, now=now, if_version=if_version
        )
        return kept

    async def add_to(self, app: AppId, key: str, by: float, *, ttl_s: float | None) -> Kept:
        now = self._clock.now()
        ends = now + ttl_s if ttl_s is not None else None
        kept, _ = self._shelf.add_to(app, key, by, expires_at=ends, now=now)
        return kept

    async def touch(
        self, app: AppId, key: str, *, ttl_s: float | None, if_version: int | None = None
    ) -> Kept | None:
        now = self._clock.now()
        ends = now + ttl_s if ttl_s is not None else 0.0
        kept, _ = self._shelf.touch(app, key, expires_at=ends, now=now, if_version=if_version)
        return kept

    async def drop(self, app: AppId, key: str, *, if_version: int | None = None) -> bool:
        was, _ = self._shelf.drop(app, key, now=self._clock.now(), if_version=if_version)
        return was

    async def clear(self, app: AppId) -> int:
        count, _ = self._shelf.clear(app)
        return count

    def keys(
        self, app: AppId, *, prefix: str = "", after: str = "", count_max: int = 100
    ) -> Sequence[Kept]:
        found = self._shelf.keys(app, now=self._clock.now())
        return select(found, prefix=prefix, after=after, count_max=count_max)

    def stats(self, app: AppId) -> ShelfStats:
        return self._shelf.stats(app)

    async def sweep(self) -> None:
        self._shelf.sweep(now=self._clock.now())
