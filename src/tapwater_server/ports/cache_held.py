"""What any cache holds in memory, where all is decided; a copy elsewhere is the backend's."""

from collections.abc import Awaitable, Callable, Sequence

from tapwater_server.model.ids import AppId
from tapwater_server.model.shelf import Change, Kept, Shelf, ShelfStats, select
from tapwater_server.ports.clock import Clock

Copy = Callable[[Sequence[Change]], Awaitable[None]]


class HeldCache:
    """A shelf and a clock. A change is decided at once, in one step; its caller goes on when
    ``copy`` has it.
    """

    def __init__(self, *, clock: Clock, shelf: Shelf, copy: Copy) -> None:
        self._clock, self._shelf, self._copy = clock, shelf, copy

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
        kept, changes = self._shelf.put(
            app, key, value, json=json, expires_at=ends, now=now, if_version=if_version
        )
        await self._copy(changes)
        return kept

    async def add_to(self, app: AppId, key: str, by: float, *, ttl_s: float | None) -> Kept:
        now = self._clock.now()
        ends = now + ttl_s if ttl_s is not None else None
        kept, changes = self._shelf.add_to(app, key, by, expires_at=ends, now=now)
        await self._copy(changes)
        return kept

    async def touch(
        self, app: AppId, key: str, *, ttl_s: float | None, if_version: int | None = None
    ) -> Kept | None:
        now = self._clock.now()
        ends = now + ttl_s if ttl_s is not None else 0.0
        kept, changes = self._shelf.touch(app, key, expires_at=ends, now=now, if_version=if_version)
        await self._copy(changes)
        return kept

    async def drop(self, app: AppId, key: str, *, if_version: int | None = None) -> bool:
        was, changes = self._shelf.drop(app, key, now=self._clock.now(), if_version=if_version)
        await self._copy(changes)
        return was

    async def clear(self, app: AppId) -> int:
        count, changes = self._shelf.clear(app)
        await self._copy(changes)
        return count

    def keys(
        self, app: AppId, *, prefix: str = "", after: str = "", count_max: int = 100
    ) -> Sequence[Kept]:
        found = self._shelf.keys(app, now=self._clock.now())
        return select(found, prefix=prefix, after=after, count_max=count_max)

    def stats(self, app: AppId) -> ShelfStats:
        return self._shelf.stats(app)

    async def sweep(self) -> None:
        await self._copy(self._shelf.sweep(now=self._clock.now()))
